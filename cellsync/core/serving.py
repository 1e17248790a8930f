"""Serving: which entries come next for a peer.

Entries are served in the order in which they arrived here, in whole commits. After every commit each chain's newest
entry had its signature and all parents were held. So between two commits a batch may end: what the peer lacks up to
there is closed under parents, and each slice in it ends in a signature. Served in any other order (by height, say)
a batch could have no legal end: the signatures that reached us cover different stretches of different chains.

What a peer holds already is left out, chain by chain. (protocol/50-sync.md, Serving)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from operator import attrgetter
from typing import Final, NamedTuple

from cellsync.core import caps
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import Entry, chain_of, sequence_of, slot_of, unpack_slots
from cellsync.core.holdings import Holdings
from cellsync.core.ids import NO_ID, EntryId, Signature
from cellsync.core.ports import Arrival, Store
from cellsync.core.wire.messages import Batch, BatchChain, BatchEntry

_ARRIVALS: Final = 1_024  # read at once
_height = attrgetter("height")


class Served(NamedTuple):
    """The next batch for a peer (None if it lacks nothing more), and where to go on from."""

    batch: Batch | None
    cursor: int
    reaches: dict[int, int]  # chain number -> the sequence that the batch reaches


def start(held: Holdings, store: Store, known: Mapping[int, int]) -> int:
    """The cursor from which a peer that holds `known` (chain number -> sequence) is served."""
    firsts = [
        store.first_arrival(chain.number, known.get(chain.number, 0) + 1)
        for chain in held.chains.values()
        if chain.length > known.get(chain.number, 0)
    ]
    return min(firsts, default=held.arrival + 1) - 1


def serve(
    held: Holdings, store: Store, cursor: int, known: Mapping[int, int], refused: Collection[int], until: int
) -> Served:
    """The next batch after `cursor`, at most caps.BATCH, of commits that begin at or before arrival `until`.

    `refused` chains are left out.
    """
    window: dict[int, int] = {}
    size = 0
    for commit in _commits(store, cursor):
        if commit[0].number > until:
            break
        lacking = [one for one in commit if one.sequence > known.get(one.chain, 0) and one.chain not in refused]
        grown = sum(one.size for one in lacking)
        if window and size + grown > caps.BATCH:
            break
        window.update((one.chain, one.sequence) for one in lacking)
        size += grown
        cursor = commit[-1].number
    return Served(_batch(held, store, window, known, refused) if window else None, cursor, window)


def _commits(store: Store, cursor: int) -> Iterator[list[Arrival]]:
    """The arrivals after `cursor`, commit by commit."""
    commit: list[Arrival] = []
    while arrivals := store.arrivals(cursor, _ARRIVALS):
        for arrival in arrivals:
            commit.append(arrival)
            if arrival.last:
                yield commit
                commit = []
        cursor = arrivals[-1].number


def _batch(
    held: Holdings, store: Store, window: Mapping[int, int], known: Mapping[int, int], refused: Collection[int]
) -> Batch:
    entries: list[Entry] = []
    slices: dict[int, tuple[EntryId, Signature | None]] = {}
    for chain, last in window.items():
        first = known.get(chain, 0) + 1
        found = store.chain_slice(chain, first - 1, last)  # sequences begin at 1: there may be none before
        previous = found.pop(0).id if first > 1 else EntryId(NO_ID)
        slices[chain] = previous, found[-1].signature
        entries += found
    if len(window) > 1:
        entries.sort(key=_height)  # parents are lower than what cites them
    return _Packing(held, store, slices, known, refused).pack(entries)


class _Packing:
    """Turns entries into the rows of a batch."""

    def __init__(
        self, held: Holdings, store: Store, slices: Mapping[int, tuple[EntryId, Signature | None]],
        known: Mapping[int, int], refused: Collection[int],
    ) -> None:  # fmt: skip
        self._held, self._store = held, store
        self._slices = slices  # by chain number: id of the entry before it, signature of its last
        # Of a refused chain the peer holds nothing that we could count from; whatever we cite of it lies before this.
        self._known = {**known, **{number: held.chains[number].length for number in refused}}
        self._batch = Batch()
        self._rows: dict[int, int] = {}  # chain number -> its row
        self._next: list[int] = []  # by row: sequence of the chain's next entry
        self._case_rows: dict[int, int] = {}

    def pack(self, entries: list[Entry]) -> Batch:
        batch, case_rows, nexts = self._batch, self._case_rows, self._next
        append = batch.entries.append
        clock = 0
        for entry in entries:
            row = self._row(chain_of(entry.slot))
            case_row = case_rows.get(entry.case)
            if case_row is None:
                case_row = case_rows[entry.case] = len(case_rows)
            parents: list[int] = []
            if entry.parents:
                for slot in unpack_slots(entry.parents):
                    cited = self._row(chain_of(slot))
                    parents += (cited, nexts[cited] - sequence_of(slot))
            nexts[row] += 1
            append(BatchEntry(row, case_row, parents, entry.clock - clock, entry.kind, entry.shape, entry.content))
            clock = entry.clock
        batch.cases = [self._held.case_ids[number] for number in case_rows]
        return batch

    def _row(self, number: int) -> int:
        row = self._rows.get(number)
        if row is None:
            row = self._rows[number] = len(self._next)
            chain = self._held.chains[number]
            first = self._known.get(number, 0) + 1
            self._next.append(first)
            self._batch.chains.append(self._chain(chain, first))
        return row

    def _chain(self, chain: Chain, first: int) -> BatchChain:
        found = self._slices.get(chain.number)
        if found is None:  # a row that is only cited
            before = self._store.entry_at(slot_of(chain.number, first - 1)) if first > 1 else None
            found = EntryId(NO_ID) if before is None else before.id, None
        previous, signature = found
        return BatchChain(chain.device, chain.incarnation, chain.branch, first, previous, signature)
