"""The local network: TCP streams, and beacons by multicast DNS."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Final, Literal
from weakref import WeakSet

import trio

from cellsync.core.errors import InvalidValue
from cellsync.node import tcp
from cellsync.node.doors import Doors
from cellsync.node.interfaces import Choice, Interfaces, idle
from cellsync.node.network import Address, AskedFor, Ends, Handler, Here, MakeBlob, Sighting, packed
from cellsync.node.sites import Sites

if TYPE_CHECKING:
    from cellsync.node.discovery import Discovery

CARRIER: Final = b"lan"
SERVICE_TYPE: Final = "_cellsync._tcp.local."

SERVICE_TYPE_FORM: Final = re.compile(  # RFC 6335, section 5.1: 1 to 15 characters, a letter among them
    r"_(?=[a-z0-9-]{1,15}\.)(?=[0-9-]*[a-z])[a-z0-9]+(-[a-z0-9]+)*\._tcp\.local\."
)

Mode = Literal["off", "listen", "asked", "announce"]


def shows(mode: Mode, make_blob: MakeBlob) -> bool:
    """Whether a beacon is shown in this mode."""
    return mode == "announce" or (mode == "asked" and isinstance(make_blob, AskedFor))


def hides(mode: Mode) -> bool:
    """Whether none is shown in this mode, whoever asks for it."""
    return mode in ("off", "listen")


@asynccontextmanager
async def open_lan(
    interfaces: Choice = "all",
    *,
    mode: Mode = "asked",
    service_type: str = SERVICE_TYPE,
    port: int = 0,
) -> AsyncIterator[LanNetwork]:
    """The local network, until the block ends.

    `interfaces` is "all" (except loopback, for beacons), or IP literals of this device: it then listens, calls and
    shows itself on these only. In mode "off" there is no multicast at all, "listen" only looks, "asked" shows the
    device while a user invites or syncs, "announce" always: people nearby can then see that cellsync runs here. A
    device without a network waits for one. `InvalidValue` for anything that is not an address or not a service type.
    """
    _check(interfaces, service_type)
    watched = Interfaces(interfaces)
    discovery = None
    if mode != "off":
        from cellsync.node.discovery import Discovery  # with it come zeroconf and asyncio

        discovery = Discovery(watched, service_type)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watched.watch)
        if discovery is not None:
            nursery.start_soon(discovery.run)
        network = LanNetwork(interfaces, watched, discovery, mode, port)
        nursery.start_soon(network.drop_stranded)
        yield network
        nursery.cancel_scope.cancel()


class LanNetwork:
    """A `Network` over TCP and multicast DNS; made by `open_lan`."""

    carrier = CARRIER

    def __init__(
        self, choice: Choice, interfaces: Interfaces, discovery: Discovery | None, mode: Mode, port: int
    ) -> None:
        self._only = None if choice == "all" else tuple(choice)
        self._interfaces = interfaces
        self._discovery = discovery
        self._mode = mode
        self._port = port
        self._doors = Doors(interfaces, everywhere=self._only is None, fixed=port, moved=interfaces.tell)
        self._streams: WeakSet[trio.SocketStream] = WeakSet()

    async def serve(
        self, handler: Handler, sites: Sites | None = None, *,
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:  # fmt: skip
        """As `Network.serve`. A fixed port is listened on everywhere, including networks that come later."""
        fixed = tcp.listen(self._only, self._port) if self._port else []

        async def answer(stream: trio.abc.Stream) -> None:
            if isinstance(stream, trio.SocketStream):
                self._streams.add(stream)
            await handler(stream)

        async with trio.open_nursery() as nursery:
            entrance = tcp.Entrance(answer, nursery)
            if fixed:
                nursery.start_soon(entrance.serve, fixed)
            await self._doors.keep(entrance, sites or Sites(), task_status)

    def here(self) -> tuple[Here, ...]:
        """As `Network.here`."""
        return self._doors.here

    def ends(self, stream: trio.abc.Stream) -> Ends | None:
        """As `Network.ends`."""
        return tcp.ends(stream) if isinstance(stream, trio.SocketStream) else None

    async def dial(self, address: Address) -> trio.abc.Stream:
        """As `Network.dial`."""
        stream = await tcp.dial(address, self._only)
        self._streams.add(stream)
        return stream

    async def drop_stranded(self) -> None:
        """Close streams whose own address is gone, or whose interface is down: nothing reaches them, and TCP would take
        minutes to notice."""
        async with self._interfaces.changes() as changes:
            async for _ in changes:
                out_of_reach = idle()
                for stream in list(self._streams):
                    if tcp.is_stranded(stream, out_of_reach):
                        await trio.aclose_forcefully(stream)

    async def announce(self, make_blob: MakeBlob) -> None:
        """As `Network.announce`; on each link it waits until `serve` listens there."""
        if self._discovery is not None and shows(self._mode, make_blob):
            await self._discovery.announce(self._doors, make_blob)

    @property
    def is_hidden(self) -> bool:
        """As `Network.is_hidden`."""
        return hides(self._mode)

    def sightings(self) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[Sighting]]:
        """As `Network.sightings`; in mode "off" nothing is ever seen."""
        return _nothing() if self._discovery is None else self._discovery.sightings()

    def changes(self) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[None]]:
        """As `Network.changes`."""
        return self._interfaces.changes()


@asynccontextmanager
async def _nothing() -> AsyncIterator[trio.MemoryReceiveChannel[Sighting]]:
    send, receive = trio.open_memory_channel[Sighting](0)
    with send, receive:
        yield receive


def _check(interfaces: Choice, service_type: str) -> None:
    if not SERVICE_TYPE_FORM.fullmatch(service_type):
        raise InvalidValue("not a service type", hint=f"It looks like {SERVICE_TYPE}")
    try:
        hosts = [] if interfaces == "all" else [packed(host) for host in interfaces]
    except ValueError:
        hosts = []
    if interfaces != "all" and not hosts:
        raise InvalidValue("not a list of IP addresses", hint='Give addresses of this device, or "all".')
