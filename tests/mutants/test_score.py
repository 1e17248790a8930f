"""The score of a part, and the table that holds it."""

from __future__ import annotations

import pytest

from tests.mutants import score
from tests.mutants.explained import explained
from tests.mutants.parts import PARTS
from tests.mutants.results import Mutant
from tests.mutants.score import Score

KILLED, ALIVE, EXCUSED, UNTRIED = (
    Mutant("m:f", was, "other", outcome)
    for was, outcome in (("killed", True), ("alive", False), ("excused", False), ("untried", None))
)


def test_the_score_is_of_mutants_that_were_tried_and_that_a_test_could_tell() -> None:
    found = [KILLED, KILLED, KILLED, ALIVE, EXCUSED, UNTRIED, UNTRIED]
    counted = score.count(found, {str(EXCUSED): "equivalent", str(KILLED): "of another day"}, "2026-11-30")
    assert counted == Score(7, 3, 1, 1, 2, "2026-11-30")
    assert counted.percent == 75
    assert score.count([], {}, "–").percent == 0


def test_the_table_is_one_that_the_next_run_can_write() -> None:
    text = score.DOCUMENT.read_text(encoding="utf-8")
    scores = score.read(text)
    assert scores.keys() <= PARTS.keys()
    assert score.write(text, scores) == text
    more = {"codec": Score(1_234, 1_200, 20, 10, 4, "2026-11-30")}
    assert score.read(score.write(text, more)) == more
    with pytest.raises(ValueError, match="no row"):
        score.read(text + "| codec | fewer columns |\n")


def test_every_explanation_is_of_one_mutant_and_says_why() -> None:
    assert all(why for why in explained().values())
