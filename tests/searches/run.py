"""One run of one search: its seeds in order, on all cores."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import count
from typing import Final, NamedTuple

from tests.searches import worker
from tests.searches.worker import Tried

Attempt = Callable[[int], Tried]
_DIED: Final = "The process that tried it, or one of the seeds right behind it, has died or hung.\n"


class Reached(NamedTuple):
    """The seeds from `first` to `first + seeds - 1` have passed; the next one has failed if there is a text."""

    first: int
    seeds: int
    histories: int
    counterexample: str = ""
    interrupted: bool = False

    @property
    def next(self) -> int:
        return self.first + self.seeds

    def then(self, later: Reached) -> Reached:
        """This run joined with one that continued where it ended."""
        return later._replace(
            first=self.first, seeds=self.seeds + later.seeds, histories=self.histories + later.histories
        )


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def search(attempt: Attempt, first: int, *, seeds: int | None = None, until: float | None = None) -> Reached:
    """Try seeds from `first` on, `seeds` of them or `until` then (`time.monotonic`), up to the first counterexample.

    Seeds that are under way are waited for, so none is left out between two runs. At least one seed is tried.
    """
    source = count(first) if seeds is None else iter(range(first, first + seeds))
    seed = first
    passed: dict[int, int] = {}
    failed: dict[int, str] = {}
    running: dict[Future[Tried], int] = {}
    interrupted = False
    width = 2 * cores()  # enough that no process waits for its next seed
    with ProcessPoolExecutor(cores(), multiprocessing.get_context("spawn"), worker.start) as pool:
        while True:
            try:
                more = not (failed or interrupted) and (until is None or time.monotonic() < until or not passed)
                while more and len(running) < width and (another := next(source, None)) is not None:
                    seed = another
                    running[pool.submit(attempt, seed)] = seed
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    tried, seed = future.result(), running.pop(future)
                    if tried.counterexample:
                        failed[seed] = tried.counterexample
                    else:
                        passed[seed] = tried.histories
            except BrokenProcessPool:
                failed |= dict.fromkeys([seed, *running.values()], _DIED)
                break
            except KeyboardInterrupt:
                interrupted = True
    whole = next(seed for seed in count(first) if seed not in passed)
    return Reached(
        first, whole - first, sum(passed[seed] for seed in range(first, whole)), failed.get(whole, ""), interrupted
    )
