"""Why an entry has its label, in histories in which one thing decides."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from cellsync.core.membership.ballots import Weight
from cellsync.core.membership.deliberation import Decision, Deliberation
from cellsync.core.membership.grounds import Clause, Ground
from cellsync.core.membership.label import IN, OUT, UNDECIDED
from tests.core.deeds import Told
from tests.histories import reader
from tests.histories.forms import Id

HISTORIES = reader.histories()


class Case(NamedTuple):
    told: Told
    decision: Decision

    def grounds(self, entry: str) -> list[Ground]:
        return self.decision.grounds(self.told.ids[Id(entry)])

    def names(self, ground: Ground) -> set[str]:
        return {name for name, entry in self.told.ids.items() if entry in ground.entries}

    def missing(self, ground: Ground) -> set[str]:
        return {name for name, member in self.told.members.items() if member in ground.missing}


def case(name: str) -> Case:
    history = HISTORIES[name]
    told = Told(history, next(iter(reader.assignments(history, 1))))
    return Case(told, Deliberation(told.deeds(history.entries)).decide())


def test_what_nobody_spoke_against_needs_no_ground() -> None:
    assert case("01-cascade").grounds("b") == []
    assert case("01-cascade").grounds("f") == []


def test_what_rests_on_a_fallen_grant_names_it_and_that_names_the_strike() -> None:
    cascade = case("01-cascade")
    [ground] = cascade.grounds("s")
    assert (ground.clause, ground.label, cascade.names(ground)) == (Clause.CAUSE, OUT, {"p"})
    [ground] = cascade.grounds("p")
    assert (ground.clause, ground.label, cascade.names(ground)) == (Clause.STRIKE, OUT, {"r"})


def test_a_dispute_says_what_both_sides_weigh_and_whose_word_is_missing() -> None:
    answered = case("07-the-accused-answers")
    [ground] = answered.grounds("r")
    assert (ground.clause, ground.label, answered.names(ground)) == (Clause.DISPUTE, UNDECIDED, {"s"})
    assert ground.weights == (Weight(False, 1), Weight(False, 1))
    assert answered.missing(ground) == {"B", "C"}
    assert ground.paper


def test_a_late_strike_names_the_anchors_that_passed_it_by() -> None:
    late = case("L1-sleeper")
    [ground] = late.grounds("s")
    assert (ground.clause, ground.label) == (Clause.LATE, OUT)
    assert len(ground.entries) >= 4


def test_a_frozen_fork_names_the_other_branch() -> None:
    backdated = case("03-backdating")
    [ground] = backdated.grounds("s")
    assert (ground.clause, ground.label) == (Clause.FORK, OUT)
    assert ground.entries


def test_what_was_seen_by_one_removal_stands_and_says_so() -> None:
    cut = case("12-cuts-differ")
    clauses = {ground.clause: ground.label for ground in cut.grounds("y")}
    assert clauses == {Clause.ANY_CUT: IN, Clause.STRIKE: OUT}


def test_an_adopted_admission_names_who_endorsed_it() -> None:
    newcomers = case("13-newcomers")
    ground, struck = newcomers.grounds("x")
    assert (ground.clause, ground.label, newcomers.names(ground)) == (Clause.ADOPT, IN, {"v"})
    assert (struck.clause, struck.label) == (Clause.STRIKE, OUT)


def test_a_demotion_is_adopted_by_nobody() -> None:
    demotion = case("09-demotion")
    assert {ground.clause for ground in demotion.grounds("d")} == {Clause.DISPUTE}


def test_who_is_held_back_so_that_a_coordinator_is_left() -> None:
    zero = case("zero-own-phone")
    [ground] = zero.grounds("x")
    assert (ground.clause, ground.label, ground.paper) == (Clause.ZERO, UNDECIDED, True)


def test_a_recovery_key_names_the_entry_that_brought_it_in() -> None:
    stolen = case("paper-from-a-stolen-one")
    [ground] = stolen.grounds("u")
    assert (ground.clause, ground.label, stolen.names(ground)) == (Clause.RECOVERY_KEY, OUT, {"q"})


def test_a_removal_on_one_word_says_who_could_second_it() -> None:
    cascade = case("01-cascade")
    ground = cascade.decision.seconds(cascade.told.ids[Id("r")])
    assert ground is not None
    assert cascade.missing(ground) == {"B", "C"}
    final = case("late-the-author-vouches")
    assert final.decision.seconds(final.told.ids[Id("r")]) is None


@pytest.mark.parametrize("name", HISTORIES)
def test_the_grounds_give_the_label(name: str) -> None:
    """Where something is not IN there is a ground that says so, and where nothing is said it is IN."""
    judged = case(name)
    for entry in judged.told.ids.values():
        found, label = judged.decision.grounds(entry), judged.decision.label(entry)
        lifting = [each.label for each in found if each.clause in (Clause.ADOPT, Clause.ANY_CUT)]
        others = [each.label for each in found if each.clause not in (Clause.ADOPT, Clause.ANY_CUT)]
        assert min(others, default=IN) <= label <= max(min(others, default=IN), max(lifting, default=OUT))
