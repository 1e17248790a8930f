"""Ahead: heads that a peer has named and that are not held here.

Such a head may continue a branch of ours, or leave it at a fork before its end; only a longer branch can show which.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from cellsync.core.ids import DeviceId
from cellsync.core.session.view import CircleView
from cellsync.core.wire.places import Head, Line


class Ahead:
    """The heads ahead, by chain. True if there are any."""

    def __init__(self, view: CircleView) -> None:
        self._view = view
        self._heads: dict[Line, set[Head]] = {}
        self._compared: dict[int, int] = {}  # branch number -> up to where its entries were compared with the heads
        self._new: set[Line] = set()  # chains with heads that have just been found to be ahead

    def __bool__(self) -> bool:
        return bool(self._heads)

    def __len__(self) -> int:
        return sum(map(len, self._heads.values()))

    def __iter__(self) -> Iterator[Head]:
        return (head for heads in self._heads.values() for head in heads)

    @property
    def lines(self) -> Collection[Line]:
        """The chains that have heads ahead."""
        return self._heads.keys()

    def add(self, head: Head) -> None:
        self._heads.setdefault(head.line, set()).add(head)
        self._new.add(head.line)

    def take(self, head: Head) -> bool:
        """A head is held here now. Returns whether it was ahead until now."""
        heads = self._heads.get(head.line, set())
        if head not in heads:
            return False
        heads.discard(head)
        if not heads:
            del self._heads[head.line]
        return True

    def grew(self, number: int) -> list[Head]:
        """A branch has grown here. Returns the heads ahead that are among its new entries. Reads the store."""
        branch = self._view.branch(number)
        compared = self._compared.get(number, branch.first - 1)
        reached = [head for head in self._heads.get(branch.line, ()) if compared < head.sequence <= branch.length]
        self._compared[number] = branch.length
        return [head for head in reached if self._view.entry_id(number, head.sequence) == head.id]

    def forgive(self, equivocators: Collection[DeviceId]) -> set[DeviceId]:
        """Forget the heads of equivocators, of whom only cited entries are taken. Returns those that had any here."""
        lines = [line for line in self._heads if line[0] in equivocators] if equivocators else []
        for line in lines:
            del self._heads[line]
        return {device for device, _ in lines}

    def just_parted(self) -> list[Line]:
        """Chains with new heads of which one is no further than our longest branch: the sides have parted before it."""
        new, self._new = self._new, set()
        return [line for line in new if any(head.sequence <= self.longest(line) for head in self._heads.get(line, ()))]

    def entries(self, but_for: Callable[[DeviceId], bool]) -> int:
        """At least how many entries the peer holds that are not here, without those of some devices."""
        missing = 0
        for line, heads in self._heads.items():
            if but_for(line[0]):
                continue
            longest = self.longest(line)
            missing += sum(max(1, head.sequence - longest) for head in heads)
        return missing

    def longest(self, line: Line) -> int:
        """How far the longest branch of a chain is held here."""
        return max((branch.length for branch in self._view.branches(line)), default=0)
