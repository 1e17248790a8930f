"""Reading a case with very many values takes little memory besides the case itself."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from cellsync.core.case.fold import CANONICAL, CaseState
from cellsync.core.wire import operations
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op

MANY = 20_000
Look = Callable[[CaseState], object]
MADE: dict[str, Callable[[int], Operation]] = {
    "values": lambda at: Operation(int(Op.SET), "f", b"", at),
    "elements": lambda at: Operation(int(Op.ADD), "f", None, at),
    "keys": lambda at: Operation(int(Op.PUT), "f", b"", [at, "x"]),
    "items": lambda at: Operation(int(Op.APPEND), "f", None, at),
}
LOOKS: dict[str, tuple[Look, int]] = {  # with the bytes for each value that it may take for a moment
    "conflicts": (lambda state: len(state.conflicts()), 200),
    "digest": (lambda state: state.digest(), 160),
    "weight": (lambda state: state.weigh(), 100),
    "items": (lambda state: [sum(item.shown.value for item in log.items()) for log in state.logs.values()], 160),
    "keys": (
        lambda state: [sum(one.key for one in map_.keys(CANONICAL).values()) for map_ in state.maps.values()],
        320,
    ),
    "elements": (lambda state: [len(set_.elements(CANONICAL)) for set_ in state.sets.values()], 320),
}


def a_ref(at: int) -> bytes:
    return at.to_bytes(10, "big")


EACH = 384  # bytes of memory of one operation: 48 MiB for all that a case shows of one device
OPERATIONS: dict[str, Callable[[int], Operation]] = {
    "value": lambda at: Operation(int(Op.SET), "f", b"", at),
    "value that replaces": lambda at: Operation(int(Op.SET), "f", a_ref(at), at),
    "element": lambda at: Operation(int(Op.ADD), "f", None, at),
    "removal": lambda at: Operation(int(Op.DISCARD), "f", a_ref(at), None),
    "key": lambda at: Operation(int(Op.PUT), "f", b"", [at, 1]),
    "count": lambda at: Operation(int(Op.COUNT), "f", None, at),
    "item": lambda at: Operation(int(Op.APPEND), "f", None, at),
    "imported item": lambda at: Operation(int(Op.APPEND), "f", at.to_bytes(16, "big"), at),
    "correction": lambda at: Operation(int(Op.CORRECT), "f", a_ref(at), at),
    "retraction": lambda at: Operation(int(Op.RETRACT), "f", a_ref(at), at),
    "creation": lambda at: Operation(int(Op.CREATE), f"{at:x}", 1, None),
    "unknown": lambda at: Operation(99, "f", None, at),
}


OF_LOGS = ("item", "imported item", "correction", "retraction")
TAKEN = 6_000


def arrived(made: str, first: int, *, apart: bool) -> list[Operation]:
    """Of an entry of 200, all in one field or each in a field of its own."""
    done = [OPERATIONS[made](at) for at in range(first, first + 200)]
    if apart:
        done = [one._replace(field=f"{first + index:x}") for index, one in enumerate(done)]
    return operations.decode(operations.encode_shape(done), operations.encode_content(bytes(16), done))


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize(("made", "logs"), [*((one, False) for one in OPERATIONS), *((one, True) for one in OF_LOGS)])
def test_what_an_operation_takes(made: str, logs: bool, apart: bool) -> None:
    """A member may write 131,072 of any one kind into a case."""
    state = CaseState(logs=logs)
    tracemalloc.start()
    for at in range(0, TAKEN, 200):
        stamp: Any = (at.to_bytes(32, "little"), b"d" * 32, at, at)
        state.apply(stamp, arrived(made, at, apart=apart))
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert taken < EACH * TAKEN, taken / TAKEN


@pytest.mark.parametrize("made", MADE)
def test_what_a_look_takes(made: str) -> None:
    state = CaseState(logs=True)
    for at in range(MANY):
        state.apply((at.to_bytes(32, "little"), b"d" * 32, at, at), [MADE[made](at)])  # type: ignore[arg-type]
    for name, (look, most) in LOOKS.items():
        tracemalloc.start()
        look(state)
        taken = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert taken < most * MANY, (name, taken / MANY)


def test_conflicts_are_found_among_many_keys() -> None:
    state = CaseState()
    for at in range(2 * MANY):
        operation = Operation(int(Op.PUT), "f", b"", [at % (2 * MANY - 2), at])
        state.apply((at.to_bytes(32, "little"), b"d" * 32, at, at), [operation])  # type: ignore[arg-type]
    assert [(one.key, [cell.value for cell in one.cells]) for one in state.conflicts()] == [
        (0, [2 * MANY - 2, 0]),
        (1, [2 * MANY - 1, 1]),
    ]
