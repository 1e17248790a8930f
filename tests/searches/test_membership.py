"""The search of histories of membership, as far as there is time for it, and that it finds what it looks for."""

from __future__ import annotations

from random import Random

import pytest

from tests.histories import reader
from tests.models import freezes
from tests.searches import membership
from tests.searches.circles import Row
from tests.searches.membership import BY_THE_PLANTED, DENIED, LOST, PLANTED, ROWS, RULES, SUSPENDED, Play

ONE_OF_THREE = next(row for row in ROWS if row.name == "one hostile of three")


def plays(row: Row, seeds: range) -> list[Play]:
    return [Play(Random(f"membership {row.name} {seed}"), row) for seed in seeds]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_nothing_is_broken_in_a_hundred_histories_of_each_row(row: Row) -> None:
    """Of two hostile of five, only what does not depend on how many there are."""
    for play in plays(row, range(100)):
        assert play.broken() & row.forbidden == set(), play.told()


def test_what_is_found_is_a_history_for_the_folder() -> None:
    (play,) = plays(ONE_OF_THREE, range(1))
    history = reader.parse(play.as_file())
    assert history.entries == play.draft.entries


WITHOUT = {
    "rule 9": ("tests.models.freezes.by_fork", lambda *_: False, 11),
    "rule 9 on puppets planted in the past": ("tests.models.freezes._is_for_a_planted_puppet", lambda *_: False, 27),
    "grounds": ("tests.models.membership._Labelling._groundless", lambda _: set(), 33),
    "the right of who seconds": ("tests.models.facts.Facts.seconds", lambda *_: [], 19),
}


@pytest.mark.parametrize("rule", WITHOUT)
def test_without_a_rule_the_goal_is_missed(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, without, seed = WITHOUT[rule]
    monkeypatch.setattr(name, without)
    (play,) = plays(ONE_OF_THREE, range(seed, seed + 1))
    assert play.broken() >= {LOST, SUSPENDED, DENIED, RULES}


@pytest.mark.parametrize(("row", "seed"), [("one hostile of three", 4411), ("one hostile of four or five", 17766)])
def test_what_a_lone_elector_planted_is_counted_apart(row: str, seed: int) -> None:
    (play,) = plays(next(one for one in ROWS if one.name == row), range(seed, seed + 1))
    held = frozenset(play.draft.entries)
    assert play.missed(play.model, held) & BY_THE_PLANTED
    assert play.broken() == {PLANTED}


def test_a_counterexample_is_told_as_a_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freezes, "by_fork", lambda *_: False)
    with pytest.raises(AssertionError, match=r": .*\n\{\"name\""):
        membership.histories(11)
