"""The node: one device on its networks, for all of its circles. Its parts, and their communication.

reception     incoming connections: a session, or the pairing that is open
beacons       shows a beacon, so that members recognise us
lookout       looks for beacons of members; while a user waits, also of those whose clocks are far off
calls         calls devices without a session, also where they were before
whereabouts   where we listen and where others were met, and telling the peers
links         one session with each key;  link  the pump of one;  strand  what of it is about one circle
others        what is known of the other devices
upkeep        stores what was learnt; snapshots, old keys

A peer hears of a circle only if it is in it. What is known of its devices is kept and told there only, and how much
else goes on here changes nothing for it.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from typing import Final

import trio

from cellsync.core import drawers
from cellsync.core.crypto import primitives
from cellsync.core.errors import CellsyncError, Closed, NoCommonVersion
from cellsync.core.history.chain import head_of
from cellsync.core.ids import CircleId, DeviceId, SessionSecret
from cellsync.core.session.balance import Balance
from cellsync.core.session.events import (
    Acknowledged,
    Answered,
    Apart,
    Ended,
    Event,
    Forewarned,
    Located,
    Measured,
    Opened,
)
from cellsync.core.session.session import growth
from cellsync.core.session.state import State
from cellsync.core.session.way import Way
from cellsync.core.versions import SPOKEN, Versions
from cellsync.core.wire.places import Frontier
from cellsync.ledger.source import OwnHand, Source
from cellsync.ledger.surroundings import Surroundings
from cellsync.node.beacons import Beacons, HiddenBy
from cellsync.node.calls import Calls
from cellsync.node.circles import Circles
from cellsync.node.link import PeerLink
from cellsync.node.links import Links
from cellsync.node.lookout import Lookout
from cellsync.node.network import Address, Network
from cellsync.node.others import Others
from cellsync.node.reception import Guest, Reception
from cellsync.node.shared import SharedCircle, Step, Watcher
from cellsync.node.sites import Keep, Sites
from cellsync.node.upkeep import Upkeep
from cellsync.node.whereabouts import CircleWhereabouts

PASSED_BY_EVERY: Final = 5.0  # seconds


class Node:
    """Keeps circles in step with the devices that can be reached."""

    def __init__(
        self, circles: Iterable[SharedCircle], secret: SessionSecret, network: Network, versions: Versions = SPOKEN,
        surroundings: Surroundings | None = None,
    ) -> None:  # fmt: skip
        """The first of the circles also keeps where this device was, and its ports there; if there is none yet, the
        first that is added."""
        self.circles = Circles(circles, surroundings)
        self.network = network
        self.versions = versions  # of the protocol, spoken by us
        self.others = Others(self.circles, versions)
        self._upkeep = Upkeep(self._keep, lambda: bool(self.links))
        self.links = Links(self.circles, primitives.session_public(secret), self._report, self._ended)
        now, entropy, first = (
            self.circles.surroundings.now,
            self.circles.surroundings.entropy,
            next(iter(self.circles), None),
        )
        self._keeps_sites = None if first is None else first.id
        self.sites = Sites(now=now, entropy=entropy) if first is None else Sites(*_kept_sites(first), now, entropy)
        self.whereabouts = {circle.id: self._whereabouts_in(circle) for circle in self.circles}
        self.calls = Calls(self.circles, secret, network, versions, self.links, self.others, self._where)
        self.reception = Reception(self.circles, secret, network, versions, self.links)
        self._beacons = Beacons(self.circles, network)
        self._passed_by_at: dict[CircleId, float] = {}
        self._lookout = Lookout(self.circles, network, self.links, self.others, self._where, self.calls)
        self._watchers: dict[CircleId, Watcher] = {}
        self._nursery: trio.Nursery | None = None

    def _whereabouts_in(self, circle: SharedCircle) -> CircleWhereabouts:
        return CircleWhereabouts(circle, self.network, self.links, self._upkeep.due, self._heard_of, self.sites)

    def _where(self, device: DeviceId) -> CircleWhereabouts | None:
        """Where the devices of its circle are."""
        circle = self.circles.of(device)
        return None if circle is None else self.whereabouts[circle.id]

    # --- life --------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Node]:
        """The node at work, until the block ends."""
        for circle in self.circles:
            self._watch(circle)
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                await nursery.start(self._serve)
                for task in (
                    self._beacons.announce,
                    self._lookout.look,
                    self._lookout.search.run,
                    self._watch_network,
                    self.calls.run,
                    *(where.locate for where in self.whereabouts.values()),
                    self._upkeep.run,
                ):
                    nursery.start_soon(task)
                try:
                    yield self
                finally:
                    self._nursery = None
                    nursery.cancel_scope.cancel()
        finally:
            for id_, watcher in self._watchers.items():
                self.circles[id_].unwatch(watcher)
            # A full disk is no reason not to close: snapshots are only there for speed.
            with trio.CancelScope(shield=True), suppress(CellsyncError):
                await self._keep(tidy=True)

    def add(self, circle: SharedCircle) -> None:
        """From now on keep one more circle in step: it was founded, or joined, while the node is at work."""
        if self._nursery is None:
            raise Closed
        self.circles.add(circle)
        if self._keeps_sites is None:
            self._keeps_sites = circle.id
            self.sites.recall(*_kept_sites(circle))
        self.others.recall(circle)
        where = self.whereabouts[circle.id] = self._whereabouts_in(circle)
        self._nursery.start_soon(where.locate)
        self._watch(circle)
        for link in self.links.all():
            self._begin_anew(circle, link)
        self._beacons.renew()
        self.calls.now()

    def _begin_anew(self, circle: SharedCircle, link: PeerLink) -> None:
        """End a session with a device of a circle in which we have not offered it: we had not known this yet.

        A session speaks of the circles that both offered when it began. If the peer did not offer it, a new session
        would be no different: a coordinator can introduce the key of a device that knows nothing of the circle.
        """
        session = link.session
        offered = session.offered
        if session.state is State.TALKING and circle.id not in offered and circle.devices_with(session.remote):
            link.close()

    def _part(self, circle: SharedCircle) -> None:
        """End sessions with devices that are told less here now, or more. What waits to be sent to them is dropped."""
        for link in self.links.all():
            if link.has(circle.id) and link.strand(circle.id).is_told_otherwise():
                link.close()

    def _watch(self, circle: SharedCircle) -> None:
        def committed(step: Step, source: Source) -> None:
            self._committed(circle, step, source)

        self._watchers[circle.id] = committed
        circle.watch(committed)

    async def _serve(self, task_status: trio.TaskStatus[int]) -> None:
        await self.network.serve(self.reception.receive, self.sites, task_status=task_status)

    async def _watch_network(self) -> None:
        async with self.network.changes() as changes:
            async for _ in changes:
                self.calls.now()
                for where in self.whereabouts.values():
                    where.moved()
                for link in self.links.all():
                    link.ask()  # it may be dead, unnoticed

    async def _keep(self, *, tidy: bool) -> None:
        """Store what was learnt, each in its circle, and `tidy` them. Raises DiskFull or StorageFailed: after all."""
        for device, link in self.links.items():
            self._note_seen(device, link)
        failure: CellsyncError | None = None
        for circle in self.circles:
            try:
                await self._keep_in(circle, tidy=tidy)
            except CellsyncError as error:  # there may be room for what another circle has
                failure = failure or error
        if failure is not None:
            raise failure

    async def _keep_in(self, circle: SharedCircle, *, tidy: bool) -> None:
        async with circle.lock:
            self.whereabouts[circle.id].keep(circle.store)
            if circle.id == self._keeps_sites:
                circle.store.keep(drawers.SITES, self.sites.encode())
            self.others.keep(circle)
            circle.store.keep(drawers.CLOCKS, circle.clocks.encode())
            if not tidy:
                await circle.make_durable()
        if tidy:
            await circle.tidy()

    async def keep(self) -> None:
        """Store what was learnt of the others by now, unless the disk is full."""
        with suppress(CellsyncError):
            await self._keep(tidy=False)

    # --- for those who use it --------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The port on which we listen on the first of our networks; 0 if we are on none."""
        return next((address.port for address in self.listens()), 0)

    def listens(self) -> list[Address]:
        """The addresses where we listen, on all of our networks."""
        for where in self.whereabouts.values():
            where.here()  # it forgets what belongs elsewhere
        return [address for here in self.network.here() for address in here.addresses]

    @property
    def hidden_by(self) -> HiddenBy | None:
        """Who wants that this device is shown on no network, not even while its user invites; None: nobody."""
        return self._beacons.hidden_by

    def showing(self) -> AbstractContextManager[None]:
        """Within the block, show a beacon even if it is shown only when asked for."""
        return self._beacons.showing()

    def searching(self) -> AbstractContextManager[None]:
        """Within the block a user waits: also look for devices whose clocks are far off."""
        return self._lookout.searching()

    @contextmanager
    def guest(self, matches: Callable[[bytes], bool], guest: Guest, beacon_key: bytes) -> Iterator[None]:
        """Within the block, connections that `matches` go to `guest`, and the beacon shows `beacon_key`."""
        with self.reception.expecting(matches, guest), self._beacons.also_under(beacon_key):
            yield

    async def add_address(self, device: DeviceId, address: Address) -> None:
        """Note where a device can be called, as told by a person."""
        where = self._where(device)
        if where is not None:
            where.by_hand(device, address)
        self.calls.now()

    def balance(self, device: DeviceId) -> Balance | None:
        """What we and a device hold that the other lacks; None while it is not connected, or has not told."""
        link, circle = self.links.get(device), self.circles.of(device)
        return None if link is None or circle is None else link.session.balance(circle.id)

    def apart(self, device: DeviceId) -> NoCommonVersion | None:
        """Who has to update, if this build and that of a device have no version in common; None if it is connected."""
        return None if device in self.links else self.others.apart(device)

    # --- what happens ----------------------------------------------------------------------------------------

    def _report(self, link: PeerLink, event: Event) -> None:
        """Handle an event of a session."""
        if link.device is None:
            return
        devices = self.circles.devices_with(link.session.remote) or (link.device,)
        match event:
            case Opened():
                for circle in self.circles:
                    if link.has(circle.id):
                        link.strand(circle.id).is_told_otherwise()  # from now on it is noticed
                self.reception.strangers.proved(link.stream)
                self.calls.opened(link.device, devices, link)
                self._note_versions(devices, link)
                if self.links.keep(link):
                    self._meet(link, self._told_on(link))
                    for circle in self.circles:
                        self._begin_anew(circle, link)  # it was added while this session opened
            case Apart():
                self._note_versions(devices, link)
                for device in devices:
                    self.others.parted(device, trio.current_time())
                    self._note_seen(device, link)
            case Measured(difference):
                # It comes after the offers, so now it is known which circles both are in.
                for where in self._told_on(link):
                    circle = self.circles[where.circle]
                    circle.clocks.note(_devices(link, circle)[0], difference)
                if self.links.get(link.device) is link:
                    self.links.place()
                    self._meet(link, [where for where in self._told_on(link) if where.circle != link.session.hinted])
                for device in devices:
                    self.calls.guesses.pop(device, None)
                self._upkeep.due()
                if difference.notable:
                    self._beacons.renew()
            case Located(of, places):
                peer = link.device_in(self.circles[of])
                if peer is not None:
                    self.whereabouts[of].hear(peer, link, places)
                return
            case Acknowledged(of):
                circle = self.circles[of]
                held = circle.own_held(link.session.delivered(of))
                all_told = self.links.get(link.device) is link and link.session.all_told(of)
                if self.others.note_delivered(_devices(link, circle), held, all_told=all_told):
                    self._upkeep.due()
            case Forewarned():
                for other in self.links.all():
                    other.look()
            case Answered() | Ended():
                pass
            case _:
                return
        self.links.wake()

    def _ended(self, link: PeerLink) -> None:
        """The link of some devices has ended."""
        devices = self.circles.devices_with(link.session.remote)
        for device in devices:
            self._note_seen(device, link)
            if (where := self._where(device)) is not None and link.is_about(where.circle):
                where.note_end(device, link)
        self.calls.ended(devices, link)
        self._upkeep.due()

    def _told_on(self, link: PeerLink) -> list[CircleWhereabouts]:
        """The circles that a link is about, and in which its peer is."""
        return [
            self.whereabouts[circle.id]
            for circle in self.circles
            if link.is_about(circle.id) and link.device_in(circle) is not None
        ]

    def _meet(self, link: PeerLink, circles: list[CircleWhereabouts]) -> None:
        """Learn and tell in these circles where devices are: a session there has opened."""
        for where in circles:
            for device in _devices(link, self.circles[where.circle]):
                where.note_meeting(device, link)
        for where in circles:
            where.tell(link)
        self._upkeep.due()

    def _note_seen(self, device: DeviceId, link: PeerLink) -> None:
        circle = self.circles.of(device)
        balance = None if circle is None else link.session.balance(circle.id)
        self.others.note_seen(device, link.heard, level=balance is not None and balance.level)

    def _note_versions(self, devices: tuple[DeviceId, ...], link: PeerLink) -> None:
        if self.others.note_versions(devices, link.session.remote_versions):
            self._upkeep.due()

    def _heard_of(self, device: DeviceId) -> None:
        self.calls.soon(device)

    def _passed_by(self, circle: SharedCircle, source: Source, now: float) -> bool:
        """Whether this came over a link that is spare: where it should have come from, somebody keeps it.

        Others may lack it as well, so all are told of it. Not more often than PASSED_BY_EVERY: whoever has it happen on
        purpose, to have many messages sent for one of theirs.
        """
        spare = any(
            link.gave(source) and link.strand(circle.id).way is Way.SPARE
            for link in self.links.all()
            if link.has(circle.id)
        )
        if not spare or now < self._passed_by_at.get(circle.id, -math.inf) + PASSED_BY_EVERY:
            return False
        self._passed_by_at[circle.id] = now
        return True

    def _committed(self, circle: SharedCircle, step: Step, source: Source) -> None:
        """A step has become durable here: tell the peers, and let them get what they lack."""
        arrivals = step.commit.arrivals
        if step.controls or not arrivals:  # what this device was told changes who is told what, and is no entry
            self._part(circle)
        if not arrivals:
            self.links.wake()
            return
        grown = {arrival.chain for arrival in arrivals}
        heads = frozenset(head_of(chain) for chain in step.commit.chains if chain.number in grown)
        local = isinstance(source, OwnHand)
        told: list[bytes] = []  # encoded once for all peers
        now = trio.current_time()
        passed_by = self._passed_by(circle, source, now)
        for link in self.links.all():
            if not link.has(circle.id) or link.device_in(circle) is None:
                continue
            strand = link.strand(circle.id)
            link.session.grew(circle.id, grown, now)
            if not link.gave(source):
                if strand.way is Way.NEEDED or (strand.way is Way.SPARE and not passed_by):
                    link.session.note(circle.id, grown, now)
                elif strand.sparse or passed_by or not local:
                    told = told or growth(Frontier(heads))
                    link.tell(circle.id, told)
            link.news(circle.id, arrivals[0].number, arrivals[-1].number, local=local)
        self._upkeep.due()
        if step.controls:
            for link in self.links.all():
                self._begin_anew(circle, link)
            self.whereabouts[circle.id].introduced()
            self._beacons.renew()
        self.links.wake()


def _devices(link: PeerLink, circle: SharedCircle) -> tuple[DeviceId, ...]:
    """The ids that the peer of a link has in a circle; more than one only if a member cheats."""
    device = link.device_in(circle)
    return circle.devices_with(link.session.remote) or (() if device is None else (device,))


def _kept_sites(circle: SharedCircle) -> tuple[bytes | None, Keep]:
    """Where this device was, as a circle has it, and how it keeps that."""
    return circle.store.kept(drawers.SITES), lambda table: circle.keep(drawers.SITES, table)
