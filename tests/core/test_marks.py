"""Marks against a set."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.marks import Marks

NUMBERS = st.integers(0, 300)


@given(st.lists(NUMBERS), st.lists(st.tuples(st.booleans(), NUMBERS)), NUMBERS)
def test_they_are_a_set(first: list[int], later: list[tuple[bool, int]], other: int) -> None:
    marks, plain = Marks(first), {*first} - {0}
    for is_added, number in later:
        if is_added:
            marks.add(number)
            plain |= {number} - {0}
        else:
            marks.discard(number)
            plain.discard(number)
        assert list(marks) == sorted(plain)
    assert len(marks) == len(plain)
    assert bool(marks) == bool(plain)
    assert (other in marks) == (other in plain)
    marks.clear()
    assert list(marks) == []
    assert not marks


def test_a_number_takes_a_bit() -> None:
    tracemalloc.start()
    try:
        marks = Marks(range(1, 100_001))
        took, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(marks) == 100_000
    assert took < 20_000


def test_what_is_taken_from_the_front_is_not_gone_through_again() -> None:
    """The catalogue takes the first 64 of 100,000 again and again."""
    marks, met = Marks(range(1, 8_001)), 0
    while marks:
        number = next(iter(marks))
        marks.discard(number)
        met += number
    assert met == sum(range(8_001))
    assert marks._first >= 999
