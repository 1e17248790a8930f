"""A pause of the cycle collector over a bounded stretch of work; and sparing it what stays.

A batch makes tens of thousands of small tuples and no cycles; collecting in between costs a third of an ingest. While
it collects, nothing else runs, in any thread: so the less it has to go through, the sooner the event loop turns.

Rules:

1. It is off while anybody pauses it: stretches overlap, in several threads. When the last of them ends, it is as it was
   before the first began.
2. What was made in a pause and stays is gone through in one pass behind it. So long work that makes much which stays
   calls `breathe` as it goes on: then each pass goes through what is new, once, and is short.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

THRESHOLDS: Final = (20_000, 5, 1_000)
"""What survives a young pass is gone through once more with the next few: with 50 of these, 10⁵ cases that arrived at
once held up everything for 57 ms, with 5 for 35 (a busy machine, `make bench`). All is gone through as often."""
BREATH: Final = 20_000  # objects that were made since the last pass, and stay: they are a pass of 2 to 4 ms


class _Pauses:
    """Those that last."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._count = 0
        self._was_on = False

    def begin(self) -> None:
        with self._lock:
            if not self._count:
                self._was_on = gc.isenabled()
                gc.disable()
            self._count += 1

    def end(self) -> None:
        with self._lock:
            self._count -= 1
            if not self._count and self._was_on:
                gc.enable()

    def breathe(self) -> None:
        if self._was_on and gc.get_count()[0] >= BREATH:
            gc.collect(1)


_pauses: Final = _Pauses()


@contextmanager
def collector_paused() -> Iterator[None]:
    _pauses.begin()
    try:
        yield
    finally:
        _pauses.end()


def breathe() -> None:
    """In long work in a pause: go through what is new, if it is so much. What stays is old then, and left alone."""
    _pauses.breathe()


def rarely() -> None:
    """For a program of our own: collect after more work. There are few cycles here, and much that is no cycle.

    Importing 8,000 rows took 2.1 times the processor time with Python's own thresholds.
    """
    gc.set_threshold(*THRESHOLDS)


def spare() -> None:
    """For a program that has started: what is here now lives as long as it does, and is not gone through again."""
    rarely()
    gc.collect()
    gc.freeze()
