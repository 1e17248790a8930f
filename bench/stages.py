"""Where the time of a receiver goes: `python -m bench --stages`. Processor time per entry, stage by stage.

One process takes in the frames of a whole history, stage by stage, as a daemon does but without the event loop and its
threads; the figures are the least of several rounds. Then two processes catch up over a real link, from the call to
the last snapshot. That also includes loop and threads, the handshake, acknowledgements, and the snapshots at the end.
How long the disk was waited for is told apart, since a disk that syncs slowly delays everything else.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from time import perf_counter, thread_time
from typing import Any, Final, TypeVar
from unittest.mock import patch

from bench.catch_up import KEY, SHAPES, Made, Shape, catch_up
from bench.ground import Ground
from bench.history import History, began_before
from bench.rows import Row
from cellsync.core.crypto.channel import MAX_PAYLOAD, Transport
from cellsync.core.crypto.noise import CipherState
from cellsync.core.history import entry
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.replica import planner
from cellsync.core.replica.replica import Replica
from cellsync.core.replica.stage import Stage
from cellsync.core.wire import batches, messages
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.forms import NAME_BYTES
from cellsync.store.sqlite import SqliteStore

ENTRIES: Final = 50_000
ROUNDS: Final = 5
LINKS: Final = 3  # catch-ups over a real link
ON_DISK: Final = ("COMMIT", "checkpoints")  # stages that wait for the disk
NAME: Final = bytes(NAME_BYTES)

Frames = list[list[bytes]]
"""For each batch, the frames that go through the socket."""
T = TypeVar("T")


class Clock:
    """How much processor time each stage took, without that of stages measured inside it."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self.waited: defaultdict[str, float] = defaultdict(float)  # elapsed time beyond the processor's
        self._inside = 0.0

    def __call__(self, stage: str, work: Callable[..., T], *given: Any) -> T:
        before, self._inside = self._inside, 0.0
        clock, began = perf_counter(), thread_time()
        try:
            return work(*given)
        finally:
            took = thread_time() - began
            self.waited[stage] += perf_counter() - clock - took
            self.spent[stage] += took - self._inside
            self._inside = before + took

    def inside(self, owner: Any, name: str, stage: str) -> Any:
        """Measure a function that another stage calls as a stage of its own."""
        work = getattr(owner, name)
        return patch.object(owner, name, lambda *given, **named: self(stage, lambda: work(*given, **named)))


def measure(folder: Path, smaller: int) -> Iterator[Row]:
    for shape in SHAPES:
        yield from _measure(folder, shape, ENTRIES // smaller)


def _measure(folder: Path, shape: Shape, entries: int) -> Iterator[Row]:
    path = folder / f"{shape.authors}-{shape.burst}.db"
    ground = Ground(SqliteStore.create(path, KEY), shape.authors, began_before(entries), Random(1))
    History(ground, shape.burst).write(entries)
    frames = _frames(ground)
    rounds: list[dict[str, float]] = []
    waits: list[float] = []
    gc.freeze()
    gc.disable()
    try:
        for turn in range(ROUNDS):
            clock = _receive(ground, folder / f"{turn}.db", frames)
            rounds.append(dict(clock.spent))
            waits.append(sum(clock.waited[stage] for stage in ON_DISK))
        rounds[-1]["of planning: hashes"] = _hashed(ground)
    finally:
        gc.enable()
        gc.unfreeze()
    for stage in rounds[-1]:
        least = min(spent[stage] for spent in rounds if stage in spent)
        yield Row(f"{shape.name}: {stage}", least / entries * 1e6, "µs/entry")
    whole = min(sum(spent for stage, spent in one.items() if not stage.startswith("of ")) for one in rounds)
    yield Row(f"{shape.name}: all of these", whole / entries * 1e6, "µs/entry")
    yield Row(f"{shape.name}: and the disk was waited for", min(waits) / entries * 1e6, "µs/entry")
    ground.store.close()
    links = [_over_a_link(Made(ground, path)) for _ in range(LINKS)]
    for name, what in (("processor", "processor time"), ("seconds", "elapsed")):
        least = min(link[name] for link in links)
        yield Row(f"{shape.name}: over a real link, {what}", least / entries * 1e6, "µs/entry")


def _over_a_link(made: Made) -> dict[str, Any]:
    target = made.path.with_suffix(".receiver")
    made.ground.seat_receiver(target, KEY)
    try:
        return catch_up(made, target)
    finally:
        target.unlink()


def _frames(ground: Ground) -> Frames:
    replica, sending = ground.replica, _transport()
    known: dict[int, int] = {}
    frames: Frames = []
    cursor = 0
    while (served := replica.serve(cursor, PeerHoldings(known, (), ()), replica.held.arrival)).batch is not None:
        cursor = served.cursor
        known.update(served.reaches)
        frames.append([sending.encrypt_frame(part) for part in batches.encode_batch(NAME, served.batch, MAX_PAYLOAD)])
    return frames


def _transport() -> Transport:
    return Transport(CipherState(bytes(32)), CipherState(bytes(32)), b"")


def _receive(ground: Ground, path: Path, frames: Frames) -> Clock:
    clock, receiving = Clock(), _transport()
    ground.seat_receiver(path, KEY)
    store = SqliteStore.open(path, KEY)
    replica = Replica(ground.circle, store)
    with (
        clock.inside(planner, "_close_slice", "signatures"),
        clock.inside(Stage, "plan", "the commit, drawn up"),
        clock.inside(SqliteStore, "_shorten_log", "checkpoints"),
    ):
        for sealed in frames:
            batch, parts = Batch(), []
            for frame in sealed:
                for payload in clock("frames: decrypted", receiving.receive, frame):
                    parts.append(clock("parts: decoded", messages.decode, payload))
                    clock("parts: rows checked", batches.extend, batch, parts[-1])
            plan = clock("planning, with hashes", replica.plan, batch)
            clock("rows inserted", store.write, plan.commit)
            clock("COMMIT", store.flush)
            clock("heads and folding", replica.advance, plan)
            given_back: list[object] = [batch, plan, parts]
            del batch, plan, parts
            clock("memory given back", given_back.clear)
    assert replica.digest() == ground.replica.digest(), "the two devices differ"
    store.close()
    path.unlink()
    return clock


def _hashed(ground: Ground) -> float:
    """The two hashes of each entry, and that of one shape per case, with nothing around them."""
    chains = [ground.store.chain_slice(chain.number, 1, chain.length) for chain in ground.store.chains()]
    known: dict[tuple[int, bytes], bytes] = {}
    case = ground.replica.held.case_ids
    began = thread_time()
    for entries in chains:
        for one in entries:
            shape_hash = known.get((one.case, one.shape))
            if shape_hash is None:
                shape_hash = known[one.case, one.shape] = entry.hash_shape(case[one.case], one.shape)
            parent = one.id if one.parents else b""
            entry.entry_id_of(
                bytes(73), 1, one.id, one.height, one.clock, 0, shape_hash, len(one.shape), one.content, parent
            )
    return thread_time() - began
