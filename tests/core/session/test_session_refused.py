"""Refused branches are offered again in the same session, and the devices are in step once all slices attach."""

from __future__ import annotations

import pytest

from cellsync.core.session.exchange import OFFER_AGAIN
from cellsync.core.session.session import growth
from cellsync.core.wire.batches import Batch, BatchChain
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.places import Gap
from tests.core.attacks import Draft, content, forge, of
from tests.core.replica.plans import CASE, branches
from tests.core.replicas import MemoryReplica, admitted, founded, pass_on
from tests.core.session.pumps import End, run, sync


def four() -> tuple[MemoryReplica, MemoryReplica, MemoryReplica, MemoryReplica]:
    """Ana knows Bea, Eva and Cleo; Bea and Eva know all whom Ana knows, and Cleo has heard nothing yet."""
    ana = founded()
    bea, eva, cleo = admitted(ana, "bea", 2), admitted(ana, "eva", 3), admitted(ana, "cleo", 4)
    pass_on(ana, bea)
    pass_on(ana, eva)
    return ana, bea, eva, cleo


def later(seconds: float, one: End, other: End) -> None:
    """So much later on the clock of their session, and whatever they say then."""
    for end in (one, other):
        end.handle(end.session.tick(seconds))
    run(one, other, seconds)


def are_level(*ends: End) -> bool:
    found = [end.session.balance(end.device.id) for end in ends]
    return all(one is not None and one.level for one in found)


def test_what_was_refused_arrives_in_the_same_session_once_it_is_cited() -> None:
    """Of so many branches Cleo takes what proves an equivocator. Then Eva cites one that Cleo has refused."""
    ana, bea, eva, cleo = four()
    sides = branches(bea, ana, 40)
    for side in sides:
        ana.receive(side, eva.device)
    ends = sync(ana, cleo)
    assert any(plan.refused for plan in ends[1].plans)
    eva.receive(sides[-1])
    eva.edit(CASE, Operation(1, "f", b"", "cites it"))
    pass_on(eva, ana)
    run(*ends)
    assert cleo.replica.digest() == ana.replica.digest()
    assert cleo.replica.state_digest() == ana.replica.state_digest()
    assert are_level(*ends)
    assert not any(end.ended for end in ends)


@pytest.mark.parametrize("through", ["ana", "eva"])
def test_what_did_not_attach_is_in_step_once_it_does(through: str) -> None:
    """Ana takes Cleo to hold what Cleo does not: so what comes behind it does not attach. Somebody brings the rest."""
    ana, bea, eva, cleo = four()
    first, [head] = forge(of(bea), [Draft(content=content("one"))])
    second, _ = forge(of(bea).after([head]), [Draft(content=content("two"))])
    one, other = sync(ana, cleo)
    ana.receive(first)
    ana.receive(second)
    [branch] = ana.branches(bea.line)
    one.session._exchange_of(ana.id)._known[branch.number] = 1  # type: ignore[union-attr]
    run(one, other)
    assert not cleo.branches(bea.line)
    assert not are_level(other)
    if through == "eva":
        eva.receive(first)
        eva.receive(second)
        pass_on(eva, cleo)
        other.session.tell(cleo.id, growth(cleo.frontier()), 0)
        run(one, other)
        assert are_level(one, other)
        received = other.received
        later(OFFER_AGAIN, one, other)
        assert other.received == received, "it is not brought twice"
    else:
        later(OFFER_AGAIN, one, other)
    assert cleo.replica.digest() == ana.replica.digest()
    assert are_level(one, other)


def test_a_branch_as_long_as_what_did_not_attach_is_not_that() -> None:
    """A slice of another branch of that chain is a gap, whatever else is here of the chain."""
    ana, bea, _, cleo = four()
    here, _ = forge(of(bea), [Draft(content=content(number)) for number in range(3)])
    first, [head] = forge(of(bea), [Draft(content=content("one"))])
    second, _ = forge(of(bea).after([head]), [Draft(content=content("two"))])
    one, other = sync(ana, cleo)
    cleo.receive(here)
    ana.receive(first)
    ana.receive(second)
    [branch] = ana.branches(bea.line)
    one.session._exchange_of(ana.id)._known[branch.number] = 1  # type: ignore[union-attr]
    other.take(one.give(), 0)
    assert other.plans[-1].gaps == [Gap(bea.line, 2)]
    run(one, other)
    assert not are_level(other)
    later(OFFER_AGAIN, one, other)
    assert cleo.replica.digest() == ana.replica.digest()
    assert are_level(one, other)


def test_who_refuses_all_day_is_offered_it_once_a_minute() -> None:
    ana, bea, _, cleo = four()
    one, other = sync(ana, cleo)
    nothing = cleo.replica.plan(Batch())
    other.device.receive = lambda *_: nothing._replace(refused=[0], gaps=[Gap(bea.line, 1)], reached=[None])  # type: ignore[method-assign]
    before = other.received
    ana.receive(forge(of(bea), [Draft()])[0])
    run(one, other)
    minutes = 60
    for second in range(0, minutes * 60, 5):
        later(second, one, other)
    assert minutes <= other.received - before <= minutes + 1
    assert not are_level(one)
    assert not are_level(other)
    assert not one.ended


def test_two_sides_of_a_fork_that_rest_on_each_other_through_others() -> None:
    """Each side holds its own back until the other has said which it has; what cites them is refused till then.

    Found by the search `forks`, seed 5078: they waited for each other in every session.
    """
    ana, bea, eva, _ = four()
    pass_on(eva, bea)
    one = forge(of(bea), [Draft(content=content("one"))])[0]
    other = forge(of(bea), [Draft(content=content("other"))])[0]
    ana.receive(one)
    eva.receive(other)
    for device in (ana, eva):  # each cites the side that it has, and its side goes on from there
        device.edit(CASE, Operation(1, "f", b"", "cites it"))
    for device, side in ((ana, one), (eva, other)):
        [chain] = device.branches(bea.line)
        [cited] = device.branches(device.line)
        entry = device.entry_id(cited.number, cited.length)
        assert entry is not None
        row = BatchChain(*device.line, cited.length + 1, entry, None)
        before = of(bea)._replace(first=2, previous=chain.head, height=chain.height + 1)
        device.receive(forge(before, [Draft([(1, 1, entry, cited.height)], content=content("on"))], [row])[0])
        assert side.entries
    sync(ana, eva)
    assert ana.replica.digest() == eva.replica.digest()
    assert len(ana.branches(bea.line)) == 2
