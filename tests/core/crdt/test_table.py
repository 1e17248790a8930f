"""The table of types: a type that only this test knows folds, compares, weighs and rests as the others do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any, Final

import pytest

from cellsync.core.case.fold import CaseState, Stamp
from cellsync.core.crdt.cells import Cell
from cellsync.core.crdt.types import BY_TAG, TYPES, Contested, CrdtType, FieldType, Rest
from cellsync.core.errors import VaultDamaged
from cellsync.core.ids import DeviceId, EntryId, Millis, Ref
from cellsync.core.schema.schema import plain_field
from cellsync.core.wire import codec
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op

RAISE: Final = 99


class Highest:
    """The greatest number that anybody wrote."""

    def __init__(self, number: int = 0) -> None:
        self.number = number

    def copy(self) -> Highest:
        return Highest(self.number)


def folds(tag: int, detail: Any, cell: Cell) -> bool:
    return type(cell.resting) is int


def fold(state: Highest, tag: int, detail: Any, cell: Cell) -> None:
    state.number = max(state.number, cell.resting)


def contested(state: Highest) -> Iterator[Contested]:
    """A stand-in for a conflict: 7 is always doubted."""
    if state.number == 7:
        cells = [Cell(value, DeviceId(bytes(32)), Millis(0), 1, ref) for value, ref in ((7, REFS[0]), (8, REFS[1]))]
        yield Contested(None, cells)


def digest(state: Highest) -> Iterator[bytes]:
    yield codec.encode(state.number)


def pack(state: Highest, devices: Mapping[DeviceId, int]) -> tuple[Any, ...]:
    return (state.number,)


REFS: Final = [Ref(bytes([at]) * 10) for at in range(2)]
ROW: Final = CrdtType(
    "highest", "highests", frozenset({RAISE}), Highest, folds, fold, lambda state: state.number != 0,
    lambda state: state.number, contested, digest, lambda state: 100,
    Rest(lambda state: (), pack, lambda packed, devices: Highest(*packed)),
)  # fmt: skip


@pytest.fixture
def registered() -> Iterator[None]:
    TYPES[ROW.name] = BY_TAG[RAISE] = ROW
    yield
    del TYPES[ROW.name], BY_TAG[RAISE]


def case(*values: Any, logs: bool = True) -> CaseState:
    state = CaseState(logs=logs)
    for at, value in enumerate(values):
        stamp = Stamp(EntryId(repr(value).encode().rjust(8, b"-") + bytes(24)), DeviceId(bytes(32)), Millis(0), at)
        state.apply(stamp, [Operation(RAISE, "f", None, value), Operation(Op.COUNT, "f", None, 1)])
    return state


@pytest.mark.usefixtures("registered")
def test_a_new_row_folds_in_any_order() -> None:
    states = [case(*order) for order in permutations([3, 9, 5])]
    assert {plain_field(state, "f", ROW.name) for state in states} == {9}
    assert len({state.digest() for state in states}) == 1
    assert states[0].digest() != case(3, 8, 5).digest()
    assert states[0].fields() == [("f", FieldType.COUNTER), ("f", "highest")]
    assert not states[0].unknown


@pytest.mark.usefixtures("registered")
def test_a_new_row_rests_in_snapshots_and_is_copied() -> None:
    state = case(3, 9, logs=False)
    again = CaseState.decode(state.encode())
    assert plain_field(again, "f", ROW.name) == 9
    assert again.encode() == state.encode()
    copied = state.copy()
    copied.apply(Stamp(EntryId(b"x" * 32), DeviceId(bytes(32)), Millis(0), 5), [Operation(RAISE, "f", None, 50)])
    assert (plain_field(state, "f", ROW.name), plain_field(copied, "f", ROW.name)) == (9, 50)


@pytest.mark.usefixtures("registered")
def test_a_new_row_has_conflicts_weight_and_ill_typed_operations() -> None:
    [conflict] = case(7).conflicts()
    assert (conflict.field, conflict.type, [cell.value for cell in conflict.cells]) == ("f", "highest", [7, 8])
    assert case(7).weigh() == case().weigh() + 100 + len("f") + 150 + len("f")
    assert len(case("many").ill_typed) == 1


def test_without_its_row_its_operations_are_unknown_and_its_snapshots_are_refused() -> None:
    state = case(3, logs=False)
    assert (len(state.unknown), state.fields()) == (1, [("f", FieldType.COUNTER)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TYPES, ROW.name, ROW)
        snapshot = CaseState.decode(state.encode()).encode()
    with pytest.raises(VaultDamaged):
        CaseState.decode(snapshot)


def test_every_operation_of_a_field_belongs_to_one_row() -> None:
    assert sorted(tag for row in TYPES.values() for tag in row.tags) == [int(op) for op in Op if op != Op.CREATE]
    assert set(TYPES) == set(FieldType)
