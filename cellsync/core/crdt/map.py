"""Map: a register per key. A put replaces the values of its key that its author had seen; a delete removes them."""

from __future__ import annotations

from typing import Any, NamedTuple

from cellsync.core.crdt.cells import Canonical, Cell, Cells, newest_first
from cellsync.core.packed import packed


class MapKey(NamedTuple):
    """One key, and the live cells under it, newest first; the cells hold the value without the key."""

    key: Any
    cells: list[Cell]


class MapState(Cells):
    """Live puts of one map. The value of each cell is a pair: [key, value]."""

    __slots__ = ()

    def keys(self, canonical: Canonical) -> dict[bytes, MapKey]:
        """Each key with a live value; keys by their canonical bytes, ascending."""
        found: dict[bytes, MapKey] = {}
        for cell in newest_first(self.live.values()):
            key, value = cell.value
            found.setdefault(canonical(key), MapKey(key, [])).cells.append(cell._replace(resting=packed(value)))
        return dict(sorted(found.items()))
