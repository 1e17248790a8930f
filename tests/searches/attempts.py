"""Attempts that are known to pass, fail or die, for the tests of the searches themselves."""

from __future__ import annotations

import os

from tests.searches.worker import Tried, bounded

BAD = 5


def two_histories(seed: int) -> Tried:
    return bounded(lambda _: 2, seed)


def fails_at_five_and_seven(seed: int) -> Tried:
    def attempt(seed: int) -> int:
        assert seed not in (BAD, 7), f"what seed {seed} found"
        return 2

    return bounded(attempt, seed)


def dies_at_five(seed: int) -> Tried:
    if seed == BAD:
        os._exit(3)
    return Tried(2)


def of_a_search_that_fails(name: str, seed: int) -> Tried:
    return fails_at_five_and_seven(seed)


def of_a_search_that_passes(name: str, seed: int) -> Tried:
    return two_histories(seed)
