"""Forks settle: 100 histories of vaults put back and used twice, and of equivocators; 100 of crowds cited late;
a few of a coordinator with puppets.

The gate of the searches (`.ci/run`) tries the first thousand seeds, `make test-long` as many as its minutes allow.
"""

from __future__ import annotations

import pytest

from tests.scenarios.forks import crowd, history, puppets


@pytest.mark.parametrize("tens", range(10))
def test_replicas_agree_after_healing(tens: int) -> None:
    """Seeds 58 and 63: neither of two branches that differ at their end was served, since each side saw heads ahead."""
    for seed in range(10 * tens, 10 * tens + 10):
        history(seed)


@pytest.mark.parametrize("tens", range(10))
def test_replicas_agree_whoever_is_shown_which_of_many_branches_and_cites_them_late(tens: int) -> None:
    for seed in range(10 * tens, 10 * tens + 10):
        crowd(seed)


@pytest.mark.parametrize("seed", [*range(12), 30, 46, 47, 57])
def test_replicas_agree_whomever_a_hostile_coordinator_introduces(seed: int) -> None:
    """The last four seeds: only some digests contained what a puppet had written without its introduction in its past,
    and that the puppet was an equivocator, which others could not know."""
    puppets(seed)


@pytest.mark.parametrize(
    "seed",
    [
        5078,  # two sides of a fork, each resting on what cites the other: held back, refused, and never offered again
        6504,  # an entry that cites what stands before a slice which is refused: it was refused with it
    ],
)
def test_found_by_the_search(seed: int) -> None:
    history(seed)
