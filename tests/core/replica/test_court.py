"""Histories of membership, written down and taken in by whole replicas: those of `tests/histories`, and drawn ones.

What the rules say of a set of deeds is tested with them. Here it is that a replica asks them rightly: that it finds all
deeds, in whatever steps they come, and that every entry stands as they say.
"""

from __future__ import annotations

from random import Random

import pytest

from cellsync.core.history.entry import Standing
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.membership.editions import FIRST, SECOND
from cellsync.core.replica import rejudging
from cellsync.core.replica.replica import Replica
from cellsync.store.sqlite import SqliteStore
from tests.core.deeds import arrivals, judged
from tests.core.membership.test_deliberation import at_random
from tests.core.membership.test_histories import differences, moments
from tests.core.written import Written
from tests.histories import forms
from tests.histories.forms import History, Moment


@pytest.mark.parametrize(("history", "moment"), moments())
def test_a_replica_shows_what_a_history_expects(history: History, moment: Moment) -> None:
    for seed in range(2):
        written = Written(history, seed)
        order = arrivals(history, moment.held, Random(seed))
        replica, store = written.replica(order)
        assert differences(moment.expected, written.verdict(replica, store, order)) == {}
        again = Replica(written.circle, store, SECOND)
        assert again.court.ruling == replica.court.ruling


def served(written: Written, giver: Replica) -> tuple[Replica, SqliteStore]:
    """A replica that got everything from another one at once."""
    store = SqliteStore.in_memory()
    taker = Replica(written.circle, store, SECOND)
    peer = PeerHoldings({}, (), frozenset())
    found = giver.serve(giver.cursor_for(peer), peer, giver.held.arrival)
    assert found.batch is not None
    plan = taker.plan(found.batch)
    store.write(plan.commit)
    taker.advance(plan)
    return taker, store


@pytest.mark.parametrize("seed", range(60))
def test_a_replica_shows_what_the_rules_say_in_whatever_steps_it_comes(seed: int) -> None:
    """Also if each step was planned before, and did not become durable."""
    history = at_random(seed, 16)
    written, names = Written(history, seed), frozenset(history.entries)
    for number in range(2):
        order = arrivals(history, names, Random(number))
        replica, store = written.replica(order, twice=number == 1)
        matters = written.matters(replica, store, order)
        expected = judged(history, written.ids, matters)
        assert written.verdict(replica, store, matters) == expected
        assert written.verdict(*served(written, replica), matters) == expected
        assert Replica(written.circle, store, SECOND).court.ruling == replica.court.ruling


@pytest.mark.parametrize("seed", range(40))
def test_what_an_earlier_edition_held_is_judged_as_if_it_had_been_known(seed: int) -> None:
    """It knows neither links nor what recovery keys write, and refuses what such devices wrote."""
    history = at_random(seed, 16)
    written, order = Written(history, seed), list(history.entries)
    held = [name for name in order if not _unknown(history, name)]
    _, store = written.replica(held, FIRST)
    assert rejudging.is_needed(written.circle, store, None)
    store.write(rejudging.judge_anew(written.circle, store, SECOND))
    replica = Replica(written.circle, store, SECOND)
    matters = written.matters(replica, store, held)
    expected = judged(history, written.ids, matters)
    assert written.verdict(replica, store, matters) == expected
    assert written.verdict(*served(written, replica), matters) == expected


def _unknown(history: History, name: forms.Id) -> bool:
    """Whether an entry, or one in its past, is by a device that the first edition does not know."""
    past = [history.entries[one] for one in (*history.entries[name].past, name)]
    linked = {entry.introduces for entry in past if entry.kind is forms.Kind.LINK}
    return any(entry.key is not None or entry.device in linked for entry in past)


def test_a_vault_that_holds_no_kind_of_a_later_edition_is_left_as_it_is() -> None:
    history = at_random(1, 1)
    written = Written(history)
    admissions = [name for name, entry in history.entries.items() if entry.kind in (forms.Kind.FOUND, forms.Kind.ADMIT)]
    replica, store = written.replica(admissions[:2], FIRST)
    assert {entry.standing for entry in replica.held.controls(store, range(256), void=True)} == {Standing.IN}
    assert not rejudging.is_needed(written.circle, store, None)
