"""Planning: a device that goes on in many ways from one place, and what honest devices built on it."""

from __future__ import annotations

import pytest

from cellsync.core import caps
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.ids import CaseId, Incarnation
from cellsync.core.membership.control import Role
from cellsync.core.wire.batches import Batch, BatchChain
from cellsync.core.wire.operations import Operation
from tests.core.attacks import Draft, content, forge, of, pointer
from tests.core.replica.plans import branches, reload_is_same
from tests.core.replicas import START, MemoryReplica, admitted, founded, pass_on, three
from tests.core.session.pumps import sync

CASE = CaseId(b"c" * 32)


def test_a_device_with_too_many_branches_counts_only_as_far_as_others_cite_it() -> None:
    ana, bea, eva = three()
    sides = branches(bea, ana, 40)
    for number, batch in enumerate(sides[: caps.BRANCHES]):
        plan = ana.receive(batch)
        assert len(plan.changes) == 1
        assert not plan.refused, number
    state = ana.replica.read(CASE)
    assert state is not None
    assert len(state.registers["f"].live) == caps.BRANCHES
    before = ana.replica.digest()
    proof = ana.receive(sides[caps.BRANCHES])
    assert not proof.refused
    assert not proof.changes
    assert proof.refold == [ana.replica.held.cases[CASE]]
    assert ana.frontier().equivocators == {bea.device}
    assert ana.replica.digest() != before
    assert ana.replica.read(CASE) is None, "nothing in it counts"
    reload_is_same(ana)
    late = ana.receive(sides[-1])
    assert (late.refused, late.gaps) == ([0], [])
    assert not late.commit.chains

    eva.receive(sides[-1])  # she has seen one side only, and built on it
    eva.edit(CASE, Operation(1, "f", b"", "cites it"))
    pass_on(eva, ana)
    state = ana.replica.read(CASE)
    assert state is not None
    assert sorted(cell.value for cell in state.registers["f"].live.values() if cell.value != "cites it") == [39]
    reload_is_same(ana)
    pass_on(ana, eva)  # the proof reaches her
    assert eva.frontier().equivocators == {bea.device}
    assert eva.replica.digest() == ana.replica.digest()
    assert eva.replica.state_digest() == ana.replica.state_digest()
    reload_is_same(eva)


def test_many_branches_at_once_make_one_equivocator_and_no_more_chains_than_prove_it() -> None:
    ana, bea, _ = three()
    sides = branches(bea, ana, 500)
    at_once = Batch(
        [*(batch.chains[0] for batch in sides), sides[0].chains[1]], sides[0].cases,
        [
            batch.entries[0]._replace(chain=row, parents=[500, 1], clock=0 if row else START)
            for row, batch in enumerate(sides)
        ],
    )  # fmt: skip
    plan = ana.receive(at_once)
    assert len(ana.branches(bea.line)) == caps.BRANCHES + 1
    assert plan.refused == list(range(caps.BRANCHES + 1, 500))
    assert not plan.gaps
    reload_is_same(ana)


@pytest.mark.parametrize("size", [1, 12])  # MiB: more than any batch, and than any memory should hold
@pytest.mark.parametrize("through", [False, True])
def test_what_an_honest_device_built_on_a_long_branch_arrives(size: int, through: bool) -> None:
    """It cited it before it knew that the device is an equivocator. `through`: only another branch of the same device
    cites the long one, and the honest device that one."""
    ana, bea, eva = three()
    row, head, height = pointer(ana, ana)
    for batch in branches(bea, ana, caps.BRANCHES + 1):
        ana.receive(batch)
    assert ana.frontier().equivocators
    place = of(bea)._replace(incarnation=Incarnation(b"long one"))
    parents, cited = [(1, 1, head, height)], height
    for at in range(20 * size):
        batch, ids = forge(
            place, [Draft(parents if not at else (), content=content("x" * 50_000))], [row] if not at else []
        )
        eva.receive(batch)
        cited += 1
        place = place._replace(first=place.first + 1, previous=ids[-1], height=cited)
    if through:
        long = BatchChain(place.device, place.incarnation, place.first, place.previous, None)
        eva.receive(forge(of(bea), [Draft([(1, 1, place.previous, cited)])], [long])[0])
    note = eva.edit(CASE, Operation(1, "f", b"", "by Eva"))
    one, other = sync(eva, ana)
    assert (one.error, other.error) == (None, None)
    for end in (one, other):
        balance = end.session.balance(ana.id)
        assert balance is not None
        assert balance.level
    assert ana.find(eva.line, 1, note) is not None
    assert ana.replica.digest() == eva.replica.digest()
    assert ana.replica.state_digest() == eva.replica.state_digest()
    assert ana.surplus.room(ana.replica.held, eva.device) == {bea.device: caps.SURPLUS}  # it counts now
    reload_is_same(ana)


def test_a_peer_brings_so_many_branches_that_nothing_cites_and_no_more() -> None:
    ana, bea, eva = three()
    for batch in branches(bea, ana, caps.BRANCHES + 1):
        ana.receive(batch)
    more = branches(bea, ana, caps.BRANCHES + 1 + caps.SURPLUS + 3)[caps.BRANCHES + 1 :]
    refused = [len(ana.receive(batch, eva.device).refused) for batch in more]
    assert refused == [0] * caps.SURPLUS + [1] * 3
    assert not ana.receive(more[-1], ana.device).refused  # others have room of their own
    assert ana.receive(more[-2]).refused  # who is not known has none
    digest = ana.replica.digest()
    fresh = MemoryReplica(ana.id, ana.secrets, ana.device, ana.line[1], 9)
    pass_on(ana, fresh)
    assert fresh.replica.digest() == digest  # none of it counts
    reload_is_same(ana)


def test_incarnations_are_branches_too() -> None:
    ana, bea, _ = three()
    for number in range(caps.BRANCHES + 1):
        ana.receive(forge(of(bea)._replace(incarnation=Incarnation(bytes([number]) * 8)), [Draft()])[0])
    assert ana.frontier().equivocators == {bea.device}


def test_whom_only_an_equivocator_admitted_is_no_member() -> None:
    ana = founded()
    bea = admitted(ana, "bea", 2, Role.COORDINATOR)
    eva = admitted(ana, "eva", 3)
    pass_on(ana, bea)
    puppet = admitted(bea, "puppet", 4)
    pass_on(bea, ana)
    assert ana.replica.circle.is_active(puppet.device)
    for batch in branches(bea, ana, caps.BRANCHES + 1):
        ana.receive(batch)
    assert ana.frontier().equivocators == {bea.device}
    assert not ana.replica.circle.is_active(puppet.device)
    assert ana.device_with(puppet.secrets.public.session) is None
    reload_is_same(ana)
    pass_on(bea, puppet)
    puppet.edit(CASE, Operation(1, "f", b"", "mine"))  # now another device's entry rests on it
    newest = puppet.serve(
        puppet.last_arrival() - 1, PeerHoldings(puppet.known_of(ana), (), ()), puppet.last_arrival()
    ).batch
    assert newest is not None
    ana.receive(newest)
    assert ana.replica.circle.is_active(puppet.device)
    reload_is_same(ana)
    pass_on(ana, eva)
    assert eva.replica.digest() == ana.replica.digest()
