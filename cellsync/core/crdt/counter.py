"""Counter: the sum of signed increments. Addition forgets order, so the sum is all there is to keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from cellsync.core.crdt.cells import LiveValue
from cellsync.core.crdt.rest import pack_total, unpack_total
from cellsync.core.crdt.row import Act, CrdtType, FieldPart, FieldType, Holds, Pen, Rest, uncontested
from cellsync.core.crdt.weights import SUM
from cellsync.core.errors import InvalidValue
from cellsync.core.ids import DeviceId
from cellsync.core.wire import codec
from cellsync.core.wire.tags import Op

LARGEST_STEP: Final = 1 << 53  # so that a client whose numbers are floats reads every increment exactly


class CounterState:
    """The sum of one counter's increments; exact, without bound."""

    __slots__ = ("total",)

    def __init__(self, total: int = 0) -> None:
        self.total = total

    def count(self, step: int) -> None:
        self.total += step

    def copy(self) -> CounterState:
        return CounterState(self.total)


def _is_step(cell: LiveValue, detail: Any) -> bool:
    return type(cell.resting) is int and -LARGEST_STEP <= cell.resting <= LARGEST_STEP


def _fold(state: CounterState, cell: LiveValue, detail: Any) -> None:
    state.count(cell.resting)


def _digest(state: CounterState) -> Iterator[bytes]:
    yield codec.encode(str(state.total))


def _unpack(packed: Sequence[Any], devices: list[DeviceId]) -> CounterState:
    [total] = packed
    return CounterState(unpack_total(total))


def _count(pen: Pen, step: int) -> None:
    """Add to the sum: a draft writes one step. Raises InvalidValue if that would be more than a step may be."""
    latest = pen.latest
    total = step if latest is None else latest[1].value + step
    if abs(total) > LARGEST_STEP:
        raise InvalidValue(f"this step is too large for the counter {pen.field!r}")
    if latest is not None:
        pen.drop(latest[0])
    if total:
        pen.record(Op.COUNT, None, total, fold=False)
    pen.fold(Op.COUNT, None, step)


ROW: Final = CrdtType(
    name=FieldType.COUNTER,
    holds=Holds.SUM,
    acts={int(Op.COUNT): Act("count", _fold, _is_step)},
    state=CounterState,
    digest=_digest,
    weight=lambda state: SUM,
    rest=Rest(lambda state: (), lambda state, devices: (pack_total(state.total),), _unpack),
    shows=lambda state: True,
    parts=lambda state: [FieldPart(None, state.total, ())],
    contested=uncontested,
    edits={"count": _count},
)
