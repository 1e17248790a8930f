"""Rows: each is one measured figure with its budget and its floor."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """`budget` is the most that `value` may be, or the least if `at_least`; None if nothing was promised."""

    work: str
    value: float
    unit: str
    budget: float | None = None
    floor: float | None = None  # the cost of the fewest steps with which any program could do it
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the budget is kept; None where there is none."""
        if self.budget is None:
            return None
        return self.value >= self.budget if self.at_least else self.value <= self.budget

    def as_json(self) -> dict[str, str | float | bool | None]:
        return {
            "work": self.work,
            "value": _rounded(self.value),
            "unit": self.unit,
            "budget": None if self.budget is None else _rounded(self.budget),
            "floor": None if self.floor is None else _rounded(self.floor),
            "met": self.met,
        }


def _rounded(figure: float) -> float:
    """Round to four significant digits: more would be noise."""
    return float(f"{figure:.4g}")


def percentile(figures: Sequence[float], percent: int) -> float:
    return statistics.quantiles(figures, n=100, method="inclusive")[percent - 1]
