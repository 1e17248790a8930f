"""Ancestry: which branch holds a place on the way to another branch.

A branch leaves another one, that may leave a third, and so on: a hostile device can stack thousands. So each branch
keeps, beside the one that it leaves, one further down (its *jump*), chosen so that any place is found in about as many
steps as the number of branches has binary digits. A jump costs the same for every branch, and none is ever changed.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class _Row(NamedTuple):
    base: int  # number of the branch that it leaves
    first: int  # sequence of its first entry
    jump: int  # number of a branch further down
    depth: int  # how many branches lie below it


_TRUNK: Final = _Row(0, 0, 0, 0)  # of a branch that begins its chain: every place on it is its own


class Ancestry:
    """Grows by one branch after the other. `above` another one: what is added is in this one alone."""

    def __init__(self, above: Ancestry | None = None) -> None:
        self._rows: dict[int, _Row] = {}  # of branches that leave another one
        self._below = above

    def add(self, number: int, base: int, first: int) -> None:
        """A branch leaves `base`, which was added before unless it begins a chain, behind one of base's own entries."""
        low = self._row(base)
        jump = self._row(low.jump)
        doubles = low.depth and low.depth - jump.depth == jump.depth - self._row(jump.jump).depth
        self._rows[number] = _Row(base, first, jump.jump if doubles else base, low.depth + 1)

    def at(self, number: int, sequence: int) -> int:
        """The number of the branch that holds the entry at this place on the way to a branch."""
        row = self._row(number)
        while sequence < row.first:
            jump = self._row(row.jump)
            number, row = (row.jump, jump) if sequence < jump.first else (row.base, self._row(row.base))
        return number

    def _row(self, number: int) -> _Row:
        row = self._rows.get(number)
        if row is not None:
            return row
        return _TRUNK if self._below is None else self._below._row(number)
