"""Opening: the time until a fresh process that has the key can show a case."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from time import perf_counter
from typing import Any, Final

from bench import children
from bench.catch_up import KEY, Made
from bench.ground import Device
from bench.memory import memory
from bench.rows import Row
from cellsync.core.history.holdings import OWN_CASE

RUNS: Final = 5


def measure(made: Made, entries: int) -> Iterator[Row]:
    job = made.ground.job(made.ground.founder, made.path, KEY)
    runs = [children.run("opening", "open_circle", job) for _ in range(RUNS)]
    work = f"open a circle of {entries:,} entries"
    yield Row(f"{work}, after imports and the key", statistics.median(run["open"] for run in runs), "ms", 30)
    yield Row(f"{work}: and read every case's registers", statistics.median(run["all"] for run in runs), "ms")
    yield Row(f"{work}: resident memory", max(run["memory"] for run in runs), "MB", 100)


def open_circle(job: Mapping[str, Any]) -> None:
    began = perf_counter()
    device = Device.open(job)
    replica = device.circle.replica
    cases = [number for number in replica.held.case_ids if number != OWN_CASE]
    replica.states.get(cases[0])
    opened = perf_counter()
    occupied = memory()
    for number in cases:
        replica.states.get(number)
    read = perf_counter()
    device.store.close()
    milliseconds = {"open": 1000 * (opened - began), "all": 1000 * (read - began)}
    children.tell({**milliseconds, "memory": occupied})
