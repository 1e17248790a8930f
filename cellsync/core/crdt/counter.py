"""Counter: the sum of signed increments. Addition forgets order, so the sum is all there is to keep."""

from __future__ import annotations

from typing import Final

LARGEST_STEP: Final = 1 << 53  # so that a client whose numbers are floats reads every increment exactly


class CounterState:
    """The sum of one counter's increments; exact, without bound."""

    __slots__ = ("total",)

    def __init__(self, total: int = 0) -> None:
        self.total = total

    def count(self, step: int) -> None:
        self.total += step

    def copy(self) -> CounterState:
        return CounterState(self.total)
