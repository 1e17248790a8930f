"""The list of words: what makes them safe to read aloud over a bad line."""

from __future__ import annotations

from itertools import combinations

from cellsync.core.pairing.words import WORDS
from protocol.generate.pairings import WORDS as SPECIFIED


def distance(one: str, two: str) -> int:
    """Levenshtein's."""
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, 1):
        previous, row = row, [i]
        for j, b in enumerate(two, 1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (a != b)))
    return row[-1]


def test_a_byte_is_a_word() -> None:
    assert len(WORDS) == len(set(WORDS)) == 256
    assert list(WORDS) == sorted(WORDS)


def test_they_are_those_of_the_specification() -> None:
    assert list(WORDS) == SPECIFIED


def test_words_are_short_and_plain() -> None:
    for word in WORDS:
        assert 4 <= len(word) <= 7, word
        assert word.isascii(), word
        assert word.isalpha(), word
        assert word.islower(), word


def test_three_letters_tell_a_word() -> None:
    assert len({word[:3] for word in WORDS}) == 256


def test_one_letter_misheard_is_no_other_word() -> None:
    assert [(one, two) for one, two in combinations(WORDS, 2) if distance(one, two) < 2] == []
