"""The network as the node sees it, one Protocol: a LAN, or a simulated one, or later a relay.

A network carries bytes and shows beacons. It knows neither circles nor devices: only holders of the keys can compute
to whom a beacon belongs (cellsync.core.beacon).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, NamedTuple, Protocol

import trio

from cellsync.core.errors import InvalidValue
from cellsync.node.sites import Site, Sites

BROKEN: Final = trio.BrokenResourceError, trio.ClosedResourceError
"""What a stream raises that has ended: the peer, or the network, has broken it; or it was closed here, because nothing
reaches it any more."""


class Address(NamedTuple):
    """Where a device listens: an IPv4 or IPv6 literal and a port. A `%scope` names the link over which to call it."""

    host: str
    port: int

    @property
    def packed(self) -> bytes:
        """The 4 or 16 bytes of the IP address, without scope, as tags contain them."""
        return packed(self.host)

    @property
    def text(self) -> str:
        """As people type it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def checked_address(host: str, port: int) -> Address:
    """An address typed by a user. Raises InvalidValue for a name: looking it up would tell a server."""
    try:
        packed(host)
    except ValueError:
        host = ""
    if not host or not 0 < port < 1 << 16:
        raise InvalidValue("not an IP address and a port", hint="Give numbers, as in 192.168.1.20 and 51234.")
    return Address(host, port)


class Sighting(NamedTuple):
    """A beacon, and the addresses that came with it: an unproven claim by someone on the network."""

    blob: bytes
    addresses: tuple[Address, ...]


class Here(NamedTuple):
    """One of the networks on which this device is now."""

    site: Site  # its identity for this device
    link: int  # index of the interface
    addresses: tuple[Address, ...]  # where this device listens there, without scope
    networks: tuple[IPv4Network | IPv6Network, ...]  # whose addresses are on the link

    def contains(self, host: str) -> bool:
        """Whether an IP literal is on this link."""
        address = ip_address(packed(host))
        return any(address in network for network in self.networks)

    def at(self, host: str, port: int) -> Address:
        """An address on this link, as opposed to others with the same networks."""
        return Address(f"{without_scope(host)}%{self.link}", port)


class Ends(NamedTuple):
    """The IP literals at both ends of a stream, without scope."""

    here: str
    there: str


Handler = Callable[[trio.abc.Stream], Awaitable[None]]
MakeBlob = Callable[[tuple[Address, ...]], bytes]


@dataclass(frozen=True, slots=True)
class AskedFor:
    """A `MakeBlob` that a user asked for: in mode "asked" nothing else is shown.

    Wrappers of a network pass it on unchanged.
    """

    make_blob: MakeBlob

    def __call__(self, addresses: tuple[Address, ...]) -> bytes:
        return self.make_blob(addresses)


class Network(Protocol):
    """Streams to and from other devices, and sight of those nearby."""

    @property
    def carrier(self) -> bytes:
        """Its name in every handshake: a conversation replayed over another carrier fails."""
        ...

    async def serve(
        self, handler: Handler, sites: Sites | None = None, *,
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:  # fmt: skip
        """Run `handler` for each incoming connection until cancelled.

        Listens on each network at the port that `sites` keeps for it, and reports that of the first; 0 if there is no
        network yet. Without `sites` the ports last as long as the program.

        At most 768 at a time; further ones are closed. The stream is closed when its handler ends, even by an
        exception, which is logged by its type and ends nothing else.
        """
        ...

    async def dial(self, address: Address) -> trio.abc.Stream:
        """A connection to `address`, over the link of its scope if it has one. `NoPeer` if that takes over 10 s."""
        ...

    async def announce(self, make_blob: MakeBlob) -> None:
        """Show a beacon until cancelled.

        `make_blob` is called for the addresses that one link can reach: immediately, about every five minutes, and
        whenever they change. Returns immediately if this network is not to announce, or only what is `AskedFor`.
        """
        ...

    @property
    def is_hidden(self) -> bool:
        """Whether this device is shown nowhere, whoever asks for it."""
        ...

    def sightings(self) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[Sighting]]:
        """The beacons of other devices: present ones, then new ones.

        The same one may come twice. The channel is bounded: under a flood some are dropped, and come again
        with their next rotation.
        """
        ...

    def here(self) -> tuple[Here, ...]:
        """The networks on which this device is, and listens, now."""
        ...

    def ends(self, stream: trio.abc.Stream) -> Ends | None:
        """The addresses at both ends of a stream from `dial` or `serve`; None if it is over."""
        ...

    def changes(self) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[None]]:
        """One item after the device's own addresses, ports or sites changed, or it woke up: the moment to redial.

        Several may be merged.
        """
        ...


def without_scope(host: str) -> str:
    return host.partition("%")[0]


def packed(host: str) -> bytes:
    """The bytes of an IP literal, without scope; an IPv4 address inside IPv6 is the IPv4 address."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.packed
    return address.packed


def is_one_host(address: IPv4Address | IPv6Address, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Whether this is the address of one host, and not of a group, of nobody, or of all on one of our `networks`."""
    if isinstance(address, IPv6Address):
        return not (address.is_multicast or address.is_unspecified or address.ipv4_mapped is not None)
    is_broadcast = any(address == network.broadcast_address and network.prefixlen < 31 for network in networks)
    return not (address.is_multicast or address.is_unspecified or address.is_reserved or is_broadcast)
