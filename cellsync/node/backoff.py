"""How long to wait before dialling again: twice as long each time, never in step with others."""

from __future__ import annotations

from random import Random
from typing import Final

FIRST: Final = 1.0  # s
MOST: Final = 300.0  # s


class Backoff:
    """The waits of one address. `reset` it when a network comes back, or after a successful dial."""

    def __init__(self, random: Random, *, first: float = FIRST, most: float = MOST) -> None:
        self._random, self._first, self._most = random, first, most
        self._ceiling = first

    def next(self) -> float:
        """Seconds to wait after another failure: between half the ceiling and the ceiling, which doubles."""
        wait = self._random.uniform(self._ceiling / 2, self._ceiling)
        self._ceiling = min(self._ceiling * 2, self._most)
        return wait

    def reset(self) -> None:
        """Start again with the shortest wait."""
        self._ceiling = self._first
