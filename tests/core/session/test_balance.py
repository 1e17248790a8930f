"""The balance of a session: who lacks what, while it goes on and at its end."""

from __future__ import annotations

from cellsync.core.session.events import Acknowledged, Received
from cellsync.core.session.session import growth
from tests.core.replicas import pair, pass_on
from tests.core.session.pairs import LEVEL, balance, balances, newcomer, write
from tests.core.session.pumps import answerer, caller, run, sync


def test_the_balance_says_what_is_still_to_go() -> None:
    ana, bea = pair()
    write(ana, 4)
    write(bea, 3)
    one, other = caller(ana, bea), answerer(bea)
    assert balances(one, other) == (None, None)
    one.commits = other.commits = False
    run(one, other)
    assert balances(one, other) == (balance(4, 3, moving=True), balance(3, 4, moving=True))
    ends = sync(ana, bea, 5)
    assert balances(*ends) == (LEVEL, LEVEL)
    assert LEVEL.level
    write(ana, 2)
    assert balances(*ends) == (balance(2, 0), LEVEL)
    run(*ends)
    assert balances(*ends) == (LEVEL, LEVEL)


def test_who_holds_the_same_is_level_after_one_digest() -> None:
    ana, bea = pair()
    sync(ana, bea)
    assert balances(*sync(ana, bea, 5)) == (LEVEL, LEVEL)


def test_whoever_waits_is_told_of_a_batch_that_brought_nothing_new() -> None:
    ana, bea = pair()
    one, other = sync(ana, bea)
    write(ana, 1)
    pass_on(ana, bea)
    [received] = other.session.receive(one.give(), 0)
    assert isinstance(received, Received)
    assert balances(one, other)[1] == balance(1, 0, moving=True)  # who sends it holds it; counted once committed
    plan = bea.receive(received.batch)
    assert not plan.commit.entries
    assert other.session.committed(ana.id, plan.reached, plan.refused) == [Acknowledged(ana.id)]
    assert balances(one, other)[1] == LEVEL


def test_an_unknown_caller_is_level_once_it_has_introduced_itself() -> None:
    _, bea, eva = newcomer()
    one, other = caller(eva, bea), answerer(bea)
    other.commits = False
    run(one, other)
    assert balances(one, other) == (None, None)
    assert balances(*sync(eva, bea, 5)) == (LEVEL, LEVEL)


def test_what_a_third_brought_counts() -> None:
    ana, bea, eva = newcomer()
    pass_on(ana, bea)
    ends = sync(ana, bea)
    write(eva, 5)
    sync(eva, ana, 7)
    assert balances(*ends) == (balance(5, 0), LEVEL)
    sync(eva, bea, 9)
    ends[1].session.tell(bea.id, growth(eva.frontier()), 0)
    ends[0].take(ends[1].session.outgoing(), 0)
    ends[0].session.pull()
    assert balances(*ends) == (LEVEL, balance(5, 0))  # ana has said nothing yet
    run(*ends)
    assert balances(*ends) == (LEVEL, LEVEL)
