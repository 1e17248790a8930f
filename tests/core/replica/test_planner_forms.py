"""Planning: entries that come erased, or as skeletons, or in a version that this build does not know."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core.crypto.channel import MAX_PAYLOAD
from cellsync.core.errors import BadSignature, Malformed
from cellsync.core.history.entry import hash_content, hash_shape
from cellsync.core.history.serving import PeerHoldings, Served
from cellsync.core.ids import CaseId, EntryId
from cellsync.core.wire import batches, messages
from cellsync.core.wire.batches import NO_CASE, Batch, BatchEntry, BatchPart
from cellsync.core.wire.mark import EntryForm, Hashed, marked
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind
from tests.core.replica.plans import refused_chains
from tests.core.replica.test_planner_plain import both_ways, comparable
from tests.core.replicas import MemoryReplica, admitted, pass_on, three
from tests.core.wire.sent import CIRCLE
from tests.models.planning import refused_for_their_form
from tests.scenarios.forks import life_of

CASE = CaseId(b"c" * 32)


def erased(row: BatchEntry) -> BatchEntry:
    said = Hashed(hash_content(row.content), len(row.content)).pack()
    return row._replace(kind=marked(row.kind, EntryForm.ERASED), content=said)


def skeleton(row: BatchEntry, case: CaseId) -> BatchEntry:
    shape = Hashed(hash_shape(case, row.shape), len(row.shape)).pack()
    return erased(row)._replace(kind=marked(row.kind, EntryForm.SKELETON), case=NO_CASE, shape=shape)


def newer(row: BatchEntry) -> BatchEntry:
    return row._replace(kind=marked(row.kind, EntryForm.FULL, 2))


def with_rows(batch: Batch, rows: dict[int, BatchEntry]) -> Batch:
    """The batch as it arrives, with these rows in place of others."""
    entries = [rows.get(at, row) for at, row in enumerate(batch.entries)]
    arrived = Batch()
    for raw in batches.encode_batch(CIRCLE, Batch(batch.chains, batch.cases, entries), MAX_PAYLOAD):
        part = messages.decode(raw)
        assert isinstance(part, BatchPart)
        batches.extend(arrived, part)
    return arrived


def shortened(data: st.DataObject, batch: Batch, at: int) -> BatchEntry:
    """An entry of a batch, erased or as a skeleton if its kind can be one."""
    row = batch.entries[at]
    if row.kind in (Kind.FOUND, Kind.ADMIT) or data.draw(st.booleans()):
        return erased(row)
    return skeleton(row, batch.cases[row.case])


def ids_of(giver: MemoryReplica, served: Served) -> list[EntryId]:
    """The ids of the entries of a batch, as the giver holds them."""
    assert served.batch is not None
    following = [row.first for row in served.batch.chains]
    ids: list[EntryId] = []
    for row in served.batch.entries:
        entry = giver.entry_id(served.rows[row.chain], following[row.chain])
        assert entry is not None
        following[row.chain] += 1
        ids.append(entry)
    return ids


def everything(device: MemoryReplica) -> dict[EntryId, Any]:
    """What a device holds, with every content."""
    chains = device.store.chains()
    entries = [device.store.chain_slice(chain.number, chain.first, chain.length) for chain in chains]
    return {entry.id: (entry.shape, entry.content, entry.form) for found in entries for entry in found}


@settings(max_examples=60)
@given(st.data())
def test_what_is_held_may_come_in_any_form(data: st.DataObject) -> None:
    """Then the plan is that of the full batch; what is not held is refused, and what cites it; nothing is given up."""
    people = [*three()]
    ana, bea, _ = people
    people.append(life_of(bea, ana, 9))  # a copy of her vault: her chain may fork
    kim = admitted(ana, "kim", 4)
    moves = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
    steps = data.draw(st.lists(moves, min_size=2, max_size=12))
    for at, (who, seen, case) in enumerate(steps):
        if who != seen:
            pass_on(people[seen], people[who])
        if case < 3:
            people[who].edit(CaseId(bytes([case]) * 32), Operation(1, "f", b"", "said"))
        elif who < 2:
            admitted(people[who], "somebody", 10 + at)
        if data.draw(st.integers(0, 2)) == 0:
            pass_on(people[who], kim)
    giver = people[data.draw(st.integers(0, 3))]
    for other in people:
        if other is not giver:
            pass_on(other, giver)
    peer = PeerHoldings({}, (), ())
    served = giver.serve(giver.cursor_for(peer), peer, giver.last_arrival())
    batch, ids, before = served.batch, ids_of(giver, served), everything(kim)
    assert batch is not None
    full = comparable(kim.replica.plan(batch))

    held = [at for at, entry in enumerate(ids) if entry in before]
    rows = {at: shortened(data, batch, at) for at in held if data.draw(st.booleans())}
    assert both_ways(kim, with_rows(batch, rows)) == full

    missing = [at for at in range(len(ids)) if at not in held]
    if missing:
        for at in data.draw(st.lists(st.sampled_from(missing), min_size=1, max_size=2)):
            rows[at] = shortened(data, batch, at)
        changed = with_rows(batch, rows)
        assert both_ways(kim, changed) is not None
        plan = kim.receive(changed)
        refused = refused_for_their_form(changed, ids, before)
        assert plan.refused == sorted(refused)
        taken = {ids[at] for at in missing if batch.entries[at].chain not in refused}
        assert {entry.id for entry in plan.commit.entries} == taken
        now = everything(kim)
        assert now.keys() == before.keys() | taken
        assert all(now[entry] == said for entry, said in before.items())
        kim.receive(batch)
    assert everything(kim) == everything(giver)
    assert kim.replica.digest() == giver.replica.digest()


def served_by(giver: MemoryReplica, taker: MemoryReplica, *, known: bool = True) -> Batch:
    peer = PeerHoldings(giver.known_of(taker) if known else {}, (), ())
    batch = giver.serve(giver.cursor_for(peer), peer, giver.last_arrival()).batch
    assert batch is not None
    return batch


def test_of_an_unknown_version_the_slice_is_refused_and_the_plan_says_so() -> None:
    ana, bea, eva = three()
    bea.edit(CASE, Operation(1, "f", b"", "of Bea"))
    eva.edit(CASE, Operation(1, "f", b"", "of Eva"))
    pass_on(bea, eva)
    batch = served_by(eva, ana)
    assert not ana.replica.plan(batch).newer
    [at] = [at for at, row in enumerate(batch.entries) if batch.chains[row.chain].device == bea.device]
    changed = with_rows(batch, {at: newer(batch.entries[at])})
    plan = ana.receive(changed)
    assert plan.newer
    assert plan.refused == [batch.entries[at].chain]
    assert [ana.replica.held.chains[entry.slot >> 40].device for entry in plan.commit.entries] == [eva.device]
    assert not ana.receive(batch).newer
    assert ana.replica.digest() == eva.replica.digest()


def test_nothing_else_of_an_entry_of_an_unknown_version_is_looked_at() -> None:
    ana, bea, _ = three()
    for said in ("one", "two"):
        bea.edit(CASE, Operation(1, "f", b"", said))
    batch = served_by(bea, ana)
    late = batch.entries[0]._replace(clock=1 << 63, shape=b"", content=b"", kind=marked(200, EntryForm.FULL, 64))
    refused_chains(ana, with_rows(batch, {0: late}), [batch.entries[0].chain])


@pytest.mark.parametrize("form", [EntryForm.ERASED, EntryForm.SKELETON])
def test_another_hash_or_length_is_another_entry(form: int) -> None:
    """Held entries are passed over by their ids alone, so nothing in the row can be otherwise."""
    ana, bea, _ = three()
    for said in ("one", "two"):
        bea.edit(CASE, Operation(1, "f", b"", said))
    pass_on(bea, ana)
    batch = served_by(bea, ana, known=False)
    at = next(at for at, row in enumerate(batch.entries) if not row.kind)
    good = batch.entries[at]
    good = erased(good) if form == EntryForm.ERASED else skeleton(good, batch.cases[good.case])
    assert ana.replica.plan(with_rows(batch, {at: good})).refused == []
    hashed, length = Hashed.read(good.content)
    others = [
        good._replace(content=Hashed(hashed, length + 1).pack()),
        good._replace(content=Hashed(bytes(32), length).pack()),
    ]
    if form == EntryForm.SKELETON:
        hashed, length = Hashed.read(good.shape)
        others += [good._replace(shape=Hashed(hashed, length + 1).pack()), good._replace(clock=good.clock + 1)]
    for other in others:
        assert ana.replica.plan(with_rows(batch, {at: other})).refused == [good.chain]


def test_a_founding_that_comes_erased_is_the_same_founding() -> None:
    ana, bea, _ = three()
    batch = served_by(ana, bea, known=False)
    [at] = [at for at, row in enumerate(batch.entries) if row.kind == Kind.FOUND]
    plan = bea.replica.plan(with_rows(batch, {at: erased(batch.entries[at])}))
    assert (plan.refused, plan.commit.entries) == ([], [])


def test_a_control_entry_belongs_to_the_circles_own_case_in_any_form() -> None:
    ana, bea, _ = three()
    bea.edit(CASE, Operation(1, "f", b"", "said"))
    pass_on(bea, ana)
    batch = served_by(bea, ana, known=False)
    [at] = [at for at, row in enumerate(batch.entries) if not row.kind]
    row = erased(batch.entries[at]._replace(kind=200))
    with pytest.raises(Malformed, match="own case"):
        ana.replica.plan(with_rows(batch, {at: row}))


def test_what_follows_an_erased_entry_is_signed_as_ever() -> None:
    ana, bea, _ = three()
    bea.edit(CASE, Operation(1, "f", b"", "held"))
    pass_on(bea, ana)
    bea.edit(CASE, Operation(1, "f", b"", "new"))
    batch = served_by(bea, ana, known=False)
    first, second = [at for at, row in enumerate(batch.entries) if not row.kind]
    good = with_rows(batch, {first: erased(batch.entries[first])})
    assert len(ana.replica.plan(good).commit.entries) == 1
    with pytest.raises(BadSignature):
        ana.replica.plan(with_rows(good, {second: good.entries[second]._replace(clock=5)}))
