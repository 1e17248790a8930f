"""Short turns of threads: the event loop gets the interpreter soon while a worker thread computes.

A thread that needs Python's interpreter waits until the thread that has it gives it up, by default after 5 ms. A turn
of the event loop gives it up and needs it again several times, at each call of the system, the database or a cipher.
So beside a worker a turn took 50 ms, whatever the worker did. With 1 ms it takes 15 (`make bench`, 131,072 maps).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

SECONDS: Final = 0.001


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
                sys.setswitchinterval(min(SECONDS, self._before))
            self._count += 1

    def end(self) -> None:
        with self._lock:
            self._count -= 1
            if not self._count:
                sys.setswitchinterval(self._before)


_workers: Final = _Workers()


@contextmanager
def short_turns() -> Iterator[None]:
    _workers.begin()
    try:
        yield
    finally:
        _workers.end()
