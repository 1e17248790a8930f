"""The current addresses of this device, by link, and notice of their changes.

There is no portable notification, so they are polled every few seconds, at a fraction of a millisecond.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from random import SystemRandom
from typing import Final, Literal, NamedTuple

import ifaddr
import trio

from cellsync import system
from cellsync.node.network import packed

Choice = Literal["all"] | Sequence[str]

POLL_SECONDS: Final = (1.5, 3.0)
NAP: Final = 5.0  # seconds of suspension after which all connections are checked


class Local(NamedTuple):
    """One address of this device."""

    link: int  # index of its interface
    host: str  # IP literal; a link-local one with its `%scope`
    prefix: int  # bits of the network part

    @property
    def network(self) -> IPv4Network | IPv6Network:
        """The network of the addresses on the same link."""
        return ip_network((packed(self.host), self.prefix), strict=False)


class Interfaces:
    """The addresses that may be used, kept up to date while `watch` runs."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._changed = trio.Event()
        self._subscribers: set[trio.MemorySendChannel[None]] = set()
        self.here: tuple[Local, ...] = present(choice)

    async def watch(self) -> None:
        """Look again every few seconds, until cancelled."""
        random = SystemRandom()
        asleep = system.clock.asleep()
        while True:
            await trio.sleep(random.uniform(*POLL_SECONDS))
            before, asleep = asleep, system.clock.asleep()
            if asleep - before > NAP:
                self.tell()  # connections may have died meanwhile, and other devices may have moved
            self.look()

    def look(self) -> None:
        """Look now."""
        here = present(self._choice)
        if here == self.here:
            return
        self.here = here
        self._changed.set()
        self._changed = trio.Event()
        self.tell()

    def tell(self) -> None:
        """Something has changed about these addresses."""
        for subscriber in self._subscribers:
            with suppress(trio.WouldBlock, trio.BrokenResourceError):
                subscriber.send_nowait(None)

    async def other_than(self, known: tuple[Local, ...]) -> tuple[Local, ...]:
        """The addresses, once they differ from `known`."""
        while self.here == known:
            await self._changed.wait()
        return self.here

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[trio.MemoryReceiveChannel[None]]:
        """One item after each change; untaken ones are merged."""
        send, receive = trio.open_memory_channel[None](1)
        self._subscribers.add(send)
        try:
            with send, receive:
                yield receive
        finally:
            self._subscribers.discard(send)


def present(choice: Choice) -> tuple[Local, ...]:
    """The addresses of interfaces that are up: those chosen, or all except loopback."""
    chosen = None if choice == "all" else {packed(host) for host in choice}
    found = []
    try:
        adapters = list(ifaddr.get_adapters())
    except OSError:  # an interface went away while we looked
        return ()
    for adapter in adapters:
        for ip in adapter.ips:
            host, scope = (ip.ip, 0) if isinstance(ip.ip, str) else (ip.ip[0], ip.ip[2])
            address = packed(host)
            wanted = not _is_loopback(address) if chosen is None else address in chosen
            if wanted and system.interfaces.is_up(adapter.name) and _can_be_bound(host, scope):
                literal = f"{host}%{scope}" if scope else host
                found.append(Local(adapter.index or 0, literal, ip.network_prefix))
    return tuple(sorted(found))


def idle() -> frozenset[bytes]:
    """The addresses of interfaces that are down, or whose cable is out, and of no other. An IPv4 address stays there,
    and can be bound; but nothing reaches it."""
    up, down = set[bytes](), set[bytes]()
    with suppress(OSError):  # an interface went away while we looked: its change comes
        for adapter in ifaddr.get_adapters():
            hosts = {packed(ip.ip if isinstance(ip.ip, str) else ip.ip[0]) for ip in adapter.ips}
            (up if system.interfaces.is_up(adapter.name) else down).update(hosts)
    return frozenset(down - up)


def _is_loopback(address: bytes) -> bool:
    return address[0] == 127 if len(address) == 4 else address == bytes(15) + b"\1"


def _can_be_bound(host: str, scope: int) -> bool:
    """False while IPv6 still checks the address for duplicates (RFC 4862, tentative)."""
    where = (host, 0, 0, scope) if ":" in host else (host, 0)
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(where)
    except OSError:
        return False
    return True
