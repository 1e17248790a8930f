"""Short turns of threads: the event loop gets the interpreter soon while a worker thread computes.

A thread that needs Python's interpreter asks for it when it has waited for the switch interval, by default 5 ms, and a
turn of the event loop gives the interpreter up and needs it again several times: at each call of the system, the
database or a cipher. So beside a worker a turn took 50 ms, whatever the worker did.

What is worse: while it waits, the loop is woken whenever the worker gives the interpreter up by itself, as it does at
each signature and each row. Mostly the worker has it back first, and then the loop waits for a whole interval anew
(`take_gil` of CPython 3.11). It never asks if the worker gives it up more often than once an interval. So the interval
has to be shorter than what a worker does between two such calls. With 1 ms, a turn beside 131,072 operations that
change nothing took 90 ms; with 0.1 ms it takes 12. Catch-up is as fast (`make bench`, `AGAINST=`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

SECONDS: Final = 0.000_1


class _Workers:
    """The workers that compute now. The first of them sets the interval, and the last one restores it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._count = 0
        self._before = 0.0

    def begin(self) -> None:
        with self._lock:
            if not self._count:
                self._before = sys.getswitchinterval()
                _set(min(SECONDS, self._before))
            self._count += 1

    def end(self) -> None:
        with self._lock:
            self._count -= 1
            if not self._count:
                _set(self._before)


def _set(seconds: float) -> None:
    """Python keeps whole microseconds and rounds down, so an interval that is restored would shrink each time."""
    sys.setswitchinterval(seconds + 0.000_000_5)


_workers: Final = _Workers()


@contextmanager
def short_turns() -> Iterator[None]:
    _workers.begin()
    try:
        yield
    finally:
        _workers.end()
