"""One direction of a simulated connection: bounded, delayed, and breakable at any byte.

No task moves the bytes: each chunk carries its time of arrival, and the reader waits for that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import index
from typing import Final, NamedTuple

import trio

CAPACITY: Final = 64 << 10  # bytes in transit or unread, in one direction


class Chunk(NamedTuple):
    """Bytes in transit, with their time of arrival (trio's clock)."""

    arrives: float
    content: bytes


Carry = Callable[["Pipe", bytes], None]


class Pipe:
    """Bytes from one host to another. `carry` is the network: it decides the fate of each chunk."""

    def __init__(self, source: str, target: str, carry: Carry) -> None:
        self.source, self.target = source, target
        self.chunks = deque[Chunk]()
        self.stalled = False  # nothing arrives, but nothing is lost either
        self.back: Pipe | None = None  # the other direction
        self.copy: Pipe | None = None  # a second pipe to which everything is repeated
        self._carry = carry
        self._held = 0
        self._ended = False  # the writer closed: the reader sees the end after the last chunk
        self._broken = False  # the reader sees an error after the last chunk
        self._deaf = False  # the reader closed
        self._discards = False
        self._moved = trio.lowlevel.ParkingLot()

    async def send(self, content: bytes) -> None:
        """Send all of it; waits while the pipe is full."""
        await trio.lowlevel.checkpoint()
        rest = memoryview(content)
        while True:
            if self._ended:
                raise trio.ClosedResourceError
            if self._broken or self._deaf:
                raise trio.BrokenResourceError
            if not rest:
                return
            room = CAPACITY if self._discards else CAPACITY - self._held
            if room > 0:
                piece, rest = bytes(rest[:room]), rest[room:]
                self._carry(self, piece)
            else:
                await self._moved.park()

    async def wait_for_room(self) -> None:
        """Wait until `send` would not block."""
        await trio.lowlevel.checkpoint()
        while not (self._broken or self._deaf or self._ended) and self._held >= CAPACITY:
            await self._moved.park()
        if self._ended:
            raise trio.ClosedResourceError

    async def receive(self, most: int) -> bytes:
        """The bytes that have arrived, at most that many; empty at the end."""
        await trio.lowlevel.checkpoint()
        while True:
            if self._deaf:
                raise trio.ClosedResourceError
            if self.chunks and not self.stalled:
                wait = self.chunks[0].arrives - trio.current_time()
                if wait <= 0:
                    return self._take(most)
                with trio.move_on_after(wait):
                    await self._moved.park()
            elif not self.chunks and self._broken:
                raise trio.BrokenResourceError
            elif not self.chunks and self._ended:
                return b""
            else:
                await self._moved.park()

    def put(self, content: bytes, arrives: float) -> None:
        """Let `content` arrive, never before earlier content."""
        if self._broken or self._deaf or self._discards or not content:
            return
        if self.chunks:
            arrives = max(arrives, self.chunks[-1].arrives)
        self.chunks.append(Chunk(arrives, content))
        self._held += len(content)
        self._moved.unpark_all()

    def has_room(self, size: int) -> bool:
        """Whether `size` more bytes fit."""
        return self._held + size <= CAPACITY

    def end(self) -> None:
        """The writer is done."""
        self._ended = True
        self._moved.unpark_all()
        if self.copy is not None:
            self.copy.end()

    def close(self) -> None:
        """The reader is gone."""
        self._deaf = True
        self._forget()

    def cut(self, *, deliver: bool = False) -> None:
        """Break it; bytes in transit still arrive if `deliver`, and are lost otherwise."""
        self._broken = True
        self.stalled = False
        if not deliver:
            self._forget()
        self._moved.unpark_all()

    def discard(self) -> None:
        """From now on everything sent vanishes, as if it had been read."""
        self._discards = True
        self._forget()

    def release(self) -> None:
        """Resume after a stall."""
        self.stalled = False
        self._moved.unpark_all()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be read from it."""
        return self._deaf or ((self._broken or self._ended) and not self.chunks)

    def _take(self, most: int) -> bytes:
        arrives, content = self.chunks.popleft()
        if len(content) > most:
            self.chunks.appendleft(Chunk(arrives, content[most:]))
            content = content[:most]
        self._held -= len(content)
        self._moved.unpark_all()
        return content

    def _forget(self) -> None:
        self.chunks.clear()
        self._held = 0
        self._moved.unpark_all()


class End(trio.abc.Stream):
    """One end of a connection: reads from one pipe, writes to another."""

    def __init__(self, incoming: Pipe, outgoing: Pipe) -> None:
        self._incoming, self._outgoing = incoming, outgoing
        self._closed = False
        self._busy = {"sending": False, "receiving": False}

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """As any trio stream."""
        with self._one_task("sending"):
            await self._outgoing.send(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        """As any trio stream."""
        with self._one_task("sending"):
            await self._outgoing.wait_for_room()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """As any trio stream."""
        if max_bytes is not None and index(max_bytes) < 1:
            raise ValueError("max_bytes must be at least 1")
        with self._one_task("receiving"):
            return await self._incoming.receive(CAPACITY if max_bytes is None else max_bytes)

    async def aclose(self) -> None:
        """The other side reads what is in transit, then the end; its sends break."""
        if not self._closed:
            self._closed = True
            self._outgoing.end()
            self._incoming.close()
        await trio.lowlevel.checkpoint()

    @contextmanager
    def _one_task(self, doing: str) -> Iterator[None]:
        if self._closed:
            raise trio.ClosedResourceError
        if self._busy[doing]:
            raise trio.BusyResourceError(f"another task is {doing}")
        self._busy[doing] = True
        try:
            yield
        finally:
            self._busy[doing] = False
