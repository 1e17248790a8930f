"""Strangers: connections that have not authenticated yet. Places are limited; one connection too many ends the oldest.

    crowd       have not sent a complete opening that a member could have made just now
    newcomers   callers that hold a current key of the circle but are not (yet) known
    callers     known devices whose first frame has not proved them yet; each has places of its own, the same ones
                whichever circle it calls in

A member's opening arrives with the first round trip, so its connection leaves the crowd within milliseconds, and no
flood can end it afterwards: getting a place outside the crowd takes keys. Having such a place must reveal nothing. So
the opening must be complete, made for this device, and new. If the header were enough, with which every recorded
connection of the circle begins, an attacker could replay it in a flood and see which ports belong to the same circle.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import trio

from cellsync import system
from cellsync.core.ids import SessionPublic

CROWD: Final = 512  # at 2,000 a second, a quarter of a second each; a lost packet is resent by then
NEWCOMERS: Final = 2  # each may send two batches, 28 MiB in memory; a holder of a key of the circle can take them all
CALLERS: Final = 2  # of one device


class Strangers:
    """Open connections. Each is in one queue until it is authenticated."""

    def __init__(self, crowd: int | None = None) -> None:
        self._crowd = _Places(min(CROWD, system.process.descriptors() // 2) if crowd is None else crowd)
        self._newcomers = _Places(NEWCOMERS)
        self._callers: dict[SessionPublic, _Places] = {}
        self._where: dict[trio.abc.Stream, tuple[_Places, trio.CancelScope]] = {}

    def __len__(self) -> int:
        return len(self._where)

    @contextmanager
    def waiting(self, stream: trio.abc.Stream) -> Iterator[None]:
        """A new connection. The block is cancelled when its place is needed for a newer one."""
        with trio.CancelScope() as scope:
            self._move(stream, scope, self._crowd)
            try:
                yield
            finally:
                self.proved(stream)

    def called(self, stream: trio.abc.Stream, key: SessionPublic | None) -> None:
        """The opening of a connection is valid and new. `key`: of its apparent caller, if that is a known device."""
        if stream in self._where:
            scope = self._where[stream][1]
            self.proved(stream)
            places = self._newcomers if key is None else self._callers.setdefault(key, _Places(CALLERS))
            self._move(stream, scope, places)

    def proved(self, stream: trio.abc.Stream) -> None:
        """A connection is no longer a stranger's."""
        places, scope = self._where.pop(stream, (None, None))
        if places is not None and scope is not None:
            places.leave(scope)
            self._callers = {key: queue for key, queue in self._callers.items() if len(queue)}

    def _move(self, stream: trio.abc.Stream, scope: trio.CancelScope, places: _Places) -> None:
        self._where[stream] = places, scope
        places.enter(scope)


class _Places:
    """A queue with a limited number of places: one connection too many ends the oldest."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._inside: dict[trio.CancelScope, None] = {}  # oldest first

    def __len__(self) -> int:
        return len(self._inside)

    def enter(self, scope: trio.CancelScope) -> None:
        self._inside[scope] = None
        if len(self._inside) > self._number:
            oldest = next(iter(self._inside))
            del self._inside[oldest]
            oldest.cancel()

    def leave(self, scope: trio.CancelScope) -> None:
        self._inside.pop(scope, None)
