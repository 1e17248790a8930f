"""Log: append-only. An item can be corrected or retracted; both are logged themselves, and nothing is ever lost.

Rules (protocol/35-cases.md, Log):
  1  An item is an append. Appends with the same source key are one item, shown where the smallest (height, ref) of
     them stands: two devices that import one file make each line once.
  2  A correction names an append, or a correction of it. The appends of an item and all that corrects them,
     directly or not, are its *versions*.
  3  The *current* versions are the corrections that no correction names; without corrections, the first append.
     The current one displayed is the greatest (height, ref). Several current values are a conflict.
  4  An item is retracted if a retraction names any of its versions. It is then hidden, and still readable.
  5  What names something not here (yet) waits, and counts as soon as that comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cellsync.core.crdt.cells import Cell, newest_first, rank
from cellsync.core.ids import Ref


class Appended(NamedTuple):
    """One append. `source` is the 16-byte key of an imported item, else None."""

    cell: Cell
    source: bytes | None


class LogItem(NamedTuple):
    """One item of a log with everything that was said about it."""

    first: Cell  # the append that gives it its place
    current: tuple[Cell, ...]  # what it says now; displayed first in front; never empty
    versions: tuple[Cell, ...]  # every append and correction, oldest first
    retractions: tuple[Cell, ...]  # oldest first; not empty: the item is hidden
    source: bytes | None

    @property
    def shown(self) -> Cell:
        return self.current[0]


class LogState:
    """Every operation of one log."""

    __slots__ = ("appended", "corrections", "retractions")

    def __init__(self) -> None:
        self.appended: dict[Ref, Appended] = {}
        self.corrections: dict[Ref, list[Cell]] = {}  # by what they name
        self.retractions: dict[Ref, list[Cell]] = {}  # by what they name; their value is the reason, or None

    def append(self, cell: Cell, source: bytes | None) -> None:
        self.appended[cell.ref] = Appended(cell, source)

    def correct(self, cell: Cell, target: Ref) -> None:
        self.corrections.setdefault(target, []).append(cell)

    def retract(self, cell: Cell, target: Ref) -> None:
        self.retractions.setdefault(target, []).append(cell)

    def items(self) -> list[LogItem]:
        """All items, also retracted ones, in the order of (height, ref)."""
        appends: dict[bytes, list[Cell]] = {}
        for ref, (cell, source) in self.appended.items():
            appends.setdefault(ref if source is None else source, []).append(cell)
        items = [self._item(sorted(cells, key=rank)) for cells in appends.values()]
        return sorted(items, key=lambda item: rank(item.first))

    def cells(self) -> Iterator[tuple[str, bytes | None, Cell]]:
        """Every operation as (what it is, source key or what it names, cell), in no order."""
        for cell, source in self.appended.values():
            yield "append", source, cell
        for role, said in (("correct", self.corrections), ("retract", self.retractions)):
            for target, cells in said.items():
                for cell in cells:
                    yield role, target, cell

    def copy(self) -> LogState:
        log = LogState()
        log.appended = self.appended.copy()
        log.corrections = {target: cells.copy() for target, cells in self.corrections.items()}
        log.retractions = {target: cells.copy() for target, cells in self.retractions.items()}
        return log

    def _item(self, appends: list[Cell]) -> LogItem:
        found = {cell.ref: cell for cell in appends}
        waiting = list(found)
        while waiting:  # a correction names one version, so each is reached once; a cycle is never reached
            for cell in self.corrections.get(waiting.pop(), ()):
                if cell.ref not in found:
                    found[cell.ref] = cell
                    waiting.append(cell.ref)
        corrections = [cell for ref, cell in found.items() if ref not in self.appended]
        current = newest_first(cell for cell in corrections if cell.ref not in self.corrections)
        retractions = [cell for ref in found for cell in self.retractions.get(ref, ())]
        first = appends[0]
        return LogItem(
            first,
            tuple(current) or (first,),
            tuple(sorted(found.values(), key=rank)),
            tuple(sorted(retractions, key=rank)),
            self.appended[first.ref].source,
        )
