"""Multicast DNS, by zeroconf in threads of its own: shows beacons and sees those of other devices.

The rules (protocol/60-lan.md):

1. A record contains nothing but a beacon, a port and addresses. Instance and host names are random and change
   with the beacon; the new record is shown before the old one says goodbye, so there is no gap.
2. Each link has its own responder, on sockets bound to that link, and its own record, with the addresses of that
   link: a network does not learn where else this device is, nor who is there.
3. Unicast questions from beyond the link are not answered (RFC 6762, section 11).
4. Of a record's addresses only those of hosts on its link are passed on: nobody there makes us call elsewhere.
5. Input from strangers is bounded: at most 64 names wait, 4 are queried concurrently, 64 sightings wait; the rest is
   dropped. A complete record never queues behind queries for others.

zeroconf runs asyncio in its thread. We hand it coroutines and get results back through the trio token; its
callbacks run in its thread, so they must not block or raise, and only append to bounded queues.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from itertools import groupby
from random import SystemRandom
from typing import Any, Final, Protocol, TypeVar

import trio
from zeroconf import NotRunningException, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo

from cellsync.node.interfaces import Interfaces, Local
from cellsync.node.network import Address, MakeBlob, Sighting, is_one_host, packed
from cellsync.node.responder import LinkResponder

LINKS: Final = 8  # interfaces with a responder, on a machine with many virtual ones
ADDRESSES: Final = 8  # in one record, ours or another device's
WAITING: Final = 64  # names, and sightings
QUESTIONS: Final = 4  # names queried concurrently
QUESTION_MS: Final = 1500
ROTATE_SECONDS: Final = (240.0, 300.0)  # at most one period of the beacon
REOPEN_SECONDS: Final = (2.0, 4.0)
CLOSE_SECONDS: Final = 0.8
RECORD_TTL: Final = (
    1125  # s: zeroconf keeps pointers at least this long, so a smaller number would say what nobody does
)
KEY: Final = b"t"  # of the TXT record

T = TypeVar("T")
log = logging.getLogger(__name__)
random = SystemRandom()


class Ports(Protocol):
    """The ports on which this device listens, by link."""

    async def port_on(self, link: int) -> int:
        """The port, once it listens there."""
        ...

    async def port_other_than(self, link: int, port: int) -> None:
        """Wait until the port is a different one."""
        ...


class Discovery:
    """The responders of all links, while `run` runs."""

    def __init__(self, interfaces: Interfaces, service_type: str) -> None:
        self._interfaces = interfaces
        self._type = service_type
        self._links: set[LocalLink] = set()
        self._turn = trio.Event()
        self._own: set[str] = set()  # instance names; zeroconf shows us ourselves

    async def run(self) -> None:
        """Keep one responder on each link, renewed when its addresses change, until cancelled."""
        # Its warnings quote input from strangers.
        logging.getLogger("zeroconf").setLevel(logging.CRITICAL)
        kept: dict[tuple[Local, ...], trio.CancelScope] = {}
        async with trio.open_nursery() as nursery:
            while True:
                here = self._interfaces.here
                wanted = [tuple(group) for _, group in groupby(here, lambda local: local.link)][:LINKS]
                for gone in kept.keys() - set(wanted):
                    kept.pop(gone).cancel()
                for link in wanted:
                    if link not in kept:
                        kept[link] = trio.CancelScope()
                        nursery.start_soon(self._keep, link, kept[link])
                await self._interfaces.other_than(here)

    async def announce(self, ports: Ports, make_blob: MakeBlob) -> None:
        """Show a beacon on every link, until cancelled."""
        await self._on_each_link(lambda link: self._announce(link, ports, make_blob))

    @asynccontextmanager
    async def sightings(self) -> AsyncIterator[trio.MemoryReceiveChannel[Sighting]]:
        """The beacons of others on every link."""
        send, receive = trio.open_memory_channel[Sighting](WAITING)
        with send, receive:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._on_each_link, lambda link: self._browse(link, send))
                yield receive
                nursery.cancel_scope.cancel()

    async def _keep(self, addresses: tuple[Local, ...], scope: trio.CancelScope) -> None:
        with scope:
            link = await _open(addresses)
            try:
                self._links.add(link)
                self._next_turn()
                await trio.sleep_forever()
            finally:
                self._links.discard(link)
                await link.close()

    def _next_turn(self) -> None:
        self._turn.set()
        self._turn = trio.Event()

    async def _on_each_link(self, job: Callable[[LocalLink], Awaitable[None]]) -> None:
        started: set[LocalLink] = set()
        async with trio.open_nursery() as nursery:
            while True:
                for link in self._links - started:
                    nursery.start_soon(link.run, job)
                started = set(self._links)
                await self._turn.wait()

    async def _announce(self, link: LocalLink, ports: Ports, make_blob: MakeBlob) -> None:
        shown: AsyncServiceInfo | None = None
        try:
            while True:
                port = await ports.port_on(link.index)
                addresses = tuple(Address(local.host, port) for local in link.addresses[:ADDRESSES])
                fresh = self._record(addresses, make_blob(addresses))
                self._own.add(fresh.name)
                before, shown = shown, fresh
                await link.call(_register(link.zeroconf, fresh))
                if before is not None:
                    await link.call(_unregister(link.zeroconf, before))
                    self._own.discard(before.name)
                with trio.move_on_after(random.uniform(*ROTATE_SECONDS)):
                    await ports.port_other_than(link.index, port)
        finally:
            if shown is not None and not link.over.is_set():
                with trio.move_on_after(CLOSE_SECONDS, shield=True):
                    await link.call(_unregister(link.zeroconf, shown))
                self._own.discard(shown.name)

    def _record(self, addresses: tuple[Address, ...], blob: bytes) -> AsyncServiceInfo:
        return AsyncServiceInfo(
            self._type,
            f"{secrets.token_hex(8)}.{self._type}",
            port=addresses[0].port,
            addresses=[address.packed for address in addresses],
            properties={KEY: blob},
            server=f"{secrets.token_hex(8)}.local.",  # the default would be the instance name
            other_ttl=RECORD_TTL,
        )

    async def _browse(self, link: LocalLink, send: trio.MemorySendChannel[Sighting]) -> None:
        seen = _Seen(self._type, self._own, link)
        browser = await link.call(_browser(link.zeroconf, self._type, seen))
        try:
            async with trio.open_nursery() as nursery:
                for _ in range(QUESTIONS):
                    nursery.start_soon(seen.ask)
                while True:
                    sighting = await seen.next()
                    with suppress(trio.WouldBlock):
                        send.send_nowait(sighting)
        finally:
            if not link.over.is_set():
                with trio.move_on_after(CLOSE_SECONDS, shield=True):
                    await link.call(browser.async_cancel())


class LocalLink:
    """One interface with its responder."""

    def __init__(self, zeroconf: Zeroconf, addresses: tuple[Local, ...]) -> None:
        self.zeroconf = zeroconf
        self.addresses = addresses
        self.index = addresses[0].link
        self.networks = [local.network for local in addresses]
        self.over = trio.Event()

    def reaches(self, host: str) -> bool:
        """Whether an IP literal is that of one host on this link."""
        address = ip_address(packed(host))
        return is_one_host(address, self.networks) and any(address in network for network in self.networks)

    async def run(self, job: Callable[[LocalLink], Awaitable[None]]) -> None:
        """Do `job` until this link is over."""
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def stop() -> None:
                await self.over.wait()
                nursery.cancel_scope.cancel()

            await job(self)

    async def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in zeroconf's thread and wait for it here."""
        loop = self.zeroconf.loop
        if self.over.is_set() or loop is None:
            coroutine.close()
            return await trio.sleep_forever()  # `run` cancels us
        done = trio.Event()
        token = trio.lowlevel.current_trio_token()
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        future.add_done_callback(lambda _: _post(token, done.set))
        try:
            await done.wait()
        except trio.Cancelled:
            future.cancel()
            raise
        try:
            return future.result()
        except NotRunningException:
            return await trio.sleep_forever()

    async def close(self) -> None:
        """End what runs on it, say goodbye, close the sockets: under a second."""
        self.over.set()
        with trio.move_on_after(CLOSE_SECONDS, shield=True):
            await trio.to_thread.run_sync(_close, self.zeroconf, abandon_on_cancel=True)


class _Seen:
    """The records and the names to query that zeroconf's thread saw on one link."""

    def __init__(self, service_type: str, own: set[str], link: LocalLink) -> None:
        self._type = service_type
        self._own = own
        self._link = link
        self._sightings = deque[Sighting](maxlen=WAITING)
        self._names = deque[str](maxlen=WAITING)
        self._waiting = trio.lowlevel.ParkingLot()
        self._token = trio.lowlevel.current_trio_token()

    def on_change(self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        """Called in zeroconf's thread."""
        with suppress(Exception):  # whatever a stranger put into the record
            if state_change is ServiceStateChange.Removed or name in self._own:
                return
            info = AsyncServiceInfo(self._type, name)
            if info.load_from_cache(zeroconf):
                self._note(info)
            else:
                self._names.append(name)
            # Idempotent: however many changes, only one wake-up is queued.
            _post(self._token, self._waiting.unpark_all, idempotent=True)

    async def next(self) -> Sighting:
        """The next sighting, oldest first."""
        while not self._sightings:
            await self._waiting.park()
        return self._sightings.popleft()

    async def ask(self) -> None:
        """Query the network for incomplete names, in turn, until cancelled."""
        while True:
            while not self._names:
                await self._waiting.park()
            info = AsyncServiceInfo(self._type, self._names.popleft())
            if await self._link.call(_request(self._link.zeroconf, info)):
                self._note(info)
                self._waiting.unpark_all()

    def _note(self, info: AsyncServiceInfo) -> None:
        blob = info.properties.get(KEY)
        hosts = [host for host in info.parsed_scoped_addresses() if self._link.reaches(host)][:ADDRESSES]
        if blob and hosts and info.port:
            self._sightings.append(Sighting(blob, tuple(Address(host, info.port) for host in hosts)))


async def _open(addresses: tuple[Local, ...]) -> LocalLink:
    while True:
        try:
            return LocalLink(await trio.to_thread.run_sync(LinkResponder, addresses), addresses)
        except (OSError, RuntimeError, NotRunningException) as error:
            # The interface went away again, or another program holds the port for itself.
            log.info("no multicast on a link: %s", type(error).__name__)
        await trio.sleep(random.uniform(*REOPEN_SECONDS))


def _close(zeroconf: Zeroconf) -> None:
    with suppress(Exception):  # an interface that is gone cannot hear a goodbye
        zeroconf.close()


async def _register(zeroconf: Zeroconf, info: AsyncServiceInfo) -> None:
    # Names of 64 random bits need no probing, which would take a second and show the name twice.
    await (await zeroconf.async_register_service(info, cooperating_responders=True))


async def _unregister(zeroconf: Zeroconf, info: AsyncServiceInfo) -> None:
    await (await zeroconf.async_unregister_service(info))


async def _browser(zeroconf: Zeroconf, service_type: str, seen: _Seen) -> AsyncServiceBrowser:
    return AsyncServiceBrowser(zeroconf, service_type, handlers=[seen.on_change])


async def _request(zeroconf: Zeroconf, info: AsyncServiceInfo) -> bool:
    return await info.async_request(zeroconf, QUESTION_MS)


def _post(token: trio.lowlevel.TrioToken, call: Callable[[], object], *, idempotent: bool = False) -> None:
    with suppress(trio.RunFinishedError):
        token.run_sync_soon(call, idempotent=idempotent)
