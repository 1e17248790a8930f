"""Layouts at rest, side by side: `python -m bench --runs`. The cost of each, against rows by slot, the stores' first.

The same commits, as a receiver gets them, go into a file of each layout; then all get the same work, in turns. The
measure is processor time, the least of several rounds. Every answer is compared with that of the rows.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from time import process_time
from typing import Any, Final

from bench.catch_up import KEY
from bench.ground import Ground
from bench.history import History, began_before
from bench.layouts import Rows, RowsBySlot, Runs, ShortRuns
from bench.rows import Row
from cellsync.core.case.fold import CaseState
from cellsync.core.case.states import stamp_of
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import Entry, Standing, chain_of, slot_of
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.history.store import Arrival, Case, Commit
from cellsync.core.ids import CaseId, DeviceId, EntryId, Signature
from cellsync.core.replica.replica import Replica
from cellsync.core.wire import operations
from cellsync.store.sqlite import SqliteStore

LAYOUTS: Final = {
    "rows by slot": RowsBySlot,
    "rows in order of arrival": Rows,
    "runs of up to 256": Runs,
    "runs of up to 16": ShortRuns,
}
FIRST: Final = "rows by slot"
AUTHORS: Final = (1, 47)
ENTRIES: Final = 50_000
ROUNDS: Final = 7
CASES: Final = 20  # to read
SINGLE: Final = 20  # entries to write, restand or rewrite one by one
SERVED: Final = 3_764  # entries of a batch
MOST: Final = 1.25  # greatest acceptable multiple of the cost of rows by slot

Work = Callable[[Rows, int], Any]
"""One round of work on a layout; the answer must be the same for all layouts."""


def measure(folder: Path, smaller: int) -> Iterator[Row]:
    for authors in AUTHORS:
        yield from _measure(folder, authors, ENTRIES // smaller)


def _measure(folder: Path, authors: int, entries: int) -> Iterator[Row]:
    commits = _received(authors, entries)
    files = {name: folder / f"{number}.db" for number, name in enumerate(LAYOUTS)}
    gc.freeze()
    gc.disable()
    whose = "one author" if authors == 1 else f"{authors} in turns"
    try:
        spent = _written(files, commits)
        yield from _rows(f"{whose}: insert, commit, checkpoint", spent, sum(len(one.entries) for one in commits))
        stores = {name: LAYOUTS[name].open(path, KEY) for name, path in files.items()}
        for what, work, each in _asked(commits):
            yield from _rows(f"{whose}: {what}", _least(stores, work), each)
        for store in stores.values():
            assert not store.anywhere([entry.content for entry in _some(commits)]), "rewritten, and still there"
            store.close()
    finally:
        gc.enable()
        gc.unfreeze()
        for path in files.values():
            path.unlink()


def _rows(work: str, spent: dict[str, float], each: int) -> Iterator[Row]:
    beside = spent[FIRST]
    yield Row(f"{work}: {FIRST}", beside / each * 1e6, "µs")
    for name, seconds in spent.items():
        if name != FIRST:
            yield Row(f"{work}: {name}", seconds / beside, f"× {FIRST}", MOST)


def _received(authors: int, entries: int) -> list[Commit]:
    """The commits of a device that catches up with a whole history."""
    ground = Ground(SqliteStore.in_memory(), authors, began_before(entries), Random(1))
    History(ground).write(entries)
    replica, store = Replica(ground.circle, SqliteStore.in_memory()), ground.replica
    known: dict[int, int] = {}
    commits: list[Commit] = []
    cursor = 0
    while (served := store.serve(cursor, PeerHoldings(known, (), ()), store.held.arrival)).batch is not None:
        cursor = served.cursor
        known.update(served.reaches)
        served.batch.size = 0
        plan = replica.plan(served.batch)
        commits.append(plan.commit)
        replica._store.write(plan.commit)
        replica.advance(plan)
    return commits


def _written(files: dict[str, Path], commits: list[Commit]) -> dict[str, float]:
    """Processor seconds of storing all commits, with the last checkpoint. The files stay."""
    spent: dict[str, list[float]] = {name: [] for name in files}
    for turn in range(ROUNDS):
        for name in files if turn % 2 else reversed(files):
            files[name].unlink(missing_ok=True)
            store = LAYOUTS[name].at(files[name])
            began = process_time()
            for commit in commits:
                store.write(commit)
                store.flush()
            store.close()
            spent[name].append(process_time() - began)
    return {name: min(seconds) for name, seconds in spent.items()}


def _least(stores: dict[str, Rows], work: Work) -> dict[str, float]:
    spent: dict[str, list[float]] = {name: [] for name in stores}
    for turn in range(ROUNDS):
        answers: list[Any] = []
        for name in stores if turn % 2 else reversed(stores):
            began = process_time()
            answer = work(stores[name], turn)
            spent[name].append(process_time() - began)
            answers.append(answer)
        assert all(answer == answers[0] for answer in answers), "the layouts differ"
    return {name: min(seconds) for name, seconds in spent.items()}


def _asked(commits: list[Commit]) -> Iterator[tuple[str, Work, int]]:
    """(name, work, divisor of its cost), in an order in which work that changes entries comes last."""
    chains = {chain.number: chain for commit in commits for chain in commit.chains}
    heads = {case.number: case.head for commit in commits for case in commit.cases}
    entries, some = _of_cases(commits), _some(commits)
    cases = Random(2).sample(sorted(heads), min(CASES, len(heads)))
    of_cases = sum(entry.case in cases for entry in entries)
    arrived = max(arrival.number for commit in commits for arrival in commit.arrivals)

    def read(store: Rows, _: int) -> list[int]:
        return [len(store.case_entries(heads[case], 0)) for case in cases]

    def refold(store: Rows, _: int) -> list[int]:
        return [_fold(store.case_entries(heads[case], 0), chains) for case in cases]

    def serve(store: Rows, _: int) -> int:
        """Serve batch by batch, equally much of each branch."""
        at_once, count = SERVED // len(chains), 0
        for first in range(1, max(chain.length for chain in chains.values()) + 1, at_once):
            for chain in chains.values():
                if first <= chain.length:
                    count += len(store.outgoing(chain.number, first, min(first + at_once - 1, chain.length)))
        return count

    def one_by_one(store: Rows, turn: int) -> list[Entry | None]:
        return [store.entry_at(entry.slot) for entry in some[turn * SINGLE : (turn + 1) * SINGLE]]

    def restand(store: Rows, turn: int) -> list[Entry | None]:
        for entry in some[turn * SINGLE : (turn + 1) * SINGLE]:
            store.restand(entry, Standing.OUT)
        return one_by_one(store, turn)

    def rewrite(store: Rows, turn: int) -> list[Entry | None]:
        for entry in some[turn * SINGLE : (turn + 1) * SINGLE]:
            store.rewrite(entry, bytes(len(entry.content)))
        return one_by_one(store, turn)

    def edit(store: Rows, turn: int) -> int:
        """Write the next entries of a branch, each durable by itself."""
        for at in range(SINGLE):
            number = turn * SINGLE + at + 1
            chain = chains[1]._replace(length=chains[1].length + number)
            _append(store, chain, heads, entries[0], arrived + number)
        return turn

    def fork(store: Rows, turn: int) -> list[EntryId]:
        """Write an entry that leaves a branch in its middle, as a new branch; the entry before it is looked up."""
        found: list[EntryId] = []
        for at in range(SINGLE):
            before = some[turn * SINGLE + at]
            held = store.entry_at(before.slot)
            assert held is not None
            number = max(chains) + turn * SINGLE + at + 1
            base, first = chain_of(before.slot), (before.slot & 0xFFFFFFFFFF) + 1
            chain = chains[base]._replace(number=number, base=base, first=first, length=first)
            _append(store, chain, heads, before, arrived + ROUNDS * SINGLE + number)
            found.append(held.id)
        return found

    yield "reading a case, an entry", read, of_cases
    yield "reading and refolding a case, an entry", refold, of_cases
    yield "reading for a peer, an entry", serve, len(entries)
    yield "reading one entry", one_by_one, SINGLE
    yield "a single durable edit", edit, SINGLE
    yield "a fork inside a segment", fork, SINGLE
    yield "one entry stands otherwise", restand, SINGLE
    yield "one entry rewritten, its old bytes gone", rewrite, SINGLE


def _of_cases(commits: list[Commit]) -> list[Entry]:
    return [entry for commit in commits for entry in commit.entries if not entry.kind]


def _some(commits: list[Commit]) -> list[Entry]:
    """The entries to look up, restand, fork from and rewrite."""
    return Random(3).sample(_of_cases(commits), ROUNDS * SINGLE)


def _fold(entries: list[Entry], chains: dict[int, Chain]) -> int:
    state = CaseState(logs=True)
    for entry in entries:
        if not entry.kind:
            device: DeviceId = chains[chain_of(entry.slot)].device
            state.apply(stamp_of(entry, device), operations.decode(entry.shape, entry.content))
    return state.weigh()


def _append(store: Rows, chain: Chain, heads: dict[int, int], like: Entry, arrival: int) -> None:
    slot = slot_of(chain.number, chain.length)
    content, prior = like.content[::-1], heads[like.case]
    entry = like._replace(slot=slot, prior=prior, parents=b"", content=content, signature=Signature(bytes(64)))
    case = Case(like.case, _case_id(like.case), slot, 0)
    store.write(Commit([entry], [chain], [case], [], [Arrival(arrival, chain.number, chain.length, 300, True)]))
    store.flush()


def _case_id(number: int) -> CaseId:
    return CaseId(number.to_bytes(32, "big"))
