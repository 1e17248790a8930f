"""Reading a case of very many values takes little beside the case itself."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from cellsync.core.case.fold import CANONICAL, CaseState
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
