"""Strikes as they are told, and which of them a removal answers."""

from __future__ import annotations

from cellsync.core.membership.label import IN, UNDECIDED
from cellsync.core.wire.tags import Kind
from tests.core.membership.test_grounds import Case, case
from tests.histories.forms import Id, Member


def answered(told: Case, of: str, by: str) -> set[str]:
    members = told.told.members
    found = told.decision.answered([members[Member(of)]], [], members[Member(by)])
    return {name for name, entry in told.told.ids.items() if entry in found}


def test_a_strike_says_who_stands_behind_it_and_whom_it_hits() -> None:
    cascade = case("01-cascade")
    told = {strike.entry: strike for strike in cascade.decision.strikes}
    removal = told[cascade.told.ids[Id("r")]]
    members = cascade.told.members
    assert (removal.kind, removal.label, removal.author) == (Kind.REMOVE, IN, members[Member("A")])
    assert (set(removal.members), set(removal.devices), removal.role) == ({members[Member("M")]}, set(), None)
    assert removal.voters == {members[Member("A")]}


def test_what_is_undecided_is_answered_by_a_third() -> None:
    quarrel = case("07-the-accused-answers")
    undecided = {strike.entry for strike in quarrel.decision.strikes if strike.label == UNDECIDED}
    names = {name for name, entry in quarrel.told.ids.items() if entry in undecided}
    assert names == {"r", "s"}
    assert answered(quarrel, "M", "B") == {"s"}
    assert answered(quarrel, "A", "B") == {"r"}


def test_a_settled_quarrel_is_not_opened_again() -> None:
    """Of who removed a sleeper long ago nothing is disputed when they are removed themselves; but for the removed."""
    cascade = case("01-cascade")
    assert answered(cascade, "A", "B") == set()
    assert answered(cascade, "A", "M") == {"r"}
