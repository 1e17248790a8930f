"""A network with a cable that can be pulled out, without root rights.

While the cable is out, the device makes and accepts no calls, shows no beacons and sees none; open connections are
closed. Plugging it in again is reported as a change of the device's addresses, as with a real cable. Bytes sent over
connections are counted.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import trio

from cellsync.core.errors import NoPeer
from cellsync.node.network import Address, Ends, Handler, Here, MakeBlob, Network, Sighting
from cellsync.node.sites import Sites

_BUFFER: Final = 64


class Cable:
    """One device's cable. Every network that it opens runs through it."""

    def __init__(self) -> None:
        self.plugged_in = True
        self.sent = 0  # bytes, over all connections so far
        self._moved = trio.Event()
        self._streams: set[_Stream] = set()

    async def pull_out(self) -> None:
        """Cut the device off. Returns when its connections are closed."""
        self._move(False)
        for stream in list(self._streams):
            await trio.aclose_forcefully(stream)

    def plug_in(self) -> None:
        self._move(True)

    def _move(self, plugged_in: bool) -> None:
        if self.plugged_in != plugged_in:
            self.plugged_in = plugged_in
            self._moved.set()
            self._moved = trio.Event()

    async def wait_until(self, plugged_in: bool) -> None:
        while self.plugged_in != plugged_in:
            await self._moved.wait()

    def require(self) -> None:
        """Raise NoPeer if the cable is out."""
        if not self.plugged_in:
            raise NoPeer

    def through(
        self, network: Callable[[], AbstractAsyncContextManager[Network]]
    ) -> Callable[[], AbstractAsyncContextManager[Network]]:
        """The same network, reached through this cable: give it to `Home`."""

        @asynccontextmanager
        async def opened() -> AsyncIterator[Network]:
            async with network() as inner:
                yield _Cabled(self, inner)

        return opened

    def _carry(self, stream: trio.abc.Stream) -> trio.abc.Stream:
        carried = _Stream(self, stream)
        self._streams.add(carried)
        return carried


class _Cabled:
    """A `Network` behind a cable."""

    def __init__(self, cable: Cable, inner: Network) -> None:
        self._cable = cable
        self._inner = inner

    @property
    def carrier(self) -> bytes:
        return self._inner.carrier

    async def serve(
        self, handler: Handler, sites: Sites | None = None, *,
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:  # fmt: skip
        async def answer(stream: trio.abc.Stream) -> None:
            if self._cable.plugged_in:
                async with self._cable._carry(stream) as carried:
                    await handler(carried)

        await self._inner.serve(answer, sites, task_status=task_status)

    async def dial(self, address: Address) -> trio.abc.Stream:
        self._cable.require()
        stream = self._cable._carry(await self._inner.dial(address))
        try:
            self._cable.require()  # the cable may have been pulled out meanwhile
        except NoPeer:
            await trio.aclose_forcefully(stream)
            raise
        return stream

    @property
    def is_hidden(self) -> bool:
        return self._inner.is_hidden

    async def announce(self, make_blob: MakeBlob) -> None:
        ended = False

        async def show(scope: trio.CancelScope) -> None:
            nonlocal ended
            await self._inner.announce(make_blob)
            ended = True  # this network does not announce
            scope.cancel()

        while not ended:
            await self._cable.wait_until(True)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(show, nursery.cancel_scope)
                await self._cable.wait_until(False)
                nursery.cancel_scope.cancel()

    @asynccontextmanager
    async def sightings(self) -> AsyncIterator[trio.MemoryReceiveChannel[Sighting]]:
        send, receive = trio.open_memory_channel[Sighting](_BUFFER)

        async def pass_on(seen: trio.MemoryReceiveChannel[Sighting]) -> None:
            async for sighting in seen:
                if self._cable.plugged_in:
                    await send.send(sighting)

        async with self._inner.sightings() as seen, trio.open_nursery() as nursery:
            nursery.start_soon(pass_on, seen)
            yield receive
            nursery.cancel_scope.cancel()

    def here(self) -> tuple[Here, ...]:
        return self._inner.here() if self._cable.plugged_in else ()

    def ends(self, stream: trio.abc.Stream) -> Ends | None:
        return self._inner.ends(stream.inner if isinstance(stream, _Stream) else stream)

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[trio.MemoryReceiveChannel[None]]:
        send, receive = trio.open_memory_channel[None](math.inf)

        async def pass_on(changed: trio.MemoryReceiveChannel[None]) -> None:
            async for change in changed:
                send.send_nowait(change)

        async def tell_of_cable() -> None:
            while True:
                await self._cable.wait_until(False)
                await self._cable.wait_until(True)
                send.send_nowait(None)

        async with self._inner.changes() as changed, trio.open_nursery() as nursery:
            nursery.start_soon(pass_on, changed)
            nursery.start_soon(tell_of_cable)
            yield receive
            nursery.cancel_scope.cancel()


class _Stream(trio.abc.Stream):
    """A connection that its cable can close, and that counts what goes out."""

    def __init__(self, cable: Cable, inner: trio.abc.Stream) -> None:
        self._cable = cable
        self.inner = inner

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self._cable.sent += len(data)
        await self.inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self.inner.receive_some(max_bytes)

    async def aclose(self) -> None:
        self._cable._streams.discard(self)
        await self.inner.aclose()
