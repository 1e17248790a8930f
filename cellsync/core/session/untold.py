"""Untold: branches that have grown here without the peer being told: most links tell late, or when either side asks."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Final

from cellsync.core import caps

# A peer that has not asked is told of growth this long after the last entry, and after the first.
UNTOLD_FOR: Final = 60.0
UNTOLD_WHILE: Final = 600.0
UNTOLD: Final = 2 * caps.DEVICES  # branches remembered for that; if more have grown, all are named


class Untold:
    """The branches, by number. True if there are any."""

    def __init__(self) -> None:
        self._branches: dict[int, None] = {}
        self._all = False  # too many have grown to remember each
        self._since = self._last = 0.0  # when the first and the last of them grew

    def __bool__(self) -> bool:
        return bool(self._branches) or self._all

    def __len__(self) -> int:
        return len(self._branches)

    def __contains__(self, number: int) -> bool:
        return number in self._branches

    def note(self, grown: Iterable[int], now: float) -> None:
        """These have grown."""
        if not self:
            self._since = now
        self._last = now
        if not self._all:
            self._branches |= dict.fromkeys(grown)
        if len(self._branches) > UNTOLD:
            self._branches.clear()
            self._all = True

    @property
    def tell_by(self) -> float:
        """When to tell the peer of these unasked."""
        return min(self._last + UNTOLD_FOR, self._since + UNTOLD_WHILE) if self else math.inf

    def take(self) -> Collection[int] | None:
        """Take the branches to tell now; None means all."""
        branches = None if self._all else list(self._branches)
        self._branches.clear()
        self._all = False
        return branches

    def discard(self, number: int) -> None:
        """The peer knows of this one."""
        self._branches.pop(number, None)
