"""Planning: every way in which a batch can be wrong, and that a wrong batch changes nothing."""

from __future__ import annotations

import contextlib
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.errors import BadSignature, InvalidValue, Malformed, PeerError, WrongLink
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.ids import CaseId, DeviceId, EntryId, Incarnation, Signature
from cellsync.core.membership.control import Admit, Role, encode_admit
from cellsync.core.replica import planner
from cellsync.core.replica.founding import device_secrets
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.slices import Slice
from cellsync.core.replica.stage import Plan
from cellsync.core.wire import messages
from cellsync.core.wire.batches import Batch, BatchChain, BatchPart, encode_batch, extend
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind, Op
from tests.core.attacks import SHAPE, Draft, content, forge, of, pointer, together
from tests.core.replicas import START, MemoryReplica, admitted, founded, pass_on
from tests.core.session.pumps import sync
from tests.models import planning
from tests.scenarios import forks

CASE = CaseId(b"c" * 32)


def three() -> tuple[MemoryReplica, MemoryReplica, MemoryReplica]:
    ana = founded()
    bea, eva = admitted(ana, "bea", 2), admitted(ana, "eva", 3)
    for device in (bea, eva):
        pass_on(ana, device)
    return ana, bea, eva


def snapshot(device: MemoryReplica) -> Any:
    circle, held = device.replica.circle, device.replica.held
    return (
        device.replica.digest(), device.replica.state_digest(), dict(held.chains), dict(held.cases), dict(held.heads),
        held.arrival, list(circle.pasts.after(0)), set(circle.grants), device.store.chains(),
        list(device.store.cases()), list(device.store.pasts()), device.store.last_arrival(),
    )  # fmt: skip


def refused_whole(device: MemoryReplica, batch: Batch, error: type[PeerError]) -> None:
    before = snapshot(device)
    with pytest.raises(error):
        device.replica.plan(batch)
    assert snapshot(device) == before


def refused_chains(device: MemoryReplica, batch: Batch, rows: list[int]) -> None:
    """These rows do not attach; nothing else is wrong."""
    plan = device.receive(batch)
    assert plan.refused == rows
    assert [gap.line for gap in plan.gaps] == [batch.chains[row][:2] for row in rows]
    reload_is_same(device)


def reload_is_same(device: MemoryReplica) -> None:
    before = snapshot(device)
    device.replica = type(device.replica)(device.id, device.store)
    assert snapshot(device) == before


def test_an_honest_batch_is_taken() -> None:
    ana, bea, _ = three()
    row, head, height = pointer(ana, ana)
    batch, ids = forge(of(bea), [Draft([(1, 1, head, height)]), Draft(content=content(2))], [row])
    plan = ana.receive(batch)
    assert [entry.id for entry in plan.commit.entries] == ids
    assert not plan.refused
    assert not plan.void
    assert [chain.head for chain in ana.branches(bea.line)] == [ids[1]]
    reload_is_same(ana)


def test_wrongly_signed() -> None:
    ana, bea, eva = three()
    good, _ = forge(of(bea), [Draft()])
    for signature in (bytes(64), b"\xff" * 64, forge(of(eva), [Draft()])[0].chains[0].signature):
        row = good.chains[0]._replace(signature=Signature(signature or b""))
        bad = Batch([row, *good.chains[1:]], good.cases, good.entries, size=good.size)
        refused_whole(ana, bad, BadSignature)
    assert not ana.receive(good).refused


@pytest.mark.parametrize("field", ["clock", "shape", "content", "case", "kind", "order"])
def test_changed_on_the_way(field: str) -> None:
    ana, bea, _ = three()
    good, _ = forge(of(bea), [Draft(), Draft(content=content(2)), Draft(content=content(3))])
    first = good.entries[0]
    entries, cases = list(good.entries), list(good.cases)
    match field:
        case "clock":
            entries[0] = first._replace(clock=first.clock + 1)
        case "shape":
            entries[0] = first._replace(shape=SHAPE.replace(b"f", b"g"))
        case "content":
            entries[0] = first._replace(content=content("y"))
        case "case":
            cases = [CaseId(b"d" * 32)]
        case "kind":
            cases, entries = [CaseId(ana.id)], [one._replace(kind=Kind.LEAVE) for one in entries]
        case _:
            entries[1], entries[2] = entries[2], entries[1]
    refused_whole(ana, Batch(good.chains, cases, entries, good.size), BadSignature)
    assert not ana.receive(good).refused


def test_a_gap_and_a_wrong_previous_are_refused() -> None:
    ana, bea, eva = three()
    ana.receive(forge(of(bea), [Draft()])[0])
    honest, ids = forge(of(eva), [Draft(content=content("eva"))])
    writer = of(bea)
    for wrong in (
        writer._replace(first=3),  # a gap
        writer._replace(first=2, previous=EntryId(b"?" * 32)),
        writer._replace(first=1 << 30),
    ):
        batch, _ = forge(wrong, [Draft(content=content(3))])
        refused_chains(ana, batch, [0])
    assert ana.receive(honest).commit.entries[0].id == ids[0]


def test_nothing_comes_before_the_first_entry_of_a_chain() -> None:
    ana, bea, _ = three()
    refused_whole(ana, forge(of(bea)._replace(previous=EntryId(b"?" * 32)), [Draft()])[0], Malformed)


def test_a_fork_opens_a_branch_and_other_chains_go_on() -> None:
    ana, bea, eva = three()
    ana.receive(forge(of(bea), [Draft(), Draft(content=content("one side"))])[0])
    fork, sides = forge(of(bea), [Draft(), Draft(content=content("other")), Draft(content=content("more"))])
    other, ids = forge(of(eva), [Draft(content=content("eva"))])
    both = together([fork, other])
    plan = ana.receive(both)
    assert not plan.refused
    assert [(fork.line, fork.sequence) for fork in plan.forks] == [(bea.line, 2)]
    assert [entry.id for entry in plan.commit.entries] == [*sides[1:], *ids]  # the first of them is held by both sides
    first, second = ana.branches(bea.line)
    assert (first.base, first.first, first.length) == (0, 1, 2)
    assert (second.base, second.first, second.length) == (first.number, 2, 3)
    reload_is_same(ana)
    again = ana.receive(both)  # twice changes nothing
    assert not again.commit.entries
    assert not again.forks
    assert again.reached[0] == (second.number, 3)


def test_a_fork_at_a_chains_first_entry() -> None:
    ana, bea, _ = three()
    ana.receive(forge(of(bea), [Draft(), Draft(content=content("one side"))])[0])
    plan = ana.receive(forge(of(bea), [Draft(content=content("other")), Draft(content=content("more"))])[0])
    assert [(fork.line, fork.sequence) for fork in plan.forks] == [(bea.line, 1)]
    assert [(chain.base, chain.first, chain.length) for chain in ana.branches(bea.line)] == [(0, 1, 2)] * 2
    reload_is_same(ana)


def test_both_sides_of_a_fork_in_one_batch() -> None:
    """Also where the entry before the fork comes in it, and where a side goes on from what another row brings."""
    ana, bea, _ = three()
    first, ids = forge(of(bea), [Draft(), Draft(content=content("one side"))])
    side = of(bea).after(ids[:1])
    other, _ = forge(side, [Draft(content=content("other"), clock=START + 1)])
    more, _ = forge(side.after(ids[1:]), [Draft(content=content("more"), clock=START + 2)])
    entries = [
        *first.entries, other.entries[0]._replace(chain=1, clock=1), more.entries[0]._replace(chain=2, clock=1),
    ]  # fmt: skip
    plan = None
    for order in ([0, 1, 2], [0, 2, 1]):
        chains = [first.chains[0], other.chains[0], more.chains[0]]
        moved = [
            entry._replace(chain=order.index(entry.chain), parents=[3, 1] if entry.parents else []) for entry in entries
        ]
        plan = ana.replica.plan(Batch([*(chains[at] for at in order), *first.chains[1:]], first.cases, moved, 0))
        assert not plan.refused
        assert len(plan.commit.entries) == 4
        assert sorted(chain.length for chain in plan.commit.chains if chain.line == bea.line) == [2, 3]
    assert plan is not None
    ana.commit(plan)
    reload_is_same(ana)


def test_a_wrong_signature_on_a_side_is_the_senders_fault() -> None:
    ana, bea, eva = three()
    ana.receive(forge(of(bea), [Draft(content=content("one side"))])[0])
    wrong, _ = forge(of(bea)._replace(secret=eva.secrets.signing), [Draft(content=content("other"))])
    refused_whole(ana, wrong, BadSignature)


def test_no_entry_cites_its_own_chain() -> None:
    """By another row: whoever passed it on could not write it down."""
    ana, bea, _ = three()
    batch, ids = forge(of(bea), [Draft(), Draft()])
    ana.receive(batch)
    row = BatchChain(*bea.line, 2, ids[0], None)
    on = of(bea).after(ids)
    refused_whole(ana, forge(on, [Draft([(1, 1, ids[0], 1)])], [row])[0], Malformed)
    ana.receive(forge(of(bea), [Draft(content=content("other"))])[0])  # its other side it may cite
    [_, side] = ana.branches(bea.line)
    beside = BatchChain(*bea.line, 2, side.head, None)
    plan = ana.receive(forge(on, [Draft([(1, 1, side.head, 1)])], [beside])[0])
    assert len(plan.commit.entries) == 1


def test_what_rests_on_the_other_side_of_a_fork_is_refused_without_blame() -> None:
    """Eva is honest; she saw the other side of Bea's fork. Without it her chain does not attach; nobody is blamed."""
    ana, bea, eva = three()
    ana.receive(forge(of(bea), [Draft(content=content("one side"))])[0])
    eva.receive(forge(of(bea), [Draft(content=content("other"))])[0])
    eva.edit(CASE, Operation(1, "f", b"", 1))
    known = eva.known_of(ana)
    [forked] = eva.branches(bea.line)
    peer = PeerHoldings(known, [forked.number], ())
    served = eva.serve(eva.cursor_for(peer), peer, eva.last_arrival())
    assert served.batch is not None
    parts = encode_batch(bytes(8), served.batch, 60_000)
    batch = Batch()
    for part in map(messages.decode, parts):  # what leaves here is in the agreed form
        assert isinstance(part, BatchPart)
        extend(batch, part)
    plan = ana.receive(batch)
    assert eva.line in [gap.line for gap in plan.gaps]
    assert not plan.commit.entries
    pass_on(eva, ana)
    pass_on(ana, eva)
    assert ana.replica.digest() == eva.replica.digest()


def test_parents_that_nobody_holds() -> None:
    ana, bea, eva = three()
    row, head, height = pointer(ana, ana)
    batch, _ = forge(of(bea), [Draft([(1, 1, head, height)])], [row._replace(first=row.first + 1)])
    refused_chains(ana, batch, [0])
    nowhere = BatchChain(DeviceId(b"?" * 32), Incarnation(bytes(8)), 5, EntryId(bytes(32)), None)
    refused_chains(ana, forge(of(eva), [Draft([(1, 1, EntryId(b"?" * 32), 4)])], [nowhere])[0], [0])


def test_wrong_parents() -> None:
    ana, bea, _ = three()
    row, head, height = pointer(ana, ana)
    twice, _ = forge(of(bea), [Draft([(1, 1, head, height), (1, 1, head, height)])], [row])
    refused_whole(ana, twice, Malformed)
    early, _ = forge(of(bea), [Draft([(1, 99, head, height)])], [row])
    refused_whole(ana, early, Malformed)
    other, _ = forge(of(bea), [Draft([(1, 2, head, height)])], [row])  # the row says which entries it points at
    refused_whole(ana, other, BadSignature)
    low, _ = forge(of(bea), [Draft([(1, 1, head, height - 1)])], [row])
    refused_whole(ana, low, BadSignature)


def test_own_chain_and_too_many_parents_do_not_pass_the_wire() -> None:
    ana, bea, _ = three()
    row, head, height = pointer(ana, ana)
    for parents in ([0, 1], [1, 1] * 65):
        batch, _ = forge(of(bea), [Draft([(1, 1, head, height)])], [row])
        batch.entries[0] = batch.entries[0]._replace(parents=parents)
        part = messages.decode(encode_batch(bytes(8), batch, 60_000)[0])
        assert isinstance(part, BatchPart)
        with pytest.raises(PeerError):
            extend(Batch(), part)


@pytest.mark.parametrize("clock", [-1, 1 << 63, 1 << 64])
def test_clocks_out_of_range(clock: int) -> None:
    ana, bea, _ = three()
    refused_whole(ana, forge(of(bea), [Draft(clock=clock)])[0], Malformed)


def test_entries_from_the_future_are_kept() -> None:
    ana, bea, _ = three()
    late, day = START + caps.CLOCK_SKEW + 1, START + caps.CLOCK_SKEW
    plan = ana.receive(forge(of(bea), [Draft(clock=day), Draft(clock=late), Draft(clock=(1 << 63) - 1)])[0])
    assert len(plan.commit.entries) == 3


def test_control_entries_belong_to_the_circles_own_case() -> None:
    ana, bea, _ = three()
    refused_whole(ana, forge(of(bea), [Draft(kind=Kind.LEAVE)])[0], Malformed)


BAD_ENTRIES = {
    "a shape that is none": Draft(shape=b"\xc0"),
    "a shape with two heads": Draft(shape=SHAPE.replace(b"\x91", b"\x92", 1)),
    "a content that is too short": Draft(content=b"short"),
    "a value of a timestamp": Draft(content=bytes(16) + b"\x91\xd6\xff\x00\x00\x00\x01"),
    "a value too deep": Draft(content=bytes(16) + b"\x91" * 9 + b"\xc0"),
}


@pytest.mark.parametrize("draft", BAD_ENTRIES.values(), ids=BAD_ENTRIES.keys())
@pytest.mark.parametrize("role", [Role.WRITER, Role.READER])
def test_entries_in_no_agreed_form(draft: Draft, role: Role) -> None:
    """Also from those whose entries do not count: what is held can be read."""
    ana = founded()
    bea = admitted(ana, "bea", 2, role)
    pass_on(ana, bea)
    refused_whole(ana, forge(of(bea), [draft])[0], PeerError)


def test_a_row_without_entries_stores_nothing() -> None:
    ana, bea, _ = three()
    good, _ = forge(of(bea), [Draft()])
    empty = good.chains[0]._replace(device=DeviceId(b"?" * 32))
    refused_whole(ana, Batch([*good.chains, empty], good.cases, good.entries), Malformed)
    refused_whole(ana, Batch([empty], good.cases, []), Malformed)
    unsigned = good.chains[0]._replace(signature=None)
    refused_whole(ana, Batch([unsigned, *good.chains[1:]], good.cases, good.entries), Malformed)


def test_a_case_without_entries_stores_nothing() -> None:
    ana, bea, _ = three()
    cases = len(ana.replica.held.cases)
    good, _ = forge(of(bea), [Draft()])
    idle = [CaseId(bytes([at]) * 32) for at in range(9)]
    entries = [good.entries[0]._replace(case=5)]
    plan = ana.receive(Batch(good.chains, [*idle[:5], *good.cases, *idle[5:]], entries))
    assert [case.id for case in plan.commit.cases] == [CASE]
    assert len(ana.replica.held.cases) == cases + 1
    ana.edit(CaseId(b"z" * 32), Operation(1, "f", b"", 1))  # its number is free
    assert sorted(case.number for case in ana.store.cases()) == list(range(1, cases + 3))
    reload_is_same(ana)


def test_the_same_slice_twice_in_one_batch() -> None:
    ana, bea, _ = three()
    one, ids = forge(of(bea), [Draft(content=content("one")), Draft(content=content("two"))])
    plan = ana.receive(together([one, one]))
    assert [entry.id for entry in plan.commit.entries] == ids
    reload_is_same(ana)


def branches(device: MemoryReplica, ana: MemoryReplica, count: int) -> list[Batch]:
    """Ways in which a device goes on from one place."""
    row, head, height = pointer(ana, ana)
    return [
        forge(of(device), [Draft([(1, 1, head, height)], content=content(number))], [row])[0] for number in range(count)
    ]


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


def test_a_thousand_rows_that_do_not_attach_cost_two_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cites the one before it; the first cites what nobody holds."""
    ana, bea, _ = three()
    plans = []
    original = planner._stage_batch

    def counted(*args: Any) -> list[Slice]:
        plans.append(1)
        slices: list[Slice] = original(*args)
        return slices

    monkeypatch.setattr(planner, "_stage_batch", counted)
    good, _ = forge(of(bea), [Draft()])
    rows = [good.chains[0]._replace(device=DeviceId(number.to_bytes(32, "big"))) for number in range(1_000)]
    entry = good.entries[0]
    entries = [entry._replace(chain=row, parents=[row - 1, 1] if row else [], clock=0) for row in range(1_000)]
    entries[0] = entries[0]._replace(clock=START)
    entries.append(entry._replace(chain=0, clock=0))
    plan = ana.receive(Batch(rows, good.cases, entries))
    assert len(plan.refused) == 1_000
    assert len(plans) == 2


def test_own_writes_over_the_cap_are_refused() -> None:
    ana = founded()
    with pytest.raises(InvalidValue):
        ana.write(Intention(Kind.CASE, CASE, SHAPE, bytes(caps.ENTRY)))


@settings(max_examples=60)
@given(st.data())
def test_mutated_batches_change_nothing_or_only_what_is_signed(data: st.DataObject) -> None:
    ana, bea, _ = three()
    row, head, height = pointer(ana, ana)
    drafts = [Draft([(1, 1, head, height)]), Draft(content=content(2)), Draft(clock=START + 9)]
    batch, ids = forge(of(bea), drafts, [row])
    chains, entries = list(batch.chains), list(batch.entries)
    for _ in range(data.draw(st.integers(1, 3))):
        change: dict[str, Any]
        field: str
        value: Any
        if data.draw(st.booleans()):
            at = data.draw(st.integers(0, len(entries) - 1))
            field, value = data.draw(
                st.tuples(st.just("clock"), st.integers(-5, 5))
                | st.tuples(st.just("kind"), st.integers(0, 13))
                | st.tuples(st.just("chain"), st.integers(0, 1))
                | st.tuples(st.just("parents"), st.sampled_from([[], [1, 1], [1, 2], [1, 1, 1, 2]]))
                | st.tuples(st.just("content"), st.sampled_from([content(5), b"", content(None)]))
            )
            change = {field: value}
            entries[at] = entries[at]._replace(**change)
        else:
            at = data.draw(st.integers(0, 1))
            field, value = data.draw(
                st.tuples(st.just("first"), st.integers(1, 9))
                | st.tuples(st.just("previous"), st.sampled_from([bytes(32), head]))
                | st.tuples(st.just("signature"), st.sampled_from([None, bytes(64)]))
                | st.tuples(st.just("device"), st.sampled_from([ana.device, bea.device, bytes(32)]))
            )
            change = {field: value}
            chains[at] = chains[at]._replace(**change)
    try:
        plan = ana.replica.plan(Batch(chains, batch.cases, entries))
    except PeerError:
        return
    assert {entry.id for entry in plan.commit.entries} in (set(), set(ids))


REF = b"somebody's"


def outcome(device: MemoryReplica, batch: Batch) -> object:
    """What a plan says, or what is wrong with the batch."""
    try:
        plan = device.replica.plan(batch)
    except PeerError as error:
        return type(error), str(error)
    return comparable(plan)


def comparable(plan: Plan) -> object:
    changes = [(entry.slot, author, done) for entry, author, done in plan.changes]
    assert len(plan.changes) == len(changes)
    return plan._replace(circle=sorted(plan.circle.grants.items()), changes=changes)  # type: ignore[arg-type]


def both_ways(device: MemoryReplica, batch: Batch) -> object:
    """The same, and that it is the same with the plain version."""
    spelt_out = outcome(device, batch)
    with mock.patch.object(planner, "_stage_entries", planning.stage_entries):
        assert outcome(device, batch) == spelt_out
    return spelt_out


@st.composite
def _changed(draw: st.DrawFn, batch: Batch) -> Batch:
    """The batch with a few things in it otherwise."""
    chains, entries, cases = list(batch.chains), list(batch.entries), list(batch.cases)
    for row in draw(st.lists(st.integers(0, len(chains) - 1), max_size=1)):  # a chain comes twice, side by side
        chains.append(chains[row])
        twice = [[one, one._replace(chain=len(chains) - 1, clock=0)][: 1 + (one.chain == row)] for one in entries]
        entries = [one for pair in twice for one in pair]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(entries) - 1))
        rows = st.integers(0, len(chains) - 1)
        parents = st.lists(st.tuples(rows, st.integers(1, 3)), max_size=2)
        change: dict[str, Any] = draw(
            st.sampled_from([{"clock": clock} for clock in (-(10**13), 5, 1 << 62)])
            | st.fixed_dictionaries({"kind": st.sampled_from([0, 10])})
            | st.fixed_dictionaries({"chain": rows})
            | st.fixed_dictionaries({"case": st.integers(0, len(cases) - 1)})
            | st.fixed_dictionaries({"parents": parents.map(lambda named: [part for pair in named for part in pair])})
            | st.sampled_from([{"content": said} for said in (content([1]), b"", content("y" * 300))])
            | st.sampled_from([{"shape": shape} for shape in (b"", SHAPE * 2, b"\x91\x93\x63\xa1f\xc0")])
        )
        entries[at] = entries[at]._replace(**change)
    for _ in range(draw(st.integers(0, 1))):
        at = draw(st.integers(0, len(chains) - 1))
        chains[at] = draw(
            st.sampled_from(
                [
                    chains[at]._replace(first=chains[at].first + 1),
                    chains[at]._replace(signature=None),
                    chains[at]._replace(device=chains[0].device),
                ]
            )
        )
    return Batch(chains, cases, entries)


def test_an_entry_that_cites_its_own_slice_is_malformed_wherever_it_stands() -> None:
    ana, bea, _ = three()
    for _ in range(4):
        bea.edit(CASE, Operation(1, "f", b"", "said"))
    peer = PeerHoldings(bea.known_of(ana), (), ())
    batch = bea.serve(bea.cursor_for(peer), peer, bea.last_arrival()).batch
    assert batch is not None
    [row] = {one.chain for one in batch.entries}
    for at in (1, 2, 3):
        entries = list(batch.entries)
        entries[at] = entries[at]._replace(parents=[row, 1])
        assert both_ways(ana, Batch(batch.chains, batch.cases, entries)) == (
            Malformed,
            "an entry cites its own chain",
        )


@settings(max_examples=150)
@given(st.data())
def test_what_is_spelt_out_for_speed_plans_as_the_plain_version(data: st.DataObject) -> None:
    people = three()
    ana, *_ = people
    kim = admitted(ana, "kim", 4)
    says = st.sampled_from([(1, b"", "said"), (1, b"", ["a", "list"]), (7, None, "said"), (7, None, 5), (9, REF, None)])
    moves = st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 3), says)
    for at, (who, seen, case, (tag, detail, said)) in enumerate(data.draw(st.lists(moves, min_size=1, max_size=12))):
        if who != seen:
            pass_on(people[seen], people[who])
        if case < 3:
            people[who].edit(CaseId(bytes([case]) * 32), Operation(tag, "f", detail, said))
        else:
            admitted(people[who], "somebody", 10 + at)  # counts if it is ana who does it
        if at == 3 and data.draw(st.booleans()):
            pass_on(ana, kim)
    giver = people[data.draw(st.integers(0, 2))]
    for other in people:
        if other is not giver:
            pass_on(other, giver)
    peer = PeerHoldings(giver.known_of(kim), (), ())
    batch = giver.serve(giver.cursor_for(peer), peer, giver.last_arrival()).batch
    if batch is None:
        return
    changed = data.draw(_changed(batch))
    both_ways(kim, changed)
    with mock.patch.object(planner, "verify", return_value=True):  # else nothing would be told of what was changed
        both_ways(kim, changed)
        with contextlib.suppress(PeerError):
            kim.receive(changed)  # and some of it is held when the rest comes
        both_ways(kim, batch)


def test_an_equivocator_closes_no_head_in_the_common_case() -> None:
    ana, bea, _ = three()
    kim = admitted(ana, "kim", 4)
    pass_on(ana, kim)
    pass_on(ana, bea)
    bea.edit(CASE, Operation(1, "f", b"", "first"))
    ana.edit(CASE, Operation(1, "f", b"", "of Ana"))
    pass_on(ana, bea)
    bea.edit(CASE, Operation(1, "f", b"", "cites what Ana wrote"))
    peer = PeerHoldings(bea.known_of(kim), (), ())
    batch = bea.serve(bea.cursor_for(peer), peer, bea.last_arrival()).batch
    assert batch is not None
    for equivocators in (frozenset[DeviceId](), frozenset({bea.device})):
        kim.replica.held._equivocators = equivocators
        both_ways(kim, batch)
        [of_ana] = [one for one in kim.replica.plan(batch).commit.chains if one.device == ana.device]
        assert of_ana.cited is not bool(equivocators)


def test_histories_with_forks_are_planned_as_by_the_plain_version(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = MemoryReplica.receive
    batches = 0

    def receive(device: MemoryReplica, batch: Batch, peer: DeviceId | None = None) -> Any:
        nonlocal batches
        both_ways(device, batch)
        batches += 1
        return plan(device, batch, peer)

    monkeypatch.setattr(MemoryReplica, "receive", receive)
    for seed in range(4):
        forks.history(seed)
    assert batches > 100


def test_another_devices_founding_entry() -> None:
    """A `found` names no device: a member who puts a copy into its own chain must not become the founder's double."""
    ana, bea, _ = three()
    founding = ana.store.entry_at(ana.replica.held.chains[1].number << 40 | 1)
    assert founding is not None
    copy = Draft(
        clock=founding.clock, kind=Kind.FOUND, case=CaseId(ana.id), shape=founding.shape, content=founding.content
    )  # fmt: skip
    batch, ids = forge(of(bea)._replace(incarnation=ana.line[1], root=None), [copy])
    assert bytes(ids[0]) == ana.id
    refused_whole(ana, batch, WrongLink)


WRITES = st.lists(st.tuples(st.integers(0, 6), st.sampled_from([b"", b"x", b"x" * 300])), min_size=1, max_size=9)


@settings(max_examples=40)
@given(WRITES, st.permutations(["ana", "bea", "eva", "dan"]), st.integers(0, 3), st.booleans())
def test_many_of_our_own_are_planned_as_each_by_itself(
    writes: list[tuple[int, bytes]], order: list[str], heard: int, begun: bool
) -> None:
    """Whatever heads there are to cite, also of one who may not write; `0` is no case entry but an admission."""
    ana, bea, eva = three()
    devices = {"ana": ana, "bea": bea, "eva": eva, "dan": admitted(ana, "dan", 4, Role.READER)}
    pass_on(ana, devices["dan"])
    writer, *others = [devices[name] for name in order]
    for other in others[:heard]:
        other.edit(CASE, Operation(int(Op.APPEND), "notes", None, other.device.hex()))
        pass_on(other, writer)
    if begun:
        writer.edit(CASE, Operation(int(Op.APPEND), "notes", None, "begun"))
    keys = [device_secrets(bytes([number]) * 96).public for number in range(len(writes))]
    admits = [encode_admit(Admit(Role.WRITER, one, f"new {at}"), bytes(16)) for at, one in enumerate(keys)]
    intentions = [
        Intention(Kind.CASE, CaseId(bytes([number]) * 32), SHAPE, content(text))
        if number
        else Intention(Kind.ADMIT, CaseId(writer.replica.circle.id), *admits[at])
        for at, (number, text) in enumerate(writes)
    ]

    def planned() -> object:
        return comparable(writer.replica.plan_writes(writer.line, writer.secrets.signing, intentions, writer.now))

    spelt_out = planned()
    with mock.patch.object(planner, "_stage_cases", planning.stage_cases):
        assert planned() == spelt_out
