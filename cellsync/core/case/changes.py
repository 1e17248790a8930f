"""The changes of a step to cases: the operations of its entries that count.

Nearly every entry does one of two things: it appends a text to a log, of which a state keeps only a count per author
(core/case/fold.py), or it sets a register to a text. So planning a batch keeps a tally of these, case by case: how many
there are of each author, and the texts that were set. Their contents are verified, and decoded again on demand. That
saves 0.9 of 8 µs an entry (folding, decoding and freeing).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import NamedTuple

from cellsync.core.crdt.cells import LiveValue
from cellsync.core.history.entry import Entry
from cellsync.core.ids import DeviceId
from cellsync.core.wire.operations import Operation


class DecodedEntry(NamedTuple):
    """A case entry that counts, with its operations decoded."""

    entry: Entry
    device: DeviceId
    operations: list[Operation]


SetText = tuple[str, bytes, LiveValue, int]
"""A register that was set to a text: its name, the refs that it replaces, the value, and `size_of` the entry."""


class Tally:
    """For one case: the entries of a step with one operation that appends a text, or sets a register to one."""

    __slots__ = ("begins", "counts", "texts")

    def __init__(self, *, begins: bool) -> None:
        self.begins = begins  # whether the case is new with this step
        self.counts: dict[DeviceId, int] = {}  # how many entries, by author
        self.texts: list[SetText] = []

    def __len__(self) -> int:
        return sum(self.counts.values())


class Changes(Iterable[DecodedEntry]):
    """The case entries of a step that count, in its order. `said` are those not in the `tallies`."""

    def __init__(
        self,
        said: list[DecodedEntry],
        tallies: Mapping[int, Tally],
        decoded: Callable[[Container[int] | None], Iterator[DecodedEntry]],
    ) -> None:
        """`tallies`: by case number. `decoded`: gives the entries of these cases, or of all."""
        self.said = said
        self.tallies = tallies
        self._decoded = decoded

    def __iter__(self) -> Iterator[DecodedEntry]:
        return self._decoded(None) if self.tallies else iter(self.said)

    def __len__(self) -> int:
        return len(self.said) + sum(map(len, self.tallies.values()))

    def of(self, cases: Container[int]) -> Iterator[DecodedEntry]:
        """The entries of these cases, by number."""
        if self.tallies:
            return self._decoded(cases)
        return (change for change in self.said if change.entry.case in cases)

    def tallied(self, cases: Container[int]) -> Iterator[DecodedEntry]:
        """The entries in the tallies of these cases."""
        told = {change.entry.slot for change in self.said if change.entry.case in cases}
        return (change for change in self.of(cases) if change.entry.slot not in told)
