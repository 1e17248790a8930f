"""Map: a register per key. A put replaces the values of its key that its author had seen; a delete removes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cellsync.core.crdt.cells import Canonical, Cell, Cells, Groups, newest_first
from cellsync.core.packed import packed


class MapKey(NamedTuple):
    """One key, and the live cells under it, newest first; the cells hold the value without the key."""

    key: Any
    cells: list[Cell]


class Keys(Mapping[bytes, MapKey]):
    """The keys of a map by their canonical bytes, ascending. Each is put together when somebody reads it."""

    __slots__ = ("_groups",)

    def __init__(self, groups: Groups) -> None:
        self._groups = groups

    def __getitem__(self, name: bytes) -> MapKey:
        cells = self._groups[name]
        return MapKey(cells[0].value[0], [cell._replace(resting=packed(cell.value[1])) for cell in cells])

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._groups)

    def __len__(self) -> int:
        return len(self._groups)


class MapState(Cells):
    """Live puts of one map. The value of each cell is a pair: [key, value]."""

    __slots__ = ()

    def keys(self, canonical: Canonical) -> Keys:
        """Each key with a live value."""
        return Keys(Groups((canonical(cell.value[0]), cell) for cell in newest_first(self.live.values())))

    def contested(self, canonical: Canonical) -> Iterator[MapKey]:
        """The keys with more than one live value. Nearly no key has: so they are counted first, by their hashes."""
        seen: set[int] = set()
        again: set[int] = set()
        for cell in self.live.values():
            name = hash(canonical(cell.value[0]))
            (again if name in seen else seen).add(name)
        if again:
            named = ((canonical(cell.value[0]), cell) for cell in newest_first(self.live.values()))
            keys = Keys(Groups((name, cell) for name, cell in named if hash(name) in again))
            yield from (key for key in keys.values() if len(key.cells) > 1)
