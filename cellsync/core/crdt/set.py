"""Set: add wins over a concurrent remove, because a remove names the additions that its author had seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cellsync.core.crdt import live
from cellsync.core.crdt.cells import Canonical, Cells, Groups, LiveValue, newest_first
from cellsync.core.crdt.row import Act, CrdtType, FieldPart, FieldType, Holds, Pen, uncontested
from cellsync.core.wire import codec
from cellsync.core.wire.tags import Op


class SetState(Cells):
    """Live additions to one set. An element is in the set while an addition of it is live."""

    __slots__ = ()

    def elements(self, canonical: Canonical) -> Groups:
        """The additions of each element, newest first; elements by their canonical bytes, ascending."""
        return Groups((cell.canonical(canonical), cell) for cell in newest_first(self.live.values()))


def _parts(state: SetState) -> Iterator[FieldPart]:
    return (FieldPart(None, cells[0].resting, cells) for cells in state.elements(codec.encode).values())


def _additions(pen: Pen, element: Any) -> list[LiveValue]:
    state, wanted = pen.state, codec.encode(element)
    return [] if state is None else [cell for cell in state.live.values() if cell.canonical(codec.encode) == wanted]


def _add(pen: Pen, element: Any) -> None:
    if not _additions(pen, element):
        pen.record(Op.ADD, None, element)


def _discard(pen: Pen, element: Any) -> None:
    pen.remove(Op.DISCARD, _additions(pen, element))


ROW: Final = CrdtType(
    name=FieldType.SET,
    holds=Holds.ELEMENTS,
    acts={int(Op.ADD): Act("add", live.write), int(Op.DISCARD): Act("discard", live.remove)},
    state=SetState,
    digest=live.digest,
    weight=live.weight,
    rest=live.rest(SetState),
    shows=live.lives,
    parts=_parts,
    contested=uncontested,
    edits={"add": _add, "discard": _discard},
)
