"""Planning: every way in which a batch can be wrong, and that a wrong batch changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.errors import BadSignature, CapExceeded, InvalidValue, Malformed, PeerError, WrongLink
from cellsync.core.history.entry import sequence_of
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.ids import CaseId, DeviceId, EntryId, Incarnation, Signature
from cellsync.core.membership.control import Admit, Role, encode_admit
from cellsync.core.replica import planner
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.slices import Slice
from cellsync.core.wire import messages
from cellsync.core.wire.batches import Batch, BatchChain, BatchPart, encode_batch, extend
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind
from tests.core.attacks import SHAPE, Draft, content, forge, of, pointer, together
from tests.core.replica.plans import refused_chains, refused_whole, reload_is_same
from tests.core.replicas import START, admitted, drawn_secrets, founded, pass_on, three

CASE = CaseId(b"c" * 32)


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


def test_a_branch_that_goes_on_in_an_earlier_row() -> None:
    """Once it was written down as long as the later row had made it, and what came again could not be stored."""
    ana, bea, _ = three()
    first, ids = forge(of(bea), [Draft()])
    more, _ = forge(of(bea).after(ids), [Draft(content=content("more"))])
    chains = [more.chains[0], first.chains[0], *first.chains[1:]]
    entries = [
        first.entries[0]._replace(chain=1, parents=[2, 1]), more.entries[0]._replace(chain=0, clock=0),
    ]  # fmt: skip
    plan = ana.receive(Batch(chains, first.cases, entries, 0))
    assert [arrival.sequence for arrival in plan.commit.arrivals] == [1, 2]
    assert [branch.length for branch in ana.branches(bea.line)] == [2]
    assert not ana.receive(Batch(chains, first.cases, entries, 0)).commit.entries
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


@pytest.mark.parametrize("cited", [0, 1], ids=["the first to come", "the second"])
def test_a_side_of_a_fork_cites_what_has_its_place_on_another(cited: int) -> None:
    """It was at fault for whoever had received the cited side first, and so in the branch that the new one leaves."""
    ana, bea, _ = three()
    batch, begun = forge(of(bea), [Draft()])
    ana.receive(batch)
    on = of(bea).after(begun)
    sides = [forge(on, [Draft(content=content(name))]) for name in ("one side", "the other")]
    for side, _ in sides:
        ana.receive(side)
    [head] = sides[cited][1]
    row = BatchChain(*bea.line, on.first + 1, head, None)
    plan = ana.receive(forge(on, [Draft([(1, 1, head, on.height + 1)], content=content("a third"))], [row])[0])
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
    """Also beside a parent that is held and would be enough: the introduction of the device."""
    ana, bea, eva = three()
    row, head, height = pointer(ana, ana)
    later = row._replace(first=row.first + 1)
    nowhere = BatchChain(DeviceId(b"?" * 32), Incarnation(bytes(8)), 5, EntryId(bytes(32)), None)
    for device, pointing, parent in ((bea, later, (head, height)), (eva, nowhere, (EntryId(b"?" * 32), 4))):
        writer = of(device)
        assert writer.root is not None
        refused_chains(ana, forge(writer, [Draft([(1, 1, *parent)])], [pointing])[0], [0])
        beside = Draft([writer.root.cited, (2, 1, *parent)])
        refused_chains(ana, forge(writer, [beside], [writer.root.row, pointing])[0], [0])


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
        with pytest.raises(CapExceeded if len(parents) > 2 else Malformed):
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
    error = CapExceeded if draft is BAD_ENTRIES["a value too deep"] else Malformed
    refused_whole(ana, forge(of(bea), [draft])[0], error)


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


def test_in_one_step_control_entries_and_the_last_are_signed_and_case_entries_after_each_run() -> None:
    ana, _, eva = three()
    case = Intention(Kind.CASE, CASE, SHAPE, content(bytes(planner.RUN // 3)))
    keys = drawn_secrets(bytes(96)).public
    admit = Intention(
        Kind.ADMIT, CaseId(ana.replica.circle.id), *encode_admit(Admit(Role.WRITER, keys, "dan"), bytes(16))
    )
    commit = ana.write(case, case, admit, case, case, case, case, case).commit
    signed = [entry.signature is not None for entry in commit.entries]
    assert signed == [False, False, True, False, False, True, False, True]
    assert [arrival.sequence for arrival in commit.arrivals] == [
        sequence_of(entry.slot) for entry, ends in zip(commit.entries, signed, strict=True) if ends
    ]
    assert all(arrival.last for arrival in commit.arrivals), "a batch may end at each"
    reload_is_same(ana)
    pass_on(ana, eva)
    assert eva.digest() == ana.digest()


def test_a_step_larger_than_a_batch_is_served_in_several() -> None:
    ana, bea, _ = three()
    ana.write(*[Intention(Kind.CASE, CASE, SHAPE, content(bytes(1_000)))] * 3_000)
    before = bea.last_arrival()
    pass_on(ana, bea)
    assert bea.digest() == ana.digest()
    assert bea.last_arrival() - before >= 3, "each received batch is one step of one branch"


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
