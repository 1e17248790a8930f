"""Words: one of two coordinators reaches nothing."""

from __future__ import annotations

import pytest

from cellsync.core.membership.words import reached


@pytest.mark.parametrize(
    ("words", "paper", "expected"),
    [
        ([], [], 0), ([7], [], 7), ([0], [], 0), ([7, 0], [], 0), ([7, 3], [], 3), ([3, 7, 5], [], 5), ([7, 7], [], 7),
        ([], [4], 4), ([0, 0], [4], 4), ([7], [4], 7), ([7, 3], [4], 4), ([7, 6], [4, 5], 6),
    ],
)  # fmt: skip
def test_what_words_reach(words: list[int], paper: list[int], expected: int) -> None:
    assert reached(words, 0, paper) == expected
