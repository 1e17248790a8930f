"""Slices, and the branches they extend, while a batch is planned."""

from __future__ import annotations

from bisect import bisect_right

from cellsync.core.ids import DeviceId
from cellsync.core.wire.batches import BatchChain
from cellsync.core.wire.places import Line


class Tip:
    """One branch while a step is planned, with what the step adds to it."""

    __slots__ = ("_starts", "base", "first", "length", "line", "number", "off", "owners")

    def __init__(self, number: int, line: Line, base: int, first: int, length: int, off: dict[int, list[int]]) -> None:
        self.number = number
        self.line = line
        self.base = base
        self.first = first
        self.length = length  # sequence of its newest entry, staged entries included
        self.off = off  # sequence of a first entry -> numbers of the branches that leave this one there
        self.owners: list[Slice] = []  # slices that have added to it; `_starts`: from which sequence each did
        self._starts: list[int] = []

    def own(self, sequence: int, owner: Slice) -> None:
        """A slice adds to this branch, from this sequence on."""
        self.stop()
        self._starts.append(sequence)
        self.owners.append(owner)

    def stop(self) -> None:
        """The next place is no longer certain to be free: the slice that adds to this branch has to look each time."""
        if self.owners:
            self.owners[-1].halt()

    def lend(self, sequence: int, to: Slice) -> None:
        """A slice depends on an entry of this branch; if that is new, on the slice that added it."""
        at = bisect_right(self._starts, sequence) - 1
        if at >= 0:
            self.owners[at].lend_to(to)


class Slice:
    """One row of a batch's chains while it is planned: where its next entry goes."""

    __slots__ = (
        "at", "base", "cited_by", "counts", "device", "fresh", "head", "height", "judged", "line", "newest_cited",
        "next", "opened", "past", "place", "prefix", "refused", "row", "runs", "size", "start", "surplus", "usual",
    )  # fmt: skip

    def __init__(self, row: BatchChain, prefix: bytes) -> None:
        self.row = row
        self.device: DeviceId = row.device
        self.line: Line = (row.device, row.incarnation)
        self.prefix = prefix
        self.next = row.first
        self.opened = False
        self.place: Tip | None = None  # the branch that holds the entry before `next`; None at a chain's beginning
        self.start: Tip | None = None  # the same for `row.first`
        self.fresh = False  # whether the entry before `next` is new
        # Whether it is, and the slice extends the end of a branch that no other branch leaves, no other slice extends,
        # and no equivocator wrote: then the newest entry of the slice is also the branch's.
        self.runs = False
        self.base = 0  # the branch to which its newest entry was added, as its slot with sequence 0
        self.newest_cited = 0  # sequence of the last of its entries that was cited while it was the newest
        self.head, self.height, self.past = row.previous, 0, 0
        self.judged, self.counts = -1, False  # a control past, and whether case entries with it count
        self.usual = -1  # its control past, if it runs, and case entries with it count; else -1
        self.size = 0
        self.at = -1  # index of its newest staged entry
        self.surplus = False  # it opens a branch of a device that has too many
        self.refused = False
        self.cited_by: list[Slice] = []  # slices that depend on one of its new entries

    def halt(self) -> None:
        """It runs no longer."""
        self.runs, self.usual = False, -1

    def refuse(self) -> None:
        """This slice does not attach, and neither does any slice that depends on it."""
        stack = [self]
        while stack:
            current = stack.pop()
            if not current.refused:
                current.refused = True
                current.halt()
                stack += current.cited_by

    def lend_to(self, other: Slice) -> None:
        """Another slice depends on an entry that this one adds."""
        if other is self:
            return
        if self.refused:  # immediately: refusing one row per pass would take as many passes over the batch
            other.refuse()
        elif not self.cited_by or self.cited_by[-1] is not other:
            self.cited_by.append(other)
