"""The search of histories of membership, as far as there is time for it, and that it finds what it looks for."""

from __future__ import annotations

from random import Random

import pytest

from tests.histories import reader
from tests.models import freezes
from tests.searches import membership
from tests.searches.membership import LOST, ROWS, RULES, SUSPENDED, UNAPPLIED, Play


def plays(row: membership.Row, seeds: range) -> list[Play]:
    return [Play(Random(f"membership {row.name} {seed}"), row) for seed in seeds]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_nothing_is_broken_in_a_hundred_histories_of_each_row(row: membership.Row) -> None:
    """Of two hostile of five, only what does not depend on how many there are."""
    for play in plays(row, range(100)):
        assert play.broken() & row.forbidden == set(), play.told()


def test_what_is_found_is_a_history_for_the_folder() -> None:
    (play,) = plays(ROWS[1], range(1))
    history = reader.parse(play.as_file())
    assert history.entries == play.draft.entries


def test_without_the_rule_on_forks_the_goal_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freezes, "by_fork", lambda *_: False)
    (play,) = plays(ROWS[1], range(18, 19))
    assert play.broken() == {LOST, SUSPENDED, UNAPPLIED, RULES}


def test_without_grounds_puppets_hold_each_other_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.models.membership._Labelling._groundless", lambda _: set())
    (play,) = plays(ROWS[1], range(27, 28))
    assert play.broken() == {LOST, SUSPENDED, RULES}


def test_a_counterexample_is_told_as_a_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freezes, "by_fork", lambda *_: False)
    with pytest.raises(AssertionError, match=r"one hostile of three: .*\n\{\"name\""):
        membership.histories(18)
