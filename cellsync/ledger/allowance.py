"""Allowance: how much removed devices may bring here that are told so, and may answer.

An answer has a few hundred bytes. What else they bring is held in quarantine, for the length of the circle's life: so
each member may bring a little every day. Whoever has used it up meets silence until the next. It is counted from when
the circle was opened.
"""

from __future__ import annotations

from typing import Final

from cellsync.core.errors import CapExceeded
from cellsync.core.ids import Day, MemberId
from cellsync.core.rule import Rule

DAILY: Final = 1 << 20  # bytes as batches count them; one batch more may come on top


class Allowance:
    """Of one circle, by member: the day, and how much came on it."""

    def __init__(self) -> None:
        self._came: dict[MemberId, tuple[Day, int]] = {}

    def is_spent(self, member: MemberId, day: Day) -> bool:
        return self._on(member, day) >= DAILY

    def spend(self, member: MemberId, size: int, day: Day) -> None:
        """A batch of this size has come. Raises CapExceeded if it was spent before."""
        if self.is_spent(member, day):
            raise CapExceeded(Rule.CAP_BATCH)
        self._came[member] = day, self._on(member, day) + size

    def _on(self, member: MemberId, day: Day) -> int:
        of, size = self._came.get(member, (day, 0))
        return size if of == day else 0
