"""Growth: the cost of an entry in a small circle, and in one with a million entries.

One author and the same number of cases. Each cost covers verifying, folding, storing, the last snapshots and the last
checkpoint of the database. Decoding frames is left out, since it cannot depend on what is held.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any, Final

import trio

from bench import children
from bench.catch_up import KEY
from bench.ground import Device, Ground
from bench.history import History, began_before
from bench.rows import Row
from cellsync.ledger.source import FromSession
from cellsync.store.sqlite import SqliteStore

SMALL: Final = 10_000
LARGE: Final = 1_000_000
SMALL_RUNS: Final = 5
BUDGET: Final = 1.25


def measure(folder: Path, scale: int) -> Iterator[Row]:
    small, large = SMALL // scale, LARGE // scale
    before = [_cost(folder, small) for _ in range(SMALL_RUNS)]
    after = _cost(folder, large)
    cheap = statistics.median(run["each"] for run in before)
    yield Row(f"ingest, {small:,} entries", cheap, "µs/entry")
    yield Row(f"ingest, {large:,} entries", after["each"], "µs/entry", BUDGET * cheap, cheap)
    yield Row(f"growth of an entry's cost, {small:,} to {large:,}", after["each"] / cheap, "×", BUDGET, 1.0)
    yield Row(f"its last tenth against its first, at {large:,}", after["last"] / after["first"], "×")


def _cost(folder: Path, entries: int) -> dict[str, float]:
    path = folder / "growth.db"
    result = children.run("growth", "ingest", {"path": str(path), "key": KEY.reveal().hex(), "entries": entries})
    for left in folder.glob("growth.db*"):
        left.unlink()
    return result


def ingest(job: Mapping[str, Any]) -> None:
    trio.run(_ingest, job)


async def _ingest(job: Mapping[str, Any]) -> None:
    path, entries = Path(job["path"]), job["entries"]
    ground = Ground(SqliteStore.in_memory(), 1, began_before(entries), Random(1))
    ground.seat_receiver(path, KEY)
    device = Device.open(ground.job(ground.receiver, path, KEY))
    spent: list[float] = []
    counts: list[int] = []
    for batch in History(ground).batches(entries):
        began = perf_counter()
        plan = await device.circle.ingest(batch, FromSession(None, 0))
        spent.append(perf_counter() - began)
        counts.append(len(batch.entries))
        assert len(plan.commit.entries) == len(batch.entries)
    began = perf_counter()
    await device.circle.tidy()
    device.store.close()
    last = perf_counter() - began
    each = 1e6 * (sum(spent) + last) / sum(counts)
    del spent[0], counts[0]  # the introduction of the devices
    tenth = max(1, len(spent) // 10)
    children.tell(
        {
            "each": each,
            "first": sum(spent[:tenth]) / sum(counts[:tenth]),
            "last": sum(spent[-tenth:]) / sum(counts[-tenth:]),
        }
    )
