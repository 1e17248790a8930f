"""Set: add wins over a concurrent remove, because a remove names the additions that its author had seen."""

from __future__ import annotations

from cellsync.core.crdt.cells import Canonical, Cell, Cells, newest_first


class SetState(Cells):
    """Live additions to one set. An element is in the set while an addition of it is live."""

    __slots__ = ()

    def elements(self, canonical: Canonical) -> dict[bytes, list[Cell]]:
        """The additions of each element, newest first; elements by their canonical bytes, ascending."""
        found: dict[bytes, list[Cell]] = {}
        for cell in newest_first(self.live.values()):
            found.setdefault(cell.canonical(canonical), []).append(cell)
        return dict(sorted(found.items()))
