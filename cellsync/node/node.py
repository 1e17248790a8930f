"""The node: one device on its networks, for one circle. Its parts, and their communication.

reception     incoming connections: a session, or the pairing that is open
beacons       shows a beacon, so that members recognise us
lookout       looks for beacons of members; while a user waits, also of those whose clocks are far off
calls         calls devices without a session, also where they were before
whereabouts   where we listen and where others were met, and telling the peers
links         one session with each key;  link  the pump of one
others        what is known of the other devices
upkeep        stores what was learnt; snapshots, old keys
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from typing import Final

import trio

from cellsync.core import drawers
from cellsync.core.crypto import primitives
from cellsync.core.errors import CellsyncError, NoCommonVersion
from cellsync.core.history.chain import head_of
from cellsync.core.ids import DeviceId, SessionSecret
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
from cellsync.core.session.way import Way
from cellsync.core.versions import SPOKEN, Versions
from cellsync.core.wire.places import Frontier
from cellsync.ledger.source import OwnHand, Source
from cellsync.node.beacons import Beacons
from cellsync.node.calls import Calls
from cellsync.node.link import PeerLink
from cellsync.node.links import Links
from cellsync.node.lookout import Lookout
from cellsync.node.network import Address, Network
from cellsync.node.others import Others
from cellsync.node.reception import Guest, Reception
from cellsync.node.shared import SharedCircle, Step
from cellsync.node.upkeep import Upkeep
from cellsync.node.whereabouts import CircleWhereabouts

PASSED_BY_EVERY: Final = 5.0  # seconds


class Node:
    """Keeps one circle in step with the devices that can be reached."""

    def __init__(
        self, circle: SharedCircle, secret: SessionSecret, network: Network, versions: Versions = SPOKEN
    ) -> None:
        self.circle = circle
        self.network = network
        self.versions = versions  # of the protocol, spoken by us
        self.others = Others(circle, versions)
        self._upkeep = Upkeep(self._keep, lambda: bool(self.links))
        self.links = Links(circle, primitives.session_public(secret), self._report, self._ended)
        self.whereabouts = CircleWhereabouts(circle, network, self.links, self._upkeep.due, self._heard_of)
        self.calls = Calls(circle, secret, network, versions, self.links, self.others, self.whereabouts)
        self.reception = Reception(circle, secret, network, versions, self.links)
        self._beacons = Beacons(circle, network)
        self._passed_by_at = -math.inf
        self._lookout = Lookout(circle, network, self.links, self.others, self.whereabouts, self.calls)

    # --- life --------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Node]:
        """The node at work, until the block ends."""
        self.circle.watch(self._committed)
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(self._serve)
                for task in (
                    self._beacons.announce,
                    self._lookout.look,
                    self._lookout.search.run,
                    self._watch_network,
                    self.calls.run,
                    self.whereabouts.locate,
                    self._upkeep.run,
                ):
                    nursery.start_soon(task)
                try:
                    yield self
                finally:
                    nursery.cancel_scope.cancel()
        finally:
            self.circle.unwatch(self._committed)
            # A full disk is no reason not to close: snapshots are only there for speed.
            with trio.CancelScope(shield=True), suppress(CellsyncError):
                await self._keep(tidy=True)

    async def _serve(self, task_status: trio.TaskStatus[int]) -> None:
        await self.network.serve(self.reception.receive, self.whereabouts.sites, task_status=task_status)

    async def _watch_network(self) -> None:
        async with self.network.changes() as changes:
            async for _ in changes:
                self.calls.now()
                self.whereabouts.moved()
                for link in self.links.all():
                    link.ask()  # it may be dead, unnoticed

    async def _keep(self, *, tidy: bool) -> None:
        """Store what was learnt, and `tidy` the circle. Raises DiskFull or StorageFailed."""
        for device, link in self.links.items():
            self._note_seen(device, link)
        async with self.circle.lock:
            self.whereabouts.keep(self.circle.store)
            self.others.keep(self.circle.store)
            self.circle.store.keep(drawers.CLOCKS, self.circle.clocks.encode())
            if not tidy:
                await self.circle.make_durable()
        if tidy:
            await self.circle.tidy()

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
        return [address for here in self.whereabouts.here() for address in here.addresses]

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
        self.whereabouts.by_hand(device, address)
        self.calls.now()

    def balance(self, device: DeviceId) -> Balance | None:
        """What we and a device hold that the other lacks; None while it is not connected, or has not told."""
        link = self.links.get(device)
        return None if link is None else link.session.balance(self.circle.id)

    def apart(self, device: DeviceId) -> NoCommonVersion | None:
        """Who has to update, if this build and that of a device have no version in common; None if it is connected."""
        return None if device in self.links else self.others.apart(device)

    # --- what happens ----------------------------------------------------------------------------------------

    def _report(self, link: PeerLink, event: Event) -> None:
        """Handle an event of a session."""
        if link.device is None:
            return
        devices = self.circle.devices_with(link.session.remote) or (link.device,)
        match event:
            case Opened():
                self.reception.strangers.proved(link.stream)
                self.calls.opened(link.device, devices, link)
                self._note_versions(devices, link)
                if self.links.keep(link):
                    for device in devices:
                        self.whereabouts.note_meeting(device, link)
                    self.whereabouts.tell(link)
                    self._upkeep.due()
            case Apart():
                self._note_versions(devices, link)
                for device in devices:
                    self.others.parted(device, trio.current_time())
                    self._note_seen(device, link)
            case Measured(difference):
                self.circle.clocks.note(devices[0], difference)
                for device in devices:
                    self.calls.guesses.pop(device, None)
                self._upkeep.due()
                if difference.notable:
                    self._beacons.renew()
            case Located(_, places):
                self.whereabouts.hear(link.device, link, places)
                return
            case Acknowledged(circle):
                held = self.circle.own_held(link.session.delivered(circle))
                all_told = self.links.get(link.device) is link and link.session.all_told(circle)
                if self.others.note_delivered(devices, held, all_told=all_told):
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
        devices = self.circle.devices_with(link.session.remote)
        for device in devices:
            self._note_seen(device, link)
            self.whereabouts.note_end(device, link)
        self.calls.ended(devices, link)
        self._upkeep.due()

    def _note_seen(self, device: DeviceId, link: PeerLink) -> None:
        balance = link.session.balance(self.circle.id)
        self.others.note_seen(device, link.heard, level=balance is not None and balance.level)

    def _note_versions(self, devices: tuple[DeviceId, ...], link: PeerLink) -> None:
        if self.others.note_versions(devices, link.session.remote_versions):
            self._upkeep.due()

    def _heard_of(self, device: DeviceId) -> None:
        self.calls.soon(device)

    def _passed_by(self, source: Source, now: float) -> bool:
        """Whether this came over a link that is spare: where it should have come from, somebody keeps it.

        Others may lack it as well, so all are told of it. Not more often than PASSED_BY_EVERY: whoever has it happen on
        purpose, to have many messages sent for one of theirs.
        """
        spare = any(link.gave(source) and link.way is Way.SPARE for link in self.links.all())
        if not spare or now < self._passed_by_at + PASSED_BY_EVERY:
            return False
        self._passed_by_at = now
        return True

    def _committed(self, step: Step, source: Source) -> None:
        """A step has become durable here: tell the peers, and let them get what they lack."""
        arrivals = step.commit.arrivals
        if not arrivals:
            return
        grown = {arrival.chain for arrival in arrivals}
        heads = frozenset(head_of(chain) for chain in step.commit.chains if chain.number in grown)
        local = isinstance(source, OwnHand)
        told: list[bytes] = []  # encoded once for all peers
        now = trio.current_time()
        passed_by = self._passed_by(source, now)
        for link in self.links.all():
            link.session.grew(self.circle.id, grown, now)
            if not link.gave(source):
                if link.way is Way.NEEDED or (link.way is Way.SPARE and not passed_by):
                    link.session.note(self.circle.id, grown, now)
                elif link.sparse or passed_by or not local:
                    told = told or growth(Frontier(heads))
                    link.tell(self.circle.id, told)
            link.news(arrivals[0].number, arrivals[-1].number, local=local)
        self._upkeep.due()
        if step.controls:
            self._beacons.renew()
        self.links.wake()
