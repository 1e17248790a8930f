"""Serving: which entries come next for a peer.

Entries are served in order of arrival, in whole commits. After every commit, each chain's newest entry was signed and
all parents were held. So a batch may end between two commits: what the peer lacks up to there is closed under parents,
and each slice ends in a signature. In any other order (by height, say) a batch might have no legal end, because the
signatures that reached us cover different stretches of different chains.

Entries that the peer already holds are left out, chain by chain. (protocol/50-sync.md, Serving)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from operator import itemgetter
from typing import Final, NamedTuple

from cellsync.core import caps
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import LAST_SEQUENCE, SLOT_BITS, chain_of, sequence_of, unpack_slots
from cellsync.core.history.holdings import Holdings
from cellsync.core.history.store import Outgoing, Store
from cellsync.core.history.withholding import Withheld, withhold
from cellsync.core.ids import NO_ID, DeviceId, EntryId, Signature
from cellsync.core.wire.batches import Batch, BatchChain, BatchEntry

_ARRIVALS: Final = 1_024  # read at once
_height = itemgetter(0)


class Served(NamedTuple):
    """The next batch for a peer (None if it lacks nothing more), and the cursor to continue from."""

    batch: Batch | None
    cursor: int
    reaches: dict[int, int]  # branch number -> the sequence that the batch reaches
    rows: list[int]  # the branch number of each row of its table


class PeerHoldings(NamedTuple):
    """The facts that decide which entries a peer lacks."""

    known: Mapping[int, int]  # branch number -> the sequence up to which the peer holds it
    refused: Collection[int]  # branches that it refused
    equivocators: Collection[DeviceId]  # those known to it: of their entries it takes only what counts

    def holds(self, chain: Chain) -> int:
        """Up to where the peer holds a branch."""
        return max(self.known.get(chain.number, 0), chain.first - 1)


def wanted(held: Holdings, store: Store, chain: Chain, peer: PeerHoldings) -> int:
    """Up to where a peer takes a branch: all of it; an equivocator's up to its last slice with a counting entry."""
    last = _counting(held, chain, peer)
    # The newest entry is held with its signature: thousands of these need not be looked up.
    return last if last in (0, chain.length) else store.signed_at(chain.number, last)


def start(held: Holdings, store: Store, peer: PeerHoldings) -> int:
    """The cursor from which a peer is served."""
    firsts = [
        store.first_arrival(chain.number, peer.holds(chain) + 1)
        for chain in held.chains.values()
        if wanted(held, store, chain, peer) > peer.holds(chain)
    ]
    return min(firsts, default=held.arrival + 1) - 1


def lacking(held: Holdings, peer: PeerHoldings) -> int:
    """How many entries a peer wants and does not hold. Of equivocators those that count: what a slice has beyond them
    only the store knows, which is not read for this."""
    return sum(max(_counting(held, chain, peer) - peer.holds(chain), 0) for chain in held.chains.values())


def _counting(held: Holdings, chain: Chain, peer: PeerHoldings) -> int:
    """Up to where a peer takes a branch for what counts in it."""
    if chain.number in peer.refused:
        return 0
    last = held.counted.get(chain.number)
    if last is None or chain.device not in peer.equivocators:
        return chain.length
    return 0 if last.sequence < chain.first else min(last.sequence, chain.length)


def serve(
    held: Holdings, store: Store, cursor: int, peer: PeerHoldings, until: int, withheld: Withheld = Withheld.NOTHING
) -> Served:
    """The next batch after `cursor`, at most caps.BATCH, of commits that begin at or before arrival `until`.

    `withheld`: what of them the peer does not get.
    """
    window, cursor = _window(held, store, cursor, peer, until)
    if not window:
        return Served(None, cursor, window, [])
    batch, cursor, reaches, rows = _batch(held, store, window, peer, cursor)
    return Served(withhold(batch, withheld), cursor, reaches, rows)


def _window(held: Holdings, store: Store, cursor: int, peer: PeerHoldings, until: int) -> tuple[dict[int, int], int]:
    """Up to where the next batch reaches in each branch, and the arrival with which it ends.

    Spelt out for speed: an entry that came alone took 0.8 µs, and takes 0.6.
    `tests/models/batches.py` has the plain version.
    """
    window: dict[int, int] = {}
    bounds: dict[int, tuple[int, int]] = {}  # by branch: up to where the peer holds it, and up to where it wants it
    reached: dict[int, int] = {}  # as `window`, for the commit whose arrivals are being read
    size = grown = 0  # bytes of the window, and of that commit
    ended = True  # whether the previous arrival ended its commit
    at = cursor
    while arrivals := store.arrivals(at, _ARRIVALS):
        for at, number, sequence, bytes_, last in arrivals:
            if ended and at > until:
                return window, cursor
            if number not in bounds:
                chain = held.chains[number]
                bounds[number] = peer.holds(chain), wanted(held, store, chain, peer)
            first, wants = bounds[number]
            if first < sequence <= wants:
                reached[number] = sequence
                grown += bytes_
            ended = last
            if last:
                if window and size + grown > caps.BATCH:
                    return window, cursor
                window.update(reached)
                reached.clear()
                size += grown
                grown, cursor = 0, at
    return window, cursor


def _batch(
    held: Holdings, store: Store, window: dict[int, int], peer: PeerHoldings, cursor: int
) -> tuple[Batch, int, dict[int, int], list[int]]:
    entries: list[Outgoing] = []
    slices: dict[int, Signature | None] = {}
    for number, last in window.items():
        found = store.outgoing(number, peer.holds(held.chains[number]) + 1, last)
        slices[number] = found[-1][-1]
        entries += found
    if len(window) > 1:
        entries.sort(key=_height)  # parents are lower than what cites them
    packing = _Packing(held, store, slices, peer)
    return packing.pack(entries), cursor, window, list(packing.rows)


class _Packing:
    """Turns entries into the rows of a batch."""

    def __init__(
        self, held: Holdings, store: Store, slices: Mapping[int, Signature | None], peer: PeerHoldings
    ) -> None:
        self._held, self._store, self._peer = held, store, peer
        self._slices = slices  # by branch number: signature of its last
        self._batch = Batch()
        self.rows: dict[int, int] = {}  # branch number -> its row
        self._next: list[int] = []  # by row: sequence of the branch's next entry
        self._case_rows: dict[int, int] = {}

    def pack(self, entries: list[Outgoing]) -> Batch:
        """Spelt out for speed: with rows as the store has them, 3.1 to 4.5 µs an entry became 1.6 to 2.5.
        `tests/models/batches.py` has the plain version."""
        batch, rows, case_rows, nexts = self._batch, self.rows, self._case_rows, self._next
        append, new = batch.entries.append, tuple.__new__
        none: list[int] = []  # of all entries without parents
        before = 0
        for _, slot, case, clock, kind, cited_slots, shape, content, _ in entries:
            number = slot >> SLOT_BITS
            row = rows[number] if number in rows else self._row(number)
            case_row = case_rows.setdefault(case, len(case_rows))
            if not cited_slots:
                parents = none
            elif len(cited_slots) == 8:
                cited_slot = int.from_bytes(cited_slots, "big")
                number = cited_slot >> SLOT_BITS
                cited = rows[number] if number in rows else self._row(number)
                parents = [cited, nexts[cited] - (cited_slot & LAST_SEQUENCE)]
            else:
                parents = self._parents(cited_slots)
            nexts[row] += 1
            append(new(BatchEntry, (row, case_row, parents, clock - before, kind, shape, content)))
            before = clock
        batch.cases = [self._held.case_ids[number] for number in case_rows]
        return batch

    def _parents(self, slots: bytes) -> list[int]:
        parents: list[int] = []
        for slot in unpack_slots(slots):
            cited = self._row(chain_of(slot))
            parents += (cited, self._next[cited] - sequence_of(slot))
        return parents

    def _row(self, number: int) -> int:
        row = self.rows.get(number)
        if row is None:
            row = self.rows[number] = len(self._next)
            chain = self._held.chains[number]
            if number in self._slices:
                first = self._peer.holds(chain) + 1
            else:  # only cited: from where the peer holds it, or from its end if refused or not held that far
                known = self._peer.known.get(number, 0)
                first = (known if chain.first <= known and number not in self._peer.refused else chain.length) + 1
            self._next.append(first)
            line, before = chain.line, self._before(chain, first - 1)
            self._batch.chains.append(BatchChain(*line, first, before, self._slices.get(number)))
        return row

    def _before(self, chain: Chain, sequence: int) -> EntryId:
        """The id of the entry at `sequence` on the way to a branch, zeros before its beginning."""
        if sequence == chain.length:
            return chain.head
        entry = self._store.entry_at(self._held.slot_on(chain.number, sequence)) if sequence else None
        return EntryId(NO_ID) if entry is None else entry.id
