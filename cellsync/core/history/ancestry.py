"""Ancestry: which branch holds a given place on the way to another branch.

A branch leaves another one, which may leave a third, and so on: a hostile device can stack thousands. So each branch
keeps, besides the one it leaves, a pointer further down (its *jump*), as in a skip list, so that any place is found in
a number of steps logarithmic in the number of branches. Jumps take constant space per branch, and never change.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class _Row(NamedTuple):
    base: int  # number of the branch that it leaves
    first: int  # sequence of its first entry
    jump: int  # number of a branch further down
    depth: int  # how many branches are below it


_TRUNK: Final = _Row(0, 0, 0, 0)  # for a branch that begins its chain: it holds every place itself


class Ancestry:
    """Grows branch by branch. A layer `above` another one keeps its additions to itself."""

    def __init__(self, above: Ancestry | None = None) -> None:
        self._rows: dict[int, _Row] = {}  # of branches that leave another one
        self._below = above

    def add(self, number: int, base: int, first: int) -> None:
        """A branch leaves `base` behind one of base's own entries. Add base first, unless it begins a chain."""
        low = self._row(base)
        jump = self._row(low.jump)
        doubles = low.depth and low.depth - jump.depth == jump.depth - self._row(jump.jump).depth
        self._rows[number] = _Row(base, first, jump.jump if doubles else base, low.depth + 1)

    def at(self, number: int, sequence: int) -> int:
        """The number of the branch that holds the entry at `sequence` on the way to branch `number`."""
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
