"""Batches the plain way: commit by commit, and packed from whole entries, each looked up by name."""

from __future__ import annotations

from cellsync.core import caps
from cellsync.core.history.entry import chain_of, sequence_of, unpack_slots
from cellsync.core.history.serving import PeerHoldings, Served, wanted
from cellsync.core.history.store import Arrival
from cellsync.core.ids import NO_ID, EntryId
from cellsync.core.wire.batches import Batch, BatchChain, BatchEntry
from tests.core.replicas import MemoryReplica


def pack(giver: MemoryReplica, peer: PeerHoldings, served: Served) -> Batch:
    """The batch that reaches as far as the one that was served."""
    held, store = giver.replica.held, giver.store
    entries = [
        entry
        for number, last in served.reaches.items()
        for entry in store.chain_slice(number, peer.holds(held.chains[number]) + 1, last)
    ]
    if len(served.reaches) > 1:
        entries.sort(key=lambda entry: entry.height)
    batch, rows, nexts, cases = Batch(), dict[int, int](), list[int](), list[int]()

    def row(number: int) -> int:
        if number not in rows:
            rows[number] = len(rows)
            chain = held.chains[number]
            known, signature = peer.known.get(number, 0), None
            if number in served.reaches:
                first = peer.holds(chain) + 1
                newest = store.entry_at(number << 40 | served.reaches[number])
                signature = newest.signature if newest else None
            else:
                first = (known if chain.first <= known and number not in peer.refused else chain.length) + 1
            before = giver.entry_id(number, first - 1) if first > 1 else None
            batch.chains.append(BatchChain(*chain.line, first, before or EntryId(NO_ID), signature))
            nexts.append(first)
        return rows[number]

    clock = 0
    for entry in entries:
        own = row(chain_of(entry.slot))
        if entry.case not in cases:
            cases.append(entry.case)
        cited = [(row(chain_of(slot)), sequence_of(slot)) for slot in unpack_slots(entry.parents)]
        parents = [part for number, sequence in cited for part in (number, nexts[number] - sequence)]
        nexts[own] += 1
        batch.entries.append(
            BatchEntry(
                own, cases.index(entry.case), parents, entry.clock - clock, entry.kind, entry.shape, entry.content
            )
        )
        clock = entry.clock
    batch.cases = [held.case_ids[number] for number in cases]
    return batch


def window(giver: MemoryReplica, cursor: int, peer: PeerHoldings, until: int) -> tuple[dict[int, int], int]:
    """How far the next batch reaches in each branch, and the arrival with which it ends."""
    reaches: dict[int, int] = {}
    size = 0
    for commit in _commits(giver.store.arrivals(cursor, 1 << 40)):
        if commit[0].number > until:
            break
        lacking = [arrival for arrival in commit if _lacks(giver, peer, arrival)]
        grown = sum(arrival.size for arrival in lacking)
        if reaches and size + grown > caps.BATCH:
            break
        reaches.update((arrival.chain, arrival.sequence) for arrival in lacking)
        size, cursor = size + grown, commit[-1].number
    return reaches, cursor


def _lacks(giver: MemoryReplica, peer: PeerHoldings, arrival: Arrival) -> bool:
    chain = giver.replica.held.chains[arrival.chain]
    return peer.holds(chain) < arrival.sequence <= wanted(giver.replica.held, giver.store, chain, peer)


def _commits(arrivals: list[Arrival]) -> list[list[Arrival]]:
    commits: list[list[Arrival]] = [[]]
    for arrival in arrivals:
        commits[-1].append(arrival)
        if arrival.last:
            commits.append([])
    return commits[:-1]
