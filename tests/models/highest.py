"""A type of field that only tests know: the greatest number written. One row declares it for every module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Final, TypeVar

from cellsync.core.crdt.cells import LiveValue
from cellsync.core.crdt.row import Act, Contested, CrdtType, FieldPart, Holds, Pen, Rest
from cellsync.core.crdt.types import BY_TAG, TYPES, enter
from cellsync.core.ids import DeviceId, Millis, Ref
from cellsync.core.schema.fields import Register
from cellsync.core.wire import codec

T = TypeVar("T")

RAISE: Final = 99
DOUBTED: Final = 7
REFS: Final = [Ref(bytes([at]) * 10) for at in range(2)]


class Highest:
    def __init__(self, number: int = 0) -> None:
        self.number = number

    def copy(self) -> Highest:
        return Highest(self.number)


def _fits(cell: LiveValue, detail: Any) -> bool:
    return type(cell.resting) is int


def _fold(state: Highest, cell: LiveValue, detail: Any) -> None:
    state.number = max(state.number, cell.resting)


def _digest(state: Highest) -> Iterator[bytes]:
    yield codec.encode(state.number)


def _contested(state: Highest) -> Iterator[Contested]:
    """A stand-in for a conflict: 7 is always contested."""
    if state.number == DOUBTED:
        cells = [
            LiveValue(value, DeviceId(bytes(32)), Millis(0), 1, ref) for value, ref in ((7, REFS[0]), (8, REFS[1]))
        ]
        yield Contested(None, cells)


def _set(pen: Pen, number: int) -> None:
    if pen.state is None or number > pen.state.number:
        pen.record(RAISE, None, number)


ROW: Final = CrdtType(
    name="highest",
    holds=Holds.VALUE,
    acts={RAISE: Act("set", _fold, _fits)},
    state=Highest,
    digest=_digest,
    weight=lambda state: 100,
    rest=Rest(lambda state: (), lambda state, devices: (state.number,), lambda packed, devices: Highest(*packed)),
    shows=lambda state: state.number != 0,
    parts=lambda state: [FieldPart(None, state.number, ())],
    contested=_contested,
    edits={"set": _set},
)


class HighestField(Register[T]):
    """The class with which a known schema declares such a field."""

    crdt: ClassVar[str] = "highest"


@contextmanager
def registered() -> Iterator[None]:
    enter(ROW)
    try:
        yield
    finally:
        del TYPES[ROW.name], BY_TAG[RAISE]
