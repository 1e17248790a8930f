"""The node: one device on its networks. Answers, finds, calls, and calls again.

    serve       whoever connects: a session, or the pairing that is open
    announce    a beacon that members recognise
    look        beacons of members: call whom we have no session with
    redial      devices at addresses that worked before, without any broadcast
    tidy        snapshots, old keys

Of two sessions that two devices opened at once, the one called by the smaller device id stays, at both ends. Later the
new one stays: nobody calls who has not lost the old one.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from random import Random
from typing import Final

import trio

from cellsync.core import beacon, caps
from cellsync.core.crypto import channel
from cellsync.core.errors import CellsyncError, Malformed
from cellsync.core.history.chain import name_of
from cellsync.core.ids import DeviceId, SessionSecret
from cellsync.core.session.session import ENTROPY, Acknowledged, Ended, Event, Forked, Opened, Session
from cellsync.core.stage import Plan
from cellsync.core.wire import codec
from cellsync.core.wire.messages import ChainName
from cellsync.node.backoff import Backoff
from cellsync.node.circle import OpenCircle
from cellsync.node.link import Link
from cellsync.node.network import Address, Network, Sighting
from cellsync.node.strangers import Strangers

log = logging.getLogger(__name__)

CARRIER: Final = b"lan"
YIELD: Final = 1.0  # seconds that the device with the greater id lets the other call first
TIDY_AFTER: Final = 3.0  # seconds without news
HEADER_WITHIN: Final = 20.0
BEACONS_CALLED: Final = 256  # the newest, so that a replayed one is not called again
REMEMBERED: Final = 4  # addresses per device
STEADY: Final = 60.0  # seconds after which a link counts as a good one
CROSSING: Final = 5.0  # seconds within which two calls count as made at once

Guest = Callable[[trio.abc.Stream, bytes], Awaitable[None]]
"""Takes a connection that does not open a session, with the bytes already read."""


class Node:
    """Keeps one circle in step with the devices that can be reached."""

    def __init__(self, circle: OpenCircle, secret: SessionSecret, network: Network) -> None:
        self.circle = circle
        self.port = 0  # where we listen, once running
        self.links: dict[DeviceId, Link] = {}
        self.seen: dict[DeviceId, float] = {}  # when a session with a device last said something
        self.delivered: dict[DeviceId, int] = {}  # how many of our own entries a device is known to hold
        self.on_fork: Callable[[ChainName], None] = lambda _: None
        self.changed = trio.Event()  # set, and replaced, when links or what they delivered changed
        self._secret = secret
        self._network = network
        self._surroundings = circle.surroundings
        self._circles = {circle.id: circle}
        self._nursery: trio.Nursery | None = None
        self._addresses: dict[DeviceId, list[Address]] = _remembered(circle)
        self._calling: set[DeviceId] = set()
        self._backoffs: dict[DeviceId, Backoff] = {}
        self._at_once = False  # call as if nobody had failed to answer
        self._redial_again = trio.Event()
        self._since: dict[DeviceId, float] = {}  # when the link with a device was opened
        self._idle = trio.Event()
        self._random = Random(self._surroundings.entropy(16))  # noqa: S311 (for jitter)
        self._beacons_called: deque[bytes] = deque(maxlen=BEACONS_CALLED)
        self._strangers = Strangers()
        self._guests: list[tuple[Callable[[bytes], bool], Guest]] = []
        self._beacon_keys: list[bytes] = []
        self._reshow = trio.Event()
        self.bytes_sent = 0
        self.bytes_received = 0

    # --- life --------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Node]:
        """The node at work, until the block ends."""
        self.circle.watch(self._committed)
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                self.port = await nursery.start(self._serve)
                for task in (self._announce, self._look, self._watch_interfaces, self._redial, self._tidy):
                    nursery.start_soon(task)
                try:
                    yield self
                finally:
                    self._nursery = None
                    nursery.cancel_scope.cancel()
        finally:
            self.circle.unwatch(self._committed)
            # A full disk is no reason not to close: snapshots are only there for speed.
            with trio.CancelScope(shield=True), suppress(CellsyncError):
                await self.save_addresses()
                await self.circle.tidy()

    async def _serve(self, task_status: trio.TaskStatus[int]) -> None:
        await self._network.serve(self._receive, task_status=task_status)

    async def _receive(self, stream: trio.abc.Stream) -> None:
        with self._strangers.waiting(stream):
            await self._answer(stream)

    # --- answering -----------------------------------------------------------------------------------------

    async def _answer(self, stream: trio.abc.Stream) -> None:
        header = b""
        try:
            with trio.move_on_after(HEADER_WITHIN):
                while len(header) < channel.HEADER_BYTES:
                    data = await stream.receive_some(4096)
                    if not data:
                        return
                    header += data
        except trio.BrokenResourceError:
            return
        for matches, guest in self._guests:
            if len(header) >= channel.HEADER_BYTES and matches(header[: channel.HEADER_BYTES]):
                self._strangers.proved(stream)
                await guest(stream, header)
                return
        entropy = self._surroundings.entropy(ENTROPY)
        session = Session.answer([self.circle], self._secret, CARRIER, entropy, trio.current_time())
        await self._run(Link(session, stream, self._circles, self._report), header)

    @asynccontextmanager
    async def guest(self, matches: Callable[[bytes], bool], guest: Guest, beacon_key: bytes) -> AsyncIterator[None]:
        """While the block lasts, connections that `matches` go to `guest`, and the beacon shows `beacon_key`."""
        entry = (matches, guest)
        self._guests.append(entry)
        self._beacon_keys.append(beacon_key)
        self._show_again()
        try:
            yield
        finally:
            self._guests.remove(entry)
            self._beacon_keys.remove(beacon_key)
            self._show_again()

    # --- calling -------------------------------------------------------------------------------------------

    async def call(self, device: DeviceId, address: Address) -> None:
        """Call a device at an address, and stay with it until the session ends. Raises NoPeer, PeerError."""
        key = self.circle.key_of(device)
        if key is None or device in self.links or device in self._calling:
            return
        self._calling.add(device)
        try:
            stream = await self._network.dial(address)
            session = Session.call(
                [self.circle], self.circle.id, (device, key), self._secret, CARRIER,
                self._surroundings.entropy(ENTROPY), trio.current_time(),
            )  # fmt: skip
            link = Link(session, stream, self._circles, self._report)
            link.address = address
            await self._run(link)
        finally:
            self._calling.discard(device)
            self._redial_again.set()

    async def _run(self, link: Link, already: bytes = b"") -> None:
        began = trio.current_time()
        try:
            await link.run(already)
        finally:
            self.bytes_sent += link.sent
            self.bytes_received += link.received
            if link.device is not None and self.links.get(link.device) is link:
                del self.links[link.device]
                if trio.current_time() - began > STEADY:
                    self._backoffs.pop(link.device, None)
                self._redial_again.set()
                self.wake()

    def _report(self, link: Link, event: Event) -> None:
        device = link.device
        if device is None:
            return
        self.seen[device] = trio.current_time()
        match event:
            case Opened():
                self._strangers.proved(link.stream)
                self._calling.discard(device)
                self._keep_one(device, link)
            case Acknowledged(circle):
                own = self.circle.own_chain
                reached = link.session.delivered(circle).get(own, 0) if own is not None else 0
                self.delivered[device] = max(reached, self.delivered.get(device, 0))
                self.wake()
            case Forked(_, chain):
                self.on_fork(chain)
            case Ended():
                self.wake()

    def _keep_one(self, device: DeviceId, link: Link) -> None:
        other = self.links.get(device)
        if other is not None and other is not link:
            # Two in one direction: the caller has lost the older one, even if we have not heard of it.
            smaller_calls = self.circle.device < device
            crossing = link.called is not other.called and trio.current_time() - self._since[device] < CROSSING
            if crossing and link.called is not smaller_calls:
                link.close()
                return
            other.close()
        self.links[device] = link
        self._since[device] = trio.current_time()
        if link.address is not None:
            self._remember(device, link.address)
        self.wake()

    def wake(self) -> None:
        """Whoever waits for `changed` looks again."""
        self.changed.set()
        self.changed = trio.Event()

    # --- finding -------------------------------------------------------------------------------------------

    async def _announce(self) -> None:
        while True:
            shown = self._reshow = trio.Event()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._network.announce, self._beacon)
                await shown.wait()
                nursery.cancel_scope.cancel()

    def _show_again(self) -> None:
        self._reshow.set()

    def _beacon(self, addresses: tuple[Address, ...]) -> bytes:
        now, entropy = self._surroundings.now(), self._surroundings.entropy
        nonce, period = entropy(beacon.NONCE), beacon.period_of(now)
        shown = [(self.circle.epochs.today(now).discovery.reveal(), bytes(self.circle.device))]
        shown += [(key, b"") for key in self._beacon_keys]
        tags = [
            beacon.tag(key, nonce, who, address.packed, address.port, period)
            for key, who in shown
            for address in addresses
        ]
        return beacon.make(tags, nonce, entropy(beacon.ENTROPY))

    async def _look(self) -> None:
        async with self._network.sightings() as sightings:
            async for sighting in sightings:
                found = self._recognise(sighting)
                # Each beacon is called once: somebody who replays one must not use up what the callee accepts of us
                # in a day. If the call fails, `_redial` tries again, ever more rarely.
                if found is not None and self._nursery is not None and sighting.blob not in self._beacons_called:
                    self._beacons_called.append(sighting.blob)
                    self._nursery.start_soon(self._call_politely, *found)

    def _recognise(self, sighting: Sighting) -> tuple[DeviceId, Address] | None:
        now = self._surroundings.now()
        others = [device for device in self.circle.others() if device not in self.links]
        if not others or not sighting.addresses:
            return None
        candidates = [
            (states.discovery.reveal(), bytes(device))
            for states in self.circle.epochs.discovery_states(now)
            for device in others
        ]
        for port in {address.port for address in sighting.addresses}:
            packed = [address.packed for address in sighting.addresses if address.port == port]
            found = beacon.match(sighting.blob, candidates, packed, port, now)
            if found is not None:
                address = next(a for a in sighting.addresses if a.packed == found.address and a.port == port)
                return DeviceId(found.who), address
        return None

    async def _call_politely(self, device: DeviceId, address: Address) -> None:
        """Call whom we have seen; if both see each other at once, the smaller id goes first."""
        if device < self.circle.device:
            await trio.sleep(YIELD * self._random.uniform(0.5, 1.5))
        self._remember(device, address)
        await self._try(device, address)

    async def _try(self, device: DeviceId, address: Address) -> bool:
        try:
            await self.call(device, address)
        except CellsyncError:
            return False
        except Exception as error:  # a bug met on one call must not end the others; no content, so no text of it
            log.error("a call failed: %s", type(error).__name__)
            return False
        return True

    async def _redial(self) -> None:
        """Call devices at the addresses where they were, again and again, ever more rarely.

        A session that opens and breaks off soon, on a full disk say, counts as a failure too: each opening uses up
        a little of what a callee accepts in a day.
        """
        due: dict[DeviceId, float] = {}
        while True:
            now = trio.current_time()
            for device in self.circle.others():
                known = self._addresses.get(device)
                if not known or device in self.links or device in self._calling:
                    due.pop(device, None)
                elif device not in due:
                    due[device] = now + self._backoffs.setdefault(device, Backoff(self._random)).next()
                elif now >= due[device] and self._nursery is not None:
                    del due[device]
                    self._nursery.start_soon(self._try, device, known[0])
                    self._addresses[device] = [*known[1:], known[0]]  # another one next time
            again = self._redial_again = trio.Event()
            with trio.move_on_at(min(due.values(), default=math.inf)), trio.move_on_after(30):
                await again.wait()
            if self._at_once:
                self._at_once = False
                due = dict.fromkeys(self._addresses, -math.inf)  # else whoever asks again and again never calls
                self._backoffs.clear()

    def call_now(self) -> None:
        """Forget how long ago a call failed: something has changed, or somebody waits."""
        self._at_once = True
        self._redial_again.set()

    async def _watch_interfaces(self) -> None:
        async with self._network.changes() as changes:
            async for _ in changes:
                self.call_now()

    # --- remembering addresses -------------------------------------------------------------------------------

    def _remember(self, device: DeviceId, address: Address) -> None:
        known = self._addresses.get(device, [])
        if known and known[0] == address:
            return
        self._addresses[device] = [address, *(other for other in known if other != address)][:REMEMBERED]
        self._idle.set()

    async def save_addresses(self) -> None:
        async with self.circle.lock:
            self.circle.store.keep("addresses", encode_addresses(self._addresses))

    async def add_address(self, device: DeviceId, address: Address) -> None:
        """Where a device can be called, told by a person."""
        self._remember(device, address)
        self.call_now()

    # --- news and tidying --------------------------------------------------------------------------------------

    def _committed(self, plan: Plan, source: object) -> None:
        arrivals = plan.commit.arrivals
        if not arrivals:
            return
        grown = {arrival.chain for arrival in arrivals}
        rows = {name_of(chain): (chain.length, chain.head) for chain in plan.commit.chains if chain.number in grown}
        for link in self.links.values():
            if source is not None and link is not source:
                link.tell(self.circle.id, rows)
            link.news(arrivals[0].number, arrivals[-1].number, local=source is None)
        self._idle.set()
        if plan.controls:
            self._show_again()
        self.wake()

    async def _tidy(self) -> None:
        while True:
            await self._idle.wait()
            while self._idle.is_set():
                self._idle = trio.Event()
                with trio.move_on_after(TIDY_AFTER):
                    await self._idle.wait()
            try:
                await self.save_addresses()
                await self.circle.tidy()
            except CellsyncError:
                await trio.sleep(30)  # a full disk: snapshots can wait


def encode_addresses(known: Mapping[DeviceId, list[Address]]) -> bytes:
    """For the circle's own database: where its devices were last."""
    return codec.encode([[device, [list(address) for address in addresses]] for device, addresses in known.items()])


def _remembered(circle: OpenCircle) -> dict[DeviceId, list[Address]]:
    try:
        rows = codec.decode(circle.store.kept("addresses") or b"\x90", caps.ENTRY, "addresses")
        return {
            DeviceId(device): [Address(str(ip_address(host.partition("%")[0])) and host, port) for host, port in known]
            for device, known in rows
        }
    except (Malformed, ValueError, TypeError):
        return {}  # where people were is worth no error
