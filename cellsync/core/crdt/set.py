"""Set: add wins over a concurrent remove, because a remove names the additions that its author had seen."""

from __future__ import annotations

from cellsync.core.crdt.cells import Canonical, Cells, Groups, newest_first


class SetState(Cells):
    """Live additions to one set. An element is in the set while an addition of it is live."""

    __slots__ = ()

    def elements(self, canonical: Canonical) -> Groups:
        """The additions of each element, newest first; elements by their canonical bytes, ascending."""
        return Groups((cell.canonical(canonical), cell) for cell in newest_first(self.live.values()))
