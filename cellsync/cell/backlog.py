"""A backlog: items waiting for one reader, bounded in number and in bytes.

A slow reader never holds up its writers. An item that finds no room is dropped, and so are those after it, until the
reader has drained the backlog: it then learns, once, that it has missed something.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import trio

T = TypeVar("T")


class Backlog(Generic[T]):
    """`size`: the approximate bytes of an item. An item larger than `most_bytes` waits alone."""

    def __init__(self, most: int, most_bytes: int, size: Callable[[T], int]) -> None:
        self._most_bytes = most_bytes
        self._size = size
        self._send, self._receive = trio.open_memory_channel[T](most)
        self._bytes = 0  # of all waiting items
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
        """Note that an item was dropped."""
        self._missed = True

    def take_miss(self) -> bool:
        """Whether the backlog is drained and something after it was missed; True only once."""
        if not self._missed or self._receive.statistics().current_buffer_used:
            return False
        self._missed = False
        return True

    async def get(self) -> T | None:
        """The next item; None once it is closed and drained."""
        try:
            item = await self._receive.receive()
        except trio.EndOfChannel:
            return None
        self._bytes -= self._size(item)
        return item

    def close(self) -> None:
        """Accept no more; waiting items can still be read."""
        self._send.close()
