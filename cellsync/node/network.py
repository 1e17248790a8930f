"""What the node asks of a network, as one Protocol: a LAN, or a simulated one, or later a relay.

A network carries bytes and shows beacons. It knows neither circles nor devices: whom a beacon belongs to
is computed by whoever holds the keys (cellsync.core.beacon).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple, Protocol

import trio

from cellsync.core.errors import InvalidValue


class Address(NamedTuple):
    """Where a device listens: an IPv4 or IPv6 literal (a link-local one with its `%scope`) and a port."""

    host: str
    port: int

    @property
    def packed(self) -> bytes:
        """The 4 or 16 bytes of the IP address, without scope, as tags contain them."""
        return packed(self.host)


def checked_address(host: str, port: int) -> Address:
    """An address that somebody typed. Raises InvalidValue for a name: looking it up would tell a server."""
    try:
        packed(host)
    except ValueError:
        host = ""
    if not host or not 0 < port < 1 << 16:
        raise InvalidValue("not an IP address and a port", hint="Give numbers, as in 192.168.1.20 and 51234.")
    return Address(host, port)


class Sighting(NamedTuple):
    """A beacon, and the addresses that came with it: an unproven claim of somebody on the network."""

    blob: bytes
    addresses: tuple[Address, ...]


Handler = Callable[[trio.abc.Stream], Awaitable[None]]
MakeBlob = Callable[[tuple[Address, ...]], bytes]


@dataclass(frozen=True, slots=True)
class AskedFor:
    """A `MakeBlob` that somebody asked for: in mode "asked" nothing else is shown.

    What wraps a network passes it on as it is.
    """

    make_blob: MakeBlob

    def __call__(self, addresses: tuple[Address, ...]) -> bytes:
        return self.make_blob(addresses)


class Network(Protocol):
    """Streams to and from other devices, and sight of those nearby."""

    async def serve(self, handler: Handler, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Run `handler` for each incoming connection until cancelled; reports the port.

        At most 768 at once, further ones are closed. The stream is closed when its handler ends, also by an
        exception, which is logged by its type and ends nothing else.
        """
        ...

    async def dial(self, address: Address) -> trio.abc.Stream:
        """A connection to `address`. `NoPeer` if there is none within ten seconds."""
        ...

    async def announce(self, make_blob: MakeBlob) -> None:
        """Show a beacon until cancelled.

        `make_blob` is called for the addresses that one link can reach: at once, about every five minutes, and
        whenever they change. Returns at once where this network is not to announce, or only what is `AskedFor`.
        """
        ...

    def sightings(self) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[Sighting]]:
        """The beacons of others: those that are there, then new ones.

        The same one may come twice. The channel is bounded: under a flood some are dropped, and come again
        with their next rotation.
        """
        ...

    def changes(self) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[None]]:
        """One item after the device's own addresses changed: the moment to redial. Several may become one."""
        ...


def packed(host: str) -> bytes:
    """The bytes of an IP literal, without scope; an IPv4 address inside IPv6 is the IPv4 address."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.packed
    return address.packed
