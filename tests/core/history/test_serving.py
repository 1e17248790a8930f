"""Serving: from any frontier that is closed under parents, the batches bring the taker to the giver's frontier."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.history.entry import chain_of, sequence_of, slot_of, unpack_slots
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.ids import CaseId
from cellsync.core.replica.planner import Intention
from cellsync.core.wire import messages
from cellsync.core.wire.batches import Batch, BatchPart, encode_batch, extend
from cellsync.core.wire.operations import Operation
from tests.core.attacks import SHAPE, content
from tests.core.replicas import MemoryReplica, admitted, founded, pass_on
from tests.models import batches

SIZES = [1, 1, 10, 20_000, 60_000]


def over_the_wire(batch: Batch) -> Batch:
    arrived = Batch()
    for raw in encode_batch(bytes(8), batch, 65_517):
        part = messages.decode(raw)
        assert isinstance(part, BatchPart)
        extend(arrived, part)
    assert arrived.entries == batch.entries
    return arrived


def serve_all(giver: MemoryReplica, taker: MemoryReplica) -> int:
    """Every batch crosses the wire, is taken whole, and fits; how many there were."""
    known = giver.known_of(taker)
    peer = PeerHoldings(known, (), taker.frontier().equivocators)
    cursor, count = giver.cursor_for(peer), 0
    while (served := giver.serve(cursor, peer, giver.last_arrival())).batch is not None:
        assert (served.reaches, served.cursor) == batches.window(giver, cursor, peer, giver.last_arrival())
        cursor, count = served.cursor, count + 1
        assert served.batch == batches.pack(giver, peer, served)
        known.update(served.reaches)
        arrived = over_the_wire(served.batch)
        assert arrived.size <= caps.BATCH
        plan = taker.receive(arrived)
        assert not plan.refused
        assert len(plan.commit.entries) == len(arrived.entries)
        heads_are_signed(taker)
    return count


def heads_are_signed(device: MemoryReplica) -> None:
    for chain in device.store.chains():
        head = device.store.entry_at(slot_of(chain.number, chain.length))
        assert head is not None
        assert head.signature is not None
        assert head.id == chain.head


@st.composite
def histories(draw: st.DrawFn) -> list[MemoryReplica]:
    """Devices that wrote in turns, in bursts or one commit, and heard of each other now and then, through anybody."""
    devices = [founded()]
    devices += [admitted(devices[0], f"device {seed}", seed) for seed in range(2, 2 + draw(st.integers(2, 4)))]
    for device in devices[1:]:  # before it has heard of its admission, a device writes nothing
        pass_on(devices[0], device)
    for _ in range(draw(st.integers(2, 14))):
        one, other = draw(st.permutations(devices))[:2]
        if draw(st.booleans()):
            for _ in range(draw(st.integers(1, 12))):
                size = draw(st.sampled_from(SIZES))
                one.edit(CaseId(bytes([size % 251]) * 32), Operation(7, "log", None, one.random.randbytes(size)))
        else:
            pass_on(one, other)
    return devices


@settings(max_examples=40)
@given(histories(), st.data())
def test_batches_bring_the_taker_to_the_givers_frontier(devices: list[MemoryReplica], data: st.DataObject) -> None:
    for device in devices:
        heads_are_signed(device)
    giver, taker = data.draw(st.permutations(devices))[:2]
    serve_all(giver, taker)
    for head in giver.frontier().heads:
        assert taker.find(head.line, head.sequence, head.id) is not None
    serve_all(taker, giver)
    assert giver.replica.digest() == taker.replica.digest()
    assert giver.replica.state_digest() == taker.replica.state_digest()
    assert serve_all(giver, taker) == 0
    fresh = MemoryReplica(giver.id, giver.secrets, giver.device, giver.line[1], 99)
    serve_all(giver, fresh)
    assert fresh.replica.digest() == giver.replica.digest()


@settings(max_examples=40)
@given(histories(), st.data())
def test_from_any_frontier_that_is_closed_under_parents(devices: list[MemoryReplica], data: st.DataObject) -> None:
    """The taker's entries came some other way: any closed part of the giver's history, not a prefix of its arrivals."""
    giver = devices[0]
    for device in devices[1:]:
        pass_on(device, giver)
    known: dict[int, int] = {}
    for chain in giver.store.chains():
        close(giver, known, chain.number, data.draw(st.integers(0, chain.length)))
    held = dict(known)
    peer = PeerHoldings(held, (), ())
    cursor = giver.cursor_for(peer)
    for until in range(cursor, giver.last_arrival() + 1):
        found = giver.serve(cursor, peer, until)
        assert (found.reaches, found.cursor) == batches.window(giver, cursor, peer, until)
    while (served := giver.serve(cursor, peer, giver.last_arrival())).batch is not None:
        assert served.batch == batches.pack(giver, peer, served)
        batch = over_the_wire(served.batch)
        assert batch.size <= caps.BATCH
        nexts = [row.first for row in batch.chains]
        numbers = served.rows
        for row, number in zip(batch.chains, numbers, strict=True):
            assert row.first == held.get(number, 0) + 1
        for entry in batch.entries:  # parents come first, in the batch or before it
            for at in range(0, len(entry.parents), 2):
                assert nexts[entry.parents[at]] - entry.parents[at + 1] >= 1
            nexts[entry.chain] += 1
        for row, number, after in zip(batch.chains, numbers, nexts, strict=True):
            last = giver.store.entry_at(slot_of(number, after - 1))
            assert (row.signature is None) == (after == row.first)
            assert row.signature is None or (last is not None and last.signature == row.signature)
        cursor = served.cursor
        held.update(served.reaches)
    assert held == {chain.number: chain.length for chain in giver.store.chains()}


def close(device: MemoryReplica, known: dict[int, int], chain: int, sequence: int) -> None:
    """Count an entry as known, with everything in its past."""
    for at in range(known.get(chain, 0) + 1, sequence + 1):
        known[chain] = max(at, known.get(chain, 0))
        entry = device.store.entry_at(slot_of(chain, at))
        assert entry is not None
        for slot in unpack_slots(entry.parents):
            if known.get(chain_of(slot), 0) < sequence_of(slot):
                close(device, known, chain_of(slot), sequence_of(slot))


def test_one_commit_larger_than_a_batch_is_served_in_several() -> None:
    """An import writes everything at once."""
    ana = founded()
    bea = admitted(ana, "bea", 2)
    ana.write(*[Intention(0, CaseId(b"c" * 32), SHAPE, content(bytes(50_000))) for _ in range(60)])
    assert serve_all(ana, bea) >= 3
    assert ana.replica.digest() == bea.replica.digest()
