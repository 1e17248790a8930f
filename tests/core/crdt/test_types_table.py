"""The table of types: a type that only tests know is folded, compared, weighed, stored and drafted like the others."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from cellsync.core.case.draft import SETTLES, Draft
from cellsync.core.case.fold import CaseState, Stamp
from cellsync.core.crdt.row import FieldType, Holds
from cellsync.core.crdt.types import TYPES, verb_of
from cellsync.core.errors import VaultDamaged
from cellsync.core.ids import DeviceId, EntryId, Millis
from cellsync.core.schema.schema import plain_field
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from tests.models import highest
from tests.models.highest import RAISE, ROW


@pytest.fixture
def registered() -> Iterator[None]:
    with highest.registered():
        yield


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
    assert list(states[0].fields()) == [("f", FieldType.COUNTER), ("f", "highest")]
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


@pytest.mark.usefixtures("registered")
def test_a_new_row_is_drafted() -> None:
    draft = Draft(case(3))
    for number in (2, 5, 4):
        draft.edit(ROW.name, "set", "f", number)
    assert plain_field(draft.view, "f", ROW.name) == 5
    assert draft.operations() == [Operation(RAISE, "f", None, 5)]
    doubted = case(7)
    draft = Draft(doubted.copy())
    [conflict] = doubted.conflicts()
    draft.resolve(conflict, 8)
    assert draft.operations(doubted) == [Operation(RAISE, "f", None, 8)]


def test_without_its_row_its_operations_are_unknown_and_its_snapshots_are_refused() -> None:
    state = case(3, logs=False)
    assert (len(state.unknown), list(state.fields())) == (1, [("f", FieldType.COUNTER)])
    with highest.registered():
        snapshot = CaseState.decode(CaseState().encode()).encode()
    with pytest.raises(VaultDamaged):
        CaseState.decode(snapshot)


def test_every_operation_of_a_field_belongs_to_one_row() -> None:
    assert sorted(tag for row in TYPES.values() for tag in row.acts) == [int(op) for op in Op if op != Op.CREATE]
    assert [verb_of(op) for op in Op] == [None, *(op.name.lower() for op in Op if op != Op.CREATE)]
    assert set(FieldType) <= set(TYPES)


def test_every_row_is_written_by_the_verbs_of_what_it_holds() -> None:
    verbs = [verb for holds in Holds for verb in holds.verbs]
    assert len(set(verbs)) == len(verbs)
    for row in (*TYPES.values(), ROW):
        assert row.edits.keys() == set(row.holds.verbs)
        assert {act.verb for act in row.acts.values()} == set(row.holds.verbs)
    assert all(verb in holds.verbs for holds, (verb, _) in SETTLES.items())
