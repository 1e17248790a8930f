"""No network: for a program that opens a cell only to read or write it, unseen by others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

import trio

from cellsync.core.errors import NoPeer
from cellsync.node.network import Address, Ends, Handler, Here, MakeBlob, Network, Sighting
from cellsync.node.sites import Sites

T = TypeVar("T")


@asynccontextmanager
async def no_network() -> AsyncIterator[Network]:
    """An empty `Network`, for `Home`: no socket is opened."""
    yield Nobody()


class Nobody:
    """Made by `no_network`."""

    carrier = b""  # nothing is ever sent over it

    async def serve(
        self, handler: Handler, sites: Sites | None = None, *,
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:  # fmt: skip
        """As `Network.serve`; nobody connects."""
        task_status.started(0)
        await trio.sleep_forever()

    async def dial(self, address: Address) -> trio.abc.Stream:
        """As `Network.dial`."""
        raise NoPeer

    @property
    def is_hidden(self) -> bool:
        """As `Network.is_hidden`."""
        return True

    async def announce(self, make_blob: MakeBlob) -> None:
        """As `Network.announce`."""

    def sightings(self) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[Sighting]]:
        """As `Network.sightings`; nothing is ever seen."""
        return _nothing(Sighting)

    def here(self) -> tuple[Here, ...]:
        """As `Network.here`."""
        return ()

    def ends(self, stream: trio.abc.Stream) -> Ends | None:
        """As `Network.ends`."""

    def changes(self) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[None]]:
        """As `Network.changes`; nothing ever changes."""
        return _nothing(type(None))


@asynccontextmanager
async def _nothing(_: type[T]) -> AsyncIterator[trio.MemoryReceiveChannel[T]]:
    send, receive = trio.open_memory_channel[T](0)
    with send, receive:
        yield receive
