"""The node: one device on its networks. Answers, finds, calls, and calls again.

    serve       whoever connects: a session, or the pairing that is open
    announce    a beacon that members recognise
    look        beacons of members: call whom we have no session with
    search      beacons of members whose clocks are far off, while a user waits (node/searching.py)
    redial      devices at addresses that worked before, without any broadcast
    locate      tell the peers where we listen, and where others were met
    tidy        snapshots, old keys

Of two sessions that two devices opened at once, the one called by the holder of the smaller session key stays, at both
ends. Later the new one stays: nobody calls who has not lost the old one.

A session proves a key, and everything that is known by device (links, what was delivered) is noted for every device
that has this key: so a coordinator who introduces somebody's key once more shadows nobody.

A callee does not say why it is silent; it may be that the two clocks are more than a day apart. So a caller that gets
no answer tries the days on which the other may be, one after the other; while a user waits, also days that it guesses.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from ipaddress import ip_address
from random import Random
from typing import Final

import trio

from cellsync.core import beacon, caps
from cellsync.core.crypto import channel, primitives
from cellsync.core.errors import CellsyncError, NoCommonVersion, NoPeer
from cellsync.core.history.chain import head_of
from cellsync.core.ids import DeviceId, Millis, SessionPublic, SessionSecret, day_of
from cellsync.core.membership import clocks
from cellsync.core.membership.epochs import SessionKey
from cellsync.core.session.exchange import Balance
from cellsync.core.session.session import (
    ENTROPY,
    HANG_UP_ENTROPY,
    Acknowledged,
    Answered,
    Apart,
    Called,
    Ended,
    Event,
    Located,
    Measured,
    Opened,
    Session,
    State,
    growth,
    hang_up_at,
)
from cellsync.core.stage import Plan
from cellsync.core.versions import SPOKEN, Versions
from cellsync.core.wire.messages import Places
from cellsync.core.wire.places import Frontier
from cellsync.node import remembered
from cellsync.node.backoff import Backoff
from cellsync.node.circle import CLOCKS, OpenCircle
from cellsync.node.link import Link
from cellsync.node.network import Address, AskedFor, Ends, Here, Network, Sighting, without_scope
from cellsync.node.remembered import Spoken
from cellsync.node.searching import Search
from cellsync.node.sites import SITES, UNRECOGNISED, Site, Sites
from cellsync.node.spots import Spots, at_end
from cellsync.node.strangers import Strangers

log = logging.getLogger(__name__)

CARRIER: Final = b"lan"
YIELD: Final = 1.0  # seconds that the device with the greater id lets the other call first
TIDY_AFTER: Final = 3.0  # seconds without news
KEEP_AFTER: Final = 3600.0  # seconds after which it is kept who was seen, also without news
CHUNK: Final = 4096  # bytes of a stranger's that are read at once
SEEMS_OFF: Final = 1_800_000  # ms: a record that nobody took back is cached for twenty minutes, and looks that old
ANSWER_WITHIN: Final = 2.0  # seconds until a call is tried under another day's key as well
FURTHER_EVERY: Final = 0.5  # seconds between further days that are tried
FURTHER_AT_ONCE: Final = 6  # of these at the same time
BEACONS_CALLED: Final = 256  # the newest, so that a replayed one is not called again
NEXT_ADDRESS: Final = 0.3  # seconds after which a device is called at its next address, too
TELL_EVERY: Final = 10.0  # seconds between two tellings of where devices are
HEARD_CALLS_EVERY: Final = 60.0  # seconds between two calls of a device for what others said of it
STEADY: Final = 60.0  # seconds after which a link counts as a good one
RECOGNISED_WITHIN: Final = 10.0  # seconds until a network that we have come to is told from the one before
CROSSING: Final = 5.0  # seconds within which two calls count as made at once
LOOKED_FOR: Final = 2 * caps.DEVICES  # devices whose beacons are looked for

Guest = Callable[[trio.abc.Stream, bytes, float], Awaitable[None]]
"""Takes a connection that does not open a session, with the bytes already read, and when to leave it if it fails."""


class Node:
    """Keeps one circle in step with the devices that can be reached."""

    def __init__(
        self, circle: OpenCircle, secret: SessionSecret, network: Network, versions: Versions = SPOKEN
    ) -> None:
        self.circle = circle
        self.versions = versions  # of the protocol, that we speak
        self.links: dict[DeviceId, Link] = {}
        # How many of our own entries a device is known to hold; of those not connected now, when each was last heard,
        # and the digest of what both held then, if it was the same.
        self.delivered, self.seen, self._in_step = remembered.reached(circle)
        self.changed = trio.Event()  # set, and replaced, when links or what is known of the others changed
        self._secret = secret
        self._key = primitives.session_public(secret)
        self._network = network
        self._surroundings = circle.surroundings
        self._circles = {circle.id: circle}
        self._nursery: trio.Nursery | None = None
        self.spots = Spots(remembered.spots(circle))
        self._sites = Sites(
            circle.store.kept(SITES), lambda table: circle.keep(SITES, table), circle.surroundings.now,
            circle.surroundings.entropy,
        )  # fmt: skip
        self._heard_of: dict[DeviceId, float] = {}  # when what others said last made us call a device
        self._moved = trio.Event()  # what the peers are to be told may have changed
        self._sites_here: frozenset[Site] | None = None  # as they were looked at last
        self._spoken = remembered.versions(circle)  # when they last proved it
        self._parted: dict[DeviceId, float] = {}  # when they and we last found no version in common
        self._calling: set[DeviceId] = set()
        self._attempts: dict[DeviceId, list[Link]] = {}  # calls to one device under several days
        self.guesses: dict[DeviceId, int] = {}  # by how many ms a clock seems to be ahead, until it is measured
        self.unanswered: dict[DeviceId, float] = {}  # when somebody took our call where a device was, and said nothing
        self._search = Search(circle, self._missing, self._trace)
        self._backoffs: dict[DeviceId, Backoff] = {}
        self._at_once = True  # call as if nobody had failed to answer
        self._soon: set[DeviceId] = set()  # devices to call once, whatever failed before
        self._redial_again = trio.Event()
        self._since: dict[DeviceId, float] = {}  # when the link with a device was opened
        self._idle = trio.Event()
        self._random = Random(self._surroundings.entropy(16))  # noqa: S311 (for jitter)
        self._beacons_called: deque[bytes] = deque(maxlen=BEACONS_CALLED)
        self._strangers = Strangers()
        self._guests: list[tuple[Callable[[bytes], bool], Guest]] = []
        self._beacon_keys: list[bytes] = []
        self._reshow = trio.Event()
        self._showing = 0  # how many want to be seen
        self._hidden = False  # nothing is shown unless somebody wants to be seen
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
                await nursery.start(self._serve)
                for task in (
                    self._announce,
                    self._look,
                    self._search.run,
                    self._watch_interfaces,
                    self._redial,
                    self._locate,
                    self._tidy,
                ):
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
                await self._keep_what_is_known()
                await self.circle.tidy()

    async def _serve(self, task_status: trio.TaskStatus[int]) -> None:
        await self._network.serve(self._receive, self._sites, task_status=task_status)

    @property
    def port(self) -> int:
        """Where we listen on the first of our networks; 0 if we are on none."""
        return next((address.port for here in self._here() for address in here.addresses), 0)

    def listens(self) -> list[Address]:
        """Where we listen, on all of our networks."""
        return [address for here in self._here() for address in here.addresses]

    async def _receive(self, stream: trio.abc.Stream) -> None:
        with self._strangers.waiting(stream), suppress(trio.BrokenResourceError):
            await self._answer(stream, hang_up_at(self._surroundings.entropy(HANG_UP_ENTROPY), trio.current_time()))

    # --- answering -----------------------------------------------------------------------------------------

    async def _answer(self, stream: trio.abc.Stream, hang_up: float) -> None:
        """Hand the connection to whom it is for; a stranger's is left at `hang_up`, whatever failed."""
        guest: Guest | None = None
        session: Session | None = None
        with trio.move_on_at(hang_up):
            header = await _header(stream)
            guest = next((guest for matches, guest in self._guests if matches(header[: channel.HEADER_BYTES])), None)
            if guest is None and (session := await self._opened(stream, header, hang_up)) is None:
                await _swallow(stream)
        if guest is not None:
            self._strangers.proved(stream)
            await guest(stream, header, hang_up)
        elif session is not None:
            self._strangers.called(stream, session.device)
            await self._run(self._link(session, stream))

    async def _opened(self, stream: trio.abc.Stream, data: bytes, hang_up: float) -> Session | None:
        """The session that these bytes, and what follows, open; its answer is ready. None if they do not."""
        session = Session.answer(
            [self.circle], self._secret, CARRIER, self._surroundings.entropy(ENTROPY), trio.current_time(), hang_up,
            clock=self._surroundings.now(), versions=self.versions,
        )  # fmt: skip
        while data and session.state is State.LISTENING:
            self.bytes_received += len(data)
            for event in session.receive(data, trio.current_time()):
                if isinstance(event, Called):
                    if await self.circle.accept_ephemeral(event.day, event.device, event.ephemeral):
                        session.accept()
                    else:
                        session.ignore()
            if session.state is State.LISTENING:
                data = bytes(await stream.receive_some(CHUNK))
        return session if session.state in (State.TALKING, State.PARTING) else None

    @asynccontextmanager
    async def guest(self, matches: Callable[[bytes], bool], guest: Guest, beacon_key: bytes) -> AsyncIterator[None]:
        """While the block lasts, connections that `matches` go to `guest`, and the beacon shows `beacon_key`."""
        entry = (matches, guest)
        self._guests.append(entry)
        self._beacon_keys.append(beacon_key)
        self._show_again()
        try:
            with self.showing():
                yield
        finally:
            self._guests.remove(entry)
            self._beacon_keys.remove(beacon_key)
            self._show_again()

    # --- calling -------------------------------------------------------------------------------------------

    async def call(self, device: DeviceId, *addresses: Address) -> None:
        """Call a device at one of these addresses, and stay until the session ends. Raises NoPeer, PeerError."""
        key = self.circle.key_of(device)
        if key is None or device in self.links or device in self._calling:
            return
        self._calling.add(device)
        left = list(addresses)
        try:
            while left:
                stream, address = await self._dial_any(device, left)
                left.remove(address)
                if await self._call_under_keys(device, key, address, stream):
                    return
                self.spots.failed(device, address)  # it is somebody else who listens there
        finally:
            self._calling.discard(device)
            self._redial_again.set()
            self.wake()

    async def _call_under_keys(
        self, device: DeviceId, static: SessionPublic, address: Address, first: trio.abc.Stream
    ) -> bool:
        """Call under the likely days' keys until the device answers to one; then stay with that session.

        Whether there was one. The first call goes over the stream that is there already.

        Who holds no key of the day under which it is called is silent, as towards a stranger; else it answers at once.
        """
        likely = self.circle.calling_keys(device, self.guesses.get(device))
        stream: trio.abc.Stream | None = first
        attempts = self._attempts[device] = []
        try:
            async with trio.open_nursery() as nursery:
                for key in likely:
                    stream = stream or await self._dial_again(device, address)
                    if stream is None:
                        break
                    nursery.start_soon(self._attempt, self._attempted(device, static, address, key, stream))
                    stream = None
                    await self._unanswered(device, ANSWER_WITHIN)
                for key in self.circle.further_keys() if self._search.wanted else ():
                    stream = await self._dial_again(device, address) if self._search.wanted else None
                    if stream is None:
                        break
                    if len(attempts) >= len(likely) + FURTHER_AT_ONCE:
                        attempts[-FURTHER_AT_ONCE].give_up()
                    nursery.start_soon(self._attempt, self._attempted(device, static, address, key, stream))
                    await self._unanswered(device, FURTHER_EVERY)
            return device in self.links or any(link.opened.is_set() for link in attempts)
        finally:
            del self._attempts[device]

    def _attempted(
        self, device: DeviceId, static: SessionPublic, address: Address, key: SessionKey, stream: trio.abc.Stream
    ) -> Link:
        session = Session.call(
            [self.circle], self.circle.id, (device, static), self._secret, CARRIER,
            self._surroundings.entropy(ENTROPY), trio.current_time(), clock=self._surroundings.now(), key=key,
            versions=self.versions,
        )  # fmt: skip
        link = self._link(session, stream)
        link.address = address
        self._attempts[device].append(link)
        return link

    async def _attempt(self, link: Link) -> None:
        try:
            await self._run(link)
        finally:
            link.over.set()
            self.wake()

    async def _dial_again(self, device: DeviceId, address: Address) -> trio.abc.Stream | None:
        """Another connection; None if there is a session meanwhile, or nobody answers there any more."""
        if device in self.links or any(link.opened.is_set() for link in self._attempts[device]):
            return None
        with suppress(NoPeer):
            return await self._network.dial(address)
        return None

    async def _unanswered(self, device: DeviceId, seconds: float) -> None:
        """Return after so many seconds, or as soon as there is a session or none can come of these attempts."""
        with trio.move_on_after(seconds):
            while device not in self.links and not all(link.over.is_set() for link in self._attempts[device]):
                await self.changed.wait()
        if device not in self.links and not any(link.opened.is_set() for link in self._attempts[device]):
            self.unanswered[device] = trio.current_time()

    async def _dial_any(self, device: DeviceId, addresses: Sequence[Address]) -> tuple[trio.abc.Stream, Address]:
        """The first connection that comes about; each address is tried a moment after the last, or when that failed."""
        won: list[tuple[trio.abc.Stream, Address]] = []

        async def dial(address: Address, failed: trio.Event) -> None:
            try:
                stream = await self._network.dial(address)
            except NoPeer:
                self.spots.failed(device, address)
                failed.set()
                return
            if won:
                await trio.aclose_forcefully(stream)
            else:
                won.append((stream, address))
                nursery.cancel_scope.cancel()

        try:
            async with trio.open_nursery() as nursery:
                for address in addresses:
                    failed = trio.Event()
                    nursery.start_soon(dial, address, failed)
                    with trio.move_on_after(NEXT_ADDRESS):
                        await failed.wait()
        except BaseException:
            for stream, _ in won:
                await trio.aclose_forcefully(stream)
            raise
        if not won:
            raise NoPeer
        return won[0]

    def _link(self, session: Session, stream: trio.abc.Stream) -> Link:
        return Link(session, stream, self._circles, self._report, self._surroundings.now)

    async def ping(self, device: DeviceId) -> float:
        """Seconds that a round trip takes, after calling the device if need be. Raises NoPeer, NoCommonVersion."""
        for _ in range(3):  # one breaks off; of two that are opened at once then, the first may be the one that goes
            link = self.links.get(device) or await self._reach(device)
            began, number = trio.current_time(), link.ask()
            while self.links.get(device) is link:
                if link.session.answered >= number:
                    return trio.current_time() - began
                await self.changed.wait()
        raise NoPeer("the connection broke off")

    async def _reach(self, device: DeviceId) -> Link:
        """Call a device, until there is a link. Raises NoPeer, NoCommonVersion."""
        began = trio.current_time()
        while device in self._calling and device not in self.links:
            await self.changed.wait()
        if device not in self.links:
            await self._start_calling(device)
        if device not in self.links:
            raise (self.apart(device) if self.parted_since(began, device) else None) or NoPeer
        return self.links[device]

    async def _start_calling(self, device: DeviceId) -> None:
        """Call, and return as soon as there is a link, or as it is clear that there will be none."""
        over = trio.Event()

        async def call() -> None:
            try:
                await self._try(device, *self._callable(device))
            finally:
                over.set()
                self.wake()

        if self._nursery is not None:
            self._nursery.start_soon(call)
            while device not in self.links and not over.is_set():
                await self.changed.wait()

    def balance(self, device: DeviceId) -> Balance | None:
        """What we and a device hold that the other lacks; None while it is not connected, or has not said."""
        link = self.links.get(device)
        return None if link is None else link.session.balance(self.circle.id)

    async def _run(self, link: Link, already: bytes = b"") -> None:
        began = trio.current_time()
        try:
            await link.run(already)
        finally:
            self.bytes_sent += link.sent
            self.bytes_received += link.received
            for device in [device for device, other in self.links.items() if other is link]:
                del self.links[device]
                self._note_seen(device, link)
                self._idle.set()
                if trio.current_time() - began > STEADY:
                    self._backoffs.pop(device, None)
                self._redial_again.set()
                self.wake()

    def _report(self, link: Link, event: Event) -> None:
        if link.device is None:
            return
        devices = self.circle.devices_with(link.session.remote) or (link.device,)
        match event:
            case Opened():
                self._strangers.proved(link.stream)
                for device in devices:
                    self.unanswered.pop(device, None)
                for attempt in self._attempts.get(link.device, ()):
                    if attempt is not link:
                        attempt.give_up()
                self._note_versions(devices, link)
                self._keep_one(devices, link)
            case Apart():
                self._note_versions(devices, link)
                for device in devices:
                    self._parted[device] = trio.current_time()
                    self._note_seen(device, link)
                self.wake()
            case Measured(difference):
                self.circle.clocks.note(devices[0], difference)
                for device in devices:
                    self.guesses.pop(device, None)
                self._idle.set()  # to be kept
                if difference.notable:
                    self._show_again()
                self.wake()
            case Located(_, places):
                self._hear_whereabouts(link.device, link, places)
            case Acknowledged(circle):
                reached = self.circle.own_held(link.session.delivered(circle))
                for device in devices:
                    if reached > self.delivered.get(device, 0):
                        self._idle.set()  # to be kept
                    self.delivered[device] = max(reached, self.delivered.get(device, 0))
                self.wake()
            case Answered() | Ended():
                self.wake()

    def _note_seen(self, device: DeviceId, link: Link) -> None:
        self.seen[device] = link.heard
        balance = link.session.balance(self.circle.id)
        if balance is not None and balance.level:
            self._in_step[device] = self.circle.digest()
        else:
            self._in_step.pop(device, None)

    def was_in_step(self, device: DeviceId) -> bool:
        """Whether a device that is not connected held the same when it was last heard, and nothing came here since."""
        return device in self._in_step and self._in_step[device] == self.circle.digest()

    def _note_versions(self, devices: tuple[DeviceId, ...], link: Link) -> None:
        spoken = link.session.remote_versions
        for device in devices:
            before = self._spoken.get(device)
            if spoken is not None and (before is None or spoken != before.last):
                self._spoken[device] = Spoken(spoken, max(spoken.highest, 0 if before is None else before.highest))
                self._idle.set()  # to be kept

    def spoken(self, device: DeviceId) -> Versions | None:
        """Which versions of the protocol a device's build spoke when it last proved it."""
        spoken = self._spoken.get(device)
        return None if spoken is None else spoken.last

    def went_back(self) -> list[DeviceId]:
        """Devices whose build is an older one than they had before."""
        spoken = [(device, self._spoken.get(device)) for device in self.circle.others()]
        return [device for device, one in spoken if one is not None and one.last.highest < one.highest]

    def apart(self, device: DeviceId) -> NoCommonVersion | None:
        """Who has to update, if this build and that of a device have no version in common; None if it is connected."""
        spoken = self._spoken.get(device)
        return None if spoken is None or device in self.links else self.versions.apart(spoken.last)

    def parted_since(self, moment: float, device: DeviceId) -> bool:
        """Whether a device has been met since then, and there was no version in common."""
        return self._parted.get(device, -math.inf) >= moment

    def _keep_one(self, devices: tuple[DeviceId, ...], link: Link) -> None:
        smaller_calls = self._key < link.session.remote
        since = {self.links[device]: self._since[device] for device in devices if device in self.links}
        for other in [other for other in since if other is not link]:
            # Two in one direction: the caller has lost the older one, even if we have not heard of it.
            crossing = link.called is not other.called and trio.current_time() - since[other] < CROSSING
            if crossing and link.called is not smaller_calls:
                link.close()
                return
            other.close()
        for device in devices:
            self.links[device] = link
            self._since[device] = trio.current_time()
            self._note_meeting(device, link)
        self._tell_whereabouts(link)
        self._idle.set()
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
                nursery.start_soon(self._show)
                await shown.wait()
                nursery.cancel_scope.cancel()

    async def _show(self) -> None:
        self._hidden = False
        await self._network.announce(self._beacon)
        self._hidden = True
        if self._showing:
            await self._network.announce(AskedFor(self._beacon))

    def _show_again(self) -> None:
        self._reshow.set()

    @contextmanager
    def showing(self) -> Iterator[None]:
        """While the block lasts somebody wants to be seen: the beacon is there also if it is shown only when asked for.

        Where it is there anyway it stays as it is: nobody sees from it when these blocks begin and end.
        """
        self._want_to_be_seen(1)
        try:
            yield
        finally:
            self._want_to_be_seen(-1)

    def _want_to_be_seen(self, more: int) -> None:
        before = bool(self._showing)
        self._showing += more
        if self._hidden and before != bool(self._showing):
            self._show_again()

    def _beacon(self, addresses: tuple[Address, ...]) -> bytes:
        now, entropy = self._surroundings.now(), self._surroundings.entropy
        nonce = entropy(beacon.NONCE)
        shown = [(self.circle.epochs.today(now).discovery.reveal(), bytes(self.circle.device), now)]
        shown += [(key, b"", now) for key in self._beacon_keys]
        shift = self.circle.shift()
        if shift is not None and abs(shift) >= clocks.NOTABLE:  # as a device would that agrees with the others
            then = Millis(max(0, now + shift))
            shown += [(*tag, then) for tag in self.circle.shown_by([self.circle.device], day_of(then))]
        tags = [
            beacon.tag(key, nonce, who, address.packed, address.port, beacon.period_of(at))
            for key, who, at in shown
            for address in addresses
        ]
        return beacon.make(tags, nonce, entropy(beacon.ENTROPY))

    async def _look(self) -> None:
        async with self._network.sightings() as sightings:
            async for sighting in sightings:
                found = self._recognise(sighting)
                if found is None:
                    self._search.keep(sighting)
                # Each beacon is called once: somebody who replays one must not use up what the callee accepts of us
                # in a day. If the call fails, `_redial` tries again, ever more rarely.
                if found is None or self._nursery is None or sighting.blob in self._beacons_called:
                    continue
                if found[0] in self.links:  # perhaps not for long: a link may be dead, and nobody has noticed
                    self.spots.shown(*found, self._here())
                    continue
                self._beacons_called.append(sighting.blob)
                self._nursery.start_soon(self._call_politely, *found)

    def _recognise(self, sighting: Sighting) -> tuple[DeviceId, Address] | None:
        now = self._surroundings.now()
        others = self._likely()
        if not others or not sighting.addresses:
            return None
        candidates = [
            (key.reveal(), bytes(device)) for key in self.circle.epochs.discovery_keys(now) for device in others
        ]
        return self._match(sighting, candidates, now) or next(
            (found for device in others if (found := self._match_by_its_clock(sighting, device, now))), None
        )

    def _match_by_its_clock(self, sighting: Sighting, device: DeviceId, now: Millis) -> tuple[DeviceId, Address] | None:
        """The same for a device whose clock is known to differ, or that presumably goes with the others'."""
        difference = self.circle.difference(device)
        ahead = self.circle.shift() if difference is None else difference.ahead
        if ahead is None or abs(ahead) < clocks.NOTABLE:
            return None
        then = Millis(max(0, now + ahead))
        days = {day_of(Millis(max(0, then + beacon.PERIOD * step))) for step in (-1, 0, 1)}
        candidates = [shown for day in sorted(days) for shown in self.circle.shown_by([device], day)]
        return self._match(sighting, candidates, then)

    def _match(
        self, sighting: Sighting, candidates: list[tuple[bytes, bytes]], now: Millis
    ) -> tuple[DeviceId, Address] | None:
        for port in {address.port for address in sighting.addresses}:
            packed = [address.packed for address in sighting.addresses if address.port == port]
            found = beacon.match(sighting.blob, candidates, packed, port, now)
            if found is not None:
                address = next(a for a in sighting.addresses if a.packed == found.address and a.port == port)
                return DeviceId(found.who), address
        return None

    def _missing(self) -> list[DeviceId]:
        """The devices that we have no session with."""
        return [device for device in self._likely() if device not in self.links]

    def _likely(self) -> list[DeviceId]:
        """The devices whose beacons are looked for: all, unless a hostile coordinator has made very many.

        Those that were met come first, then as they came here: so thousands of others keep nobody out who was there.
        """
        others = self.circle.others()
        if len(others) > LOOKED_FOR:
            others.sort(key=lambda device: device not in self.seen)
        return others[:LOOKED_FOR]

    def _trace(self, device: DeviceId, address: Address, ahead: int) -> None:
        """A beacon that was made while a device's clock showed another time; or somebody shows an old one again."""
        if abs(ahead) >= SEEMS_OFF:
            self.guesses[device] = ahead
            self.wake()
        if self._nursery is not None:
            self._nursery.start_soon(self._call_politely, device, address)

    @contextmanager
    def searching(self) -> Iterator[None]:
        """While the block lasts a user waits: devices are also looked for whose clocks are far off."""
        if not self._search.wanted:
            self.guesses.clear()  # they are of an earlier wait
        with self._search.waiting():
            yield

    async def _call_politely(self, device: DeviceId, address: Address) -> None:
        """Call whom we have seen; if both see each other at once, the smaller id goes first."""
        if device < self.circle.device:
            await trio.sleep(YIELD * self._random.uniform(0.5, 1.5))
        self.spots.shown(device, address, self._here())  # if this call fails, it is made again
        await self._try(device, address)

    async def _try(self, device: DeviceId, *addresses: Address) -> bool:
        try:
            await self.call(device, *addresses)
        except CellsyncError:
            return False
        except Exception as error:  # a bug met on one call must not end the others; no content, so no text of it
            log.error("a call failed: %s", type(error).__name__)
            return False
        return True

    async def _redial(self) -> None:
        """Call devices where they were at the sites where we are, again and again, ever more rarely.

        A session that opens and breaks off soon, on a full disk say, counts as a failure too: each opening uses up
        a little of what a callee accepts in a day.
        """
        due: dict[DeviceId, float] = {}
        while True:
            now = trio.current_time()
            if self._at_once:
                self._at_once = False
                due = dict.fromkeys(self.spots.known, -math.inf)  # else whoever asks again and again never calls
                self._backoffs.clear()
            for device in self._soon:
                due[device] = -math.inf
            self._soon.clear()
            for device in self.circle.others():
                known = self._callable(device) if device in self.spots.known else []
                if not known or device in self.links or device in self._calling:
                    due.pop(device, None)
                elif device not in due:
                    due[device] = now + self._backoffs.setdefault(device, Backoff(self._random)).next()
                elif now >= due[device] and self._nursery is not None:
                    del due[device]
                    self._nursery.start_soon(self._try, device, *known)
            again = self._redial_again = trio.Event()
            with trio.move_on_at(min(due.values(), default=math.inf)), trio.move_on_after(30):
                await again.wait()

    def call_now(self) -> None:
        """Forget how long ago a call failed: something has changed, or somebody waits."""
        self._at_once = True
        self._redial_again.set()

    async def _watch_interfaces(self) -> None:
        async with self._network.changes() as changes:
            async for _ in changes:
                self.call_now()
                self._moved.set()
                for link in self.links.values():
                    link.ask()  # it may be dead, and nobody has noticed

    # --- where devices are ---------------------------------------------------------------------------

    def _here(self) -> Sequence[Here]:
        """The networks that we are on. Where others are said to be is forgotten when they change.

        In the moment after a laptop was carried on, its new network is not recognised yet, and neighbours may still
        have their old addresses: what is heard then would be kept for the network before, and called there.
        """
        here = self._network.here()
        sites = frozenset(one.site for one in here)
        if self._sites_here not in (None, sites):
            self.spots.forget_heard()
        self._sites_here = sites
        return here

    def _callable(self, device: DeviceId) -> list[Address]:
        return self.spots.callable(device, self._here())

    def _note_meeting(self, device: DeviceId, link: Link) -> None:
        ends = self._network.ends(link.stream)
        ours = None if ends is None else at_end(ends, self._here())
        if ours is not None:
            link.site = ours.site
            self._sites.met(ours.site)
        if link.address is not None and ours is not None:  # else we have moved since we called
            self._learnt(self.spots.met(device, link.address, ours.site))

    def _learnt(self, news: bool) -> None:
        if news:
            self._moved.set()
            self._idle.set()

    def _tell_whereabouts(self, link: Link) -> None:
        ends = self._network.ends(link.stream)
        if ends is not None and link.device is not None and self._is_where_it_began(link, ends):
            told = self.spots.told_to(
                link.device, self.circle.others(), self.circle.device, ends, self._here()
            )  # fmt: skip
            link.locate(self.circle.id, told)

    def _is_where_it_began(self, link: Link, ends: Ends) -> bool:
        """Whether our end of a session is on the network on which it was opened; if it has moved, the session ends.

        A laptop that is carried on may keep its address for a moment. A port of the new network, told in a session of
        the old one, would be kept with the old address and be called on both: that links them. A session that was
        opened moments ago has not moved: its network was recognised late.
        """
        ours = at_end(ends, self._here())
        if ours is None or ours.site == link.site:
            return True
        if ours.site == UNRECOGNISED:
            return False
        if link.site != UNRECOGNISED and trio.current_time() - link.began > RECOGNISED_WITHIN:
            link.close()
            return False
        link.site = ours.site
        if link.device is not None and link.address is not None:
            self._learnt(self.spots.met(link.device, link.address, ours.site))
        return True

    async def _locate(self) -> None:
        """Tell every peer, at most every ten seconds, what it was not told yet."""
        while True:
            await self._moved.wait()
            self._moved = trio.Event()
            for device, link in list(self.links.items()):
                if link.site == UNRECOGNISED:  # our new address was not known yet when it was opened
                    self._note_meeting(device, link)
                    self._hear_whereabouts(device, link, link.said)
                self._tell_whereabouts(link)
            await trio.sleep(TELL_EVERY)

    def _hear_whereabouts(self, peer: DeviceId, link: Link, places: Places) -> None:
        ends, here, now = self._network.ends(link.stream), self._here(), trio.current_time()
        if ends is None or not self._is_where_it_began(link, ends):
            return
        for device in self.circle.others():
            listed = places.get(device)
            if listed is None:
                continue
            if device == peer:
                link.said = {peer: listed}
                self._learnt(self.spots.claimed(device, listed, ends, here, link.address))
                continue
            news = self.spots.heard(device, listed, ends, here)
            if news and now - self._heard_of.get(device, -math.inf) >= HEARD_CALLS_EVERY:
                self._heard_of[device] = now
                self._soon.add(device)
                self._redial_again.set()

    async def _keep_what_is_known(self) -> None:
        for device, link in self.links.items():
            self._note_seen(device, link)
        reached = remembered.encode_reached(
            self.circle, remembered.Reached(self.delivered, self.seen, self._in_step)
        )  # fmt: skip
        versions = remembered.encode_versions(self.circle, self._spoken)
        async with self.circle.lock:
            self.circle.store.keep(remembered.ADDRESSES, remembered.encode_spots(self.spots.known))
            self.circle.store.keep(SITES, self._sites.encode())
            self.circle.store.keep(remembered.REACHED, reached)
            self.circle.store.keep(CLOCKS, self.circle.clocks.encode())
            self.circle.store.keep(remembered.VERSIONS, versions)

    def addresses_of(self, device: DeviceId) -> list[Address]:
        """Where a device can be called from where we are now; a link-local address with the link as its scope."""
        found = self._callable(device)
        return [at if ip_address(at.packed).is_link_local else Address(without_scope(at.host), at.port) for at in found]

    async def add_address(self, device: DeviceId, address: Address) -> None:
        """Where a device can be called, told by a person."""
        self.spots.by_hand(device, address)
        self._learnt(True)
        self.call_now()

    # --- news and tidying --------------------------------------------------------------------------------------

    def _committed(self, plan: Plan, source: object) -> None:
        arrivals = plan.commit.arrivals
        if not arrivals:
            return
        grown = {arrival.chain for arrival in arrivals}
        heads = frozenset(head_of(chain) for chain in plan.commit.chains if chain.number in grown)
        told = () if source is None else growth(Frontier(heads))  # once for all peers
        for link in dict.fromkeys(self.links.values()):
            link.session.grew(self.circle.id, grown)
            if source is not None and link is not source:
                link.tell(self.circle.id, told)
            link.news(arrivals[0].number, arrivals[-1].number, local=source is None)
        self._idle.set()
        if plan.controls:
            self._show_again()
        self.wake()

    async def _tidy(self) -> None:
        while True:
            with trio.move_on_after(KEEP_AFTER):
                await self._idle.wait()
            while self._idle.is_set():
                self._idle = trio.Event()
                with trio.move_on_after(TIDY_AFTER):
                    await self._idle.wait()
            try:
                await self._keep_what_is_known()
                await self.circle.tidy()
            except CellsyncError:
                await trio.sleep(30)  # a full disk: snapshots can wait


async def _header(stream: trio.abc.Stream) -> bytes:
    """What a connection begins with: the header of an opening and perhaps more, or less if no more comes."""
    header = b""
    while len(header) < channel.HEADER_BYTES and (data := await stream.receive_some(CHUNK)):
        header += data
    return header


async def _swallow(stream: trio.abc.Stream) -> None:
    """Until the other side has had enough."""
    while await stream.receive_some(CHUNK):
        pass
