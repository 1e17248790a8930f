"""A pause of the cycle collector over a bounded stretch of work, and an exemption for long-lived objects.

A batch makes tens of thousands of small tuples and no cycles; collecting in between costs a third of an ingest. While
it collects, no thread runs: so the less it has to traverse, the sooner the event loop turns.

Rules:

1. It is off while any pause lasts: pauses overlap, in several threads. When the last of them ends, it is as it was
   before the first began.
2. Surviving objects made in a pause are traversed in one pass after it. So long work that makes many of them calls
   `breathe` now and then: each pass then traverses only new objects, once, and is short.
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
BREATH: Final = 20_000  # surviving objects made since the last pass: they take a pass of 2 to 4 ms


class _Pauses:
    """The pauses under way."""

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
    """During long work in a pause: traverse new objects, if there are many. Survivors are then old, and left alone."""
    _pauses.breathe()


def rarely() -> None:
    """For our own programs: collect less often. There are few cycles here, and many other objects.

    Importing 8,000 rows took 2.1 times the processor time with Python's own thresholds.
    """
    gc.set_threshold(*THRESHOLDS)


def spare() -> None:
    """For a program that has started: present objects live as long as it does, and are not traversed again."""
    rarely()
    gc.collect()
    gc.freeze()
