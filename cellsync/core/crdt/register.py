"""Register: one value, or several if people wrote at the same time. None of them is dropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from cellsync.core.crdt import live
from cellsync.core.crdt.cells import Canonical, Cells, LiveValue, alike, newest_first, rank
from cellsync.core.crdt.row import Act, Contested, CrdtType, FieldPart, FieldType, Holds, Pen
from cellsync.core.ids import DeviceId
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op


class RegisterState(Cells):
    """Live values of one register: those that no later write has seen and replaced."""

    __slots__ = ()

    @property
    def shown(self) -> LiveValue | None:
        """The value displayed first: the greatest (height, ref). None if nothing was written."""
        return max(self.live.values(), key=rank, default=None)

    def values(self, canonical: Canonical) -> list[list[LiveValue]]:
        """Every live value with its authors, the displayed one first. More than one: a conflict."""
        return alike(self.live.values(), canonical)


def _parts(state: RegisterState) -> Iterator[FieldPart]:
    if cells := newest_first(state.live.values()):
        yield FieldPart(None, cells[0].resting, cells)


def _contested(state: RegisterState) -> Iterable[Contested]:
    if len(state.live) > 1:
        yield Contested(None, newest_first(state.live.values()))


def _set(pen: Pen, value: Any) -> None:
    cells = [] if pen.state is None else list(pen.state.live.values())
    if not live.stands_alone(cells, value):
        pen.replace(Op.SET, cells, value)


def _meanwhile(state: RegisterState, done: list[Operation], device: DeviceId) -> list[Operation]:
    return [live.naming(operation, state.live.values(), device) for operation in done]


ROW: Final = CrdtType(
    name=FieldType.REGISTER,
    holds=Holds.VALUE,
    acts={int(Op.SET): Act("set", live.write)},
    state=RegisterState,
    digest=live.digest,
    weight=live.weight,
    rest=live.rest(RegisterState),
    shows=live.lives,
    parts=_parts,
    contested=_contested,
    edits={"set": _set},
    meanwhile=_meanwhile,
)
