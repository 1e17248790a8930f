"""Strangers: connections that have not proved yet whose they are, at most so many.

Each is swallowed for up to a minute, so that it learns nothing from when it is closed. Without a bound of their own a
few dozen of them would keep members out; so when one more comes, the oldest goes. A member has proved itself within
milliseconds, long before it could be the oldest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import trio

PLACES: Final = 32


class Strangers:
    def __init__(self) -> None:
        self._waiting: dict[trio.abc.Stream, trio.CancelScope] = {}  # oldest first

    @contextmanager
    def waiting(self, stream: trio.abc.Stream) -> Iterator[None]:
        """A new connection. The block is cancelled if it is the oldest stranger when there are too many."""
        with trio.CancelScope() as scope:
            self._waiting[stream] = scope
            if len(self._waiting) > PLACES:
                self._waiting.pop(next(iter(self._waiting))).cancel()
            try:
                yield
            finally:
                self._waiting.pop(stream, None)

    def proved(self, stream: trio.abc.Stream) -> None:
        """It is no stranger any more."""
        self._waiting.pop(stream, None)
