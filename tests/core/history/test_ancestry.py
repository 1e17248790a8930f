"""Places on the way to a branch, against a branch-by-branch walk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.history.ancestry import Ancestry


def walked(bases: dict[int, tuple[int, int]], number: int, sequence: int) -> int:
    """The naive answer: one branch after the other."""
    while number in bases and sequence < bases[number][1]:
        number = bases[number][0]
    return number


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 3)), min_size=1, max_size=80), st.integers(0, 80))
def test_a_place_is_found_on_the_branch_that_holds_it(leaving: list[tuple[int, int]], held: int) -> None:
    """Any tree of branches, the first of which are held and the others only staged over them."""
    bases: dict[int, tuple[int, int]] = {}
    below = Ancestry()
    staged = Ancestry(below)
    for number, (drawn, further) in enumerate(leaving, start=2):
        base = 1 + drawn % (number - 1)
        bases[number] = base, bases.get(base, (0, 1))[1] + further
        (below if number <= held else staged).add(number, *bases[number])
    for number, (_, first) in bases.items():
        for sequence in range(1, first + 2):
            assert staged.at(number, sequence) == walked(bases, number, sequence)


@pytest.mark.parametrize("depth", [1_000, 16_000])
def test_a_deep_stack_of_branches_is_not_walked_down(depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Ancestry()
    for number in range(2, depth + 1):
        stack.add(number, number - 1, number)
    rows: list[int] = []
    real = Ancestry._row

    def counted(self: Ancestry, number: int) -> object:
        rows.append(number)
        return real(self, number)

    monkeypatch.setattr(Ancestry, "_row", counted)
    for sequence in range(1, depth, depth // 10):
        rows.clear()
        assert stack.at(depth, sequence) == sequence
        assert len(rows) <= 5 * depth.bit_length()
