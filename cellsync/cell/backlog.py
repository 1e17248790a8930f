"""A backlog: what waits for one reader, bounded in number and in bytes.

A reader that is too slow never holds up those who tell it something. What finds no room is not kept, nor is what comes
after it, until the reader has had all that waits: then it learns, once, that it has missed something.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import trio

T = TypeVar("T")


class Backlog(Generic[T]):
    """`size`: about how many bytes an item takes. One that is larger than `most_bytes` waits alone."""

    def __init__(self, most: int, most_bytes: int, size: Callable[[T], int]) -> None:
        self._most_bytes = most_bytes
        self._size = size
        self._send, self._receive = trio.open_memory_channel[T](most)
        self._bytes = 0  # of what waits
        self._missed = False

    def put(self, item: T) -> None:
        if self._missed:
            return
        size = self._size(item)
        if self._bytes and self._bytes + size > self._most_bytes:
            self._missed = True
            return
        try:
            self._send.send_nowait(item)
            self._bytes += size
        except trio.WouldBlock:
            self._missed = True
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            pass

    def miss(self) -> None:
        """There is more than may wait."""
        self._missed = True

    def take_miss(self) -> bool:
        """Whether all that waited was read, and something was missed after it. It is said once."""
        if not self._missed or self._receive.statistics().current_buffer_used:
            return False
        self._missed = False
        return True

    async def get(self) -> T | None:
        """The next item; None once it is closed, and all was read."""
        try:
            item = await self._receive.receive()
        except trio.EndOfChannel:
            return None
        self._bytes -= self._size(item)
        return item

    def close(self) -> None:
        """No more; what waits can still be read."""
        self._send.close()
