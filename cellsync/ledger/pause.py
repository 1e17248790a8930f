"""A pause of the cycle collector over a bounded stretch of work; and sparing it what stays.

A batch makes tens of thousands of small tuples and no cycles; collecting in between costs a third of an ingest. While
it collects, nothing else runs, in any thread: so the less it has to go through, the sooner the event loop turns.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

THRESHOLDS: Final = (20_000, 5, 1_000)
"""What survives a young pass is gone through once more with the next few: with 50 of these, 10⁵ cases that arrived at
once held up everything for 57 ms, with 5 for 35 (a busy machine, `make bench`). All is gone through as often."""


@contextmanager
def collector_paused() -> Iterator[None]:
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


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
