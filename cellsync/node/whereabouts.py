"""Whereabouts: where we are, where the others may be called from here, and what peers tell each other about it.

    locate      tell the peers where we listen, and where others were met (protocol/60-lan.md, Where others are)

Most peers are told of only one other device: with all told to all, 47 devices that came back together would each tell
each of 45 others, at least twice.

A session belongs to the network on which it was opened. Addresses told and heard in it are about that network only: an
address of one network, kept with a port of another, would link the two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from random import Random
from typing import Final, NamedTuple

import trio

from cellsync.core import drawers
from cellsync.core.ids import DeviceId
from cellsync.core.wire.messages import Places
from cellsync.node import remembered
from cellsync.node.link import PeerLink
from cellsync.node.links import Links
from cellsync.node.network import Address, Ends, Here, Network, without_scope
from cellsync.node.shared import Drawers, SharedCircle
from cellsync.node.sites import UNRECOGNISED, Site, Sites
from cellsync.node.spots import Spots, at_end
from cellsync.node.strand import Strand

TELL_EVERY: Final = 10.0  # seconds between two tellings, while our own networks and addresses stay the same
HEARD_CALLS_EVERY: Final = 60.0  # seconds between two calls to a device that others' claims cause
ONE: Final = 1  # how many others a device that knows many names to most peers
LOST_FOR: Final = (
    1.5 * TELL_EVERY
)  # seconds after which a peer that seems to know few counts as lost: at first all of them seem to
RECOGNISED_WITHIN: Final = 10.0  # seconds within which a network that we have come to is recognised as another one


_Standing = frozenset[tuple[Site, tuple[Address, ...]]]


class _Early(NamedTuple):
    """A session that ended before the network at our end was recognised."""

    began: float
    ends: Ends
    address: Address | None
    said: Places


class CircleWhereabouts:
    """Where the devices of one circle are, as far as this device knows."""

    def __init__(
        self, circle: SharedCircle, network: Network, links: Links, learnt: Callable[[], None],
        heard: Callable[[DeviceId], None], sites: Sites,
    ) -> None:  # fmt: skip
        """`learnt` is called when there is news to store, `heard` when a device may be called at a new address."""
        surroundings = circle.surroundings
        self.spots = Spots(remembered.spots(circle))
        self.sites = sites
        self.circle = circle.id
        self._circle, self._network, self._links = circle, network, links
        self._random = Random(surroundings.entropy(16))  # noqa: S311 (whom to name)
        self._to_keep, self._heard = learnt, heard
        self._heard_of: dict[DeviceId, float] = {}  # when others' claims last made us call a device
        self._moved = trio.Event()  # there may be something new to tell the peers
        self._arrived = trio.Event()  # our networks or addresses have changed since the peers were last told
        self._told_at: _Standing | None = None
        self._sites_here: frozenset[Site] | None = None  # when they were last looked at
        self._early: dict[DeviceId, _Early] = {}  # the last such session with each device
        self._shown: dict[DeviceId, tuple[float, Address]] = {}  # the last beacon of each device, and when it came

    def keep(self, store: Drawers) -> None:
        """Stage what is known."""
        store.keep(drawers.ADDRESSES, remembered.encode_spots(self.spots.known))

    # --- here ----------------------------------------------------------------------------------------------

    def here(self) -> Sequence[Here]:
        """The networks that we are on. When they change, the addresses that others told us are forgotten.

        Just after a laptop was carried elsewhere its new network is not recognised yet, and neighbours may still have
        their old addresses: claims heard then would be kept for the previous network, and called there.
        """
        here = self._network.here()
        sites = frozenset(network.site for network in here)
        if self._sites_here not in (None, sites):
            self.spots.forget_heard()
        self._sites_here = sites
        return here

    def moved(self) -> None:
        """Our networks may have changed, and with them what the peers are told."""
        self._moved.set()
        if self._standing() != self._told_at:
            self._arrived.set()

    def _standing(self) -> _Standing:
        """Our networks, and our addresses on each: a new network often gets its last address a moment later."""
        return frozenset((network.site, network.addresses) for network in self._network.here())

    # --- calling -------------------------------------------------------------------------------------------

    def callable(self, device: DeviceId) -> list[Address]:
        """The addresses at which a device can be called from here, the likeliest first."""
        return self.spots.callable(device, self.here())

    def addresses_of(self, device: DeviceId) -> list[Address]:
        """The same addresses, with a scope only where they are link-local."""
        found = self.callable(device)
        return [at if ip_address(at.packed).is_link_local else Address(without_scope(at.host), at.port) for at in found]

    def by_hand(self, device: DeviceId, address: Address) -> None:
        """A person said where a device is."""
        self.spots.by_hand(device, address)
        self._learnt(True)

    # --- learning ------------------------------------------------------------------------------------------

    def note_meeting(self, device: DeviceId, link: PeerLink) -> None:
        """A session has opened, so its two ends are where the devices are."""
        ends = link.ends = self._network.ends(link.stream)
        ours = None if ends is None else at_end(ends, self.here())
        if ours is not None:
            link.site = ours.site
            self.sites.met(ours.site)
        if link.address is not None and ours is not None:  # if `ours` is None, we have moved since we called
            self._learnt(self.spots.met(device, link.address, ours.site))

    def note_end(self, device: DeviceId, link: PeerLink) -> None:
        """A session is over. What it showed is learnt once its network is recognised."""
        if link.site == UNRECOGNISED and link.ends is not None:
            self._early[device] = _Early(link.began, link.ends, link.address, link.strand(self._circle.id).said)

    def shown(self, device: DeviceId, address: Address) -> bool:
        """A beacon shows a device here. If no network is recognised yet, this is learnt once one is.

        Returns whether the address is new.
        """
        self._shown[device] = trio.current_time(), address
        return self.spots.shown(device, address, self.here())

    def not_shown(self, device: DeviceId, address: Address) -> None:
        """A beacon that seemed to show a device here was not enough to remember it by."""
        if (shown := self._shown.get(device)) is not None and shown[1] == address:
            del self._shown[device]
        self.spots.not_shown(device, address)

    def _make_up(self) -> None:
        """Learn from beacons and sessions that came too early, if their network has been recognised meanwhile."""
        here, oldest = self.here(), trio.current_time() - RECOGNISED_WITHIN
        for device, (came, address) in list(self._shown.items()):
            if came < oldest:
                del self._shown[device]
            elif self.spots.shown(device, address, here):
                self._heard(device)
        for device, early in list(self._early.items()):
            ours = at_end(early.ends, here)
            if early.began < oldest:
                del self._early[device]
            elif ours is not None and ours.site != UNRECOGNISED:
                del self._early[device]
                self.sites.met(ours.site)
                news = early.address is not None and self.spots.met(device, early.address, ours.site)
                if listed := early.said.get(device):
                    news |= self.spots.claimed(device, listed, early.ends, here, early.address)
                self._learnt(news)

    def hear(self, peer: DeviceId, link: PeerLink, places: Places) -> None:
        """A peer's claims about itself and others."""
        self._learn_from(peer, link, places)
        strand = link.strand(self._circle.id)
        strand.named = places.keys() - {peer}
        strand.strange = self._strange(places)
        if len(strand.named) == ONE:
            strand.lost_since = math.inf
        elif strand.sparse and strand.lost_since == math.inf:
            strand.lost_since = trio.current_time()
            self._moved.set()

    def introduced(self) -> None:
        """Devices have been introduced. A peer may have said where they are before its batch said who they are."""
        for device, link in self._linked():
            strand = link.strand(self._circle.id)
            if strand.strange:
                self._learn_from(device, link, strand.strange)
                strand.strange = self._strange(strand.strange)

    def _strange(self, places: Places) -> Places:
        """The places of devices of which nothing is known here yet."""
        known = {*self._circle.others(), self._circle.device}
        return {device: listed for device, listed in places.items() if device not in known}

    def _learn_from(self, peer: DeviceId, link: PeerLink, places: Places) -> None:
        ends, here, now = self._network.ends(link.stream), self.here(), trio.current_time()
        if ends is None or not self._is_where_it_began(link, ends):
            return
        for device in self._circle.others():
            listed = places.get(device)
            if listed is None:
                continue
            if device == peer:
                link.strand(self._circle.id).said = {peer: listed}
                self._learnt(self.spots.claimed(device, listed, ends, here, link.address))
                continue
            news = self.spots.heard(device, listed, ends, here)
            if news and now - self._heard_of.get(device, -math.inf) >= HEARD_CALLS_EVERY:
                self._heard_of[device] = now
                self._heard(device)

    def _learnt(self, news: bool) -> None:
        if news:
            self._moved.set()
            self._to_keep()

    # --- telling -------------------------------------------------------------------------------------------

    async def locate(self) -> None:
        """Tell every peer what it was not told yet: at most every ten seconds, but as soon as a network is recognised.

        A session may open in the second before that and end within it, because of a lock, say. If neither side learnt
        from it where the other is, the two would not find each other again.
        """
        while True:
            await self._moved.wait()
            self._moved, self._arrived = trio.Event(), trio.Event()
            self._told_at = self._standing()
            self._make_up()
            for device, link in self._linked():
                if link.site == UNRECOGNISED:  # our new address was not known yet when it was opened
                    self.note_meeting(device, link)
                    self._learn_from(device, link, link.strand(self._circle.id).said)
                self.tell(link)
            with trio.move_on_after(TELL_EVERY):
                await self._arrived.wait()
            strands = [link.strand(self._circle.id) for _, link in self._linked()]
            if any(strand.lost_since < math.inf and not strand.told_of_all for strand in strands):
                self._moved.set()

    def _linked(self) -> list[tuple[DeviceId, PeerLink]]:
        """The devices of this circle with a link that is about it."""
        others = set(self._circle.others())
        return [
            (device, link)
            for device, link in self._links.items()
            if device in others and link.is_about(self._circle.id)
        ]

    def tell(self, link: PeerLink) -> None:
        """Tell a peer where devices are, if there is news for it."""
        ends, peer, strand = self._network.ends(link.stream), link.device_in(self._circle), link.strand(self._circle.id)
        if ends is not None and peer is not None and self._is_where_it_began(link, ends):
            strand.told_of_all = self._is_told_of_all(strand)
            of = self._circle.others() if strand.told_of_all else self._one_for(peer, strand)
            told = self.spots.told_to(peer, of, self._circle.device, ends, self.here())
            says_that_we_are_lost = not strand.told_of_all and len(strand.told) != len(told)
            if says_that_we_are_lost or any(strand.told.get(device) != listed for device, listed in told.items()):
                link.locate(self._circle.id, told)

    def _is_told_of_all(self, strand: Strand) -> bool:
        """Whether the peer is told of all devices that we have met, rather than only of us and one other.

        It is if we have few links, if it is one of the peers that pass things on, or if it knows few devices. A device
        that knows many names one other to most peers; a peer that names none or several for a while may be lost.
        """
        lost = trio.current_time() - strand.lost_since >= LOST_FOR
        return not strand.sparse or strand.near or strand.watched or lost

    def _one_for(self, peer: DeviceId, strand: Strand) -> list[DeviceId]:
        """One device that we are connected with and that the peer has not named, if any."""
        if strand.other is None or strand.other in strand.named:
            others = [device for device, _ in self._linked() if device != peer and device not in strand.named]
            strand.other = self._random.choice(others) if others else None
        return [] if strand.other is None else [strand.other]

    def _is_where_it_began(self, link: PeerLink, ends: Ends) -> bool:
        """Whether our end of a session is on the network on which it was opened; if it has moved, the session ends.

        A laptop that is carried elsewhere may keep its address for a moment. A port of the new network, told in a
        session of the old one, would be kept with the old address and called on both, which links the two networks. A
        session that was opened moments ago has not moved: its network was recognised late.
        """
        ours = at_end(ends, self.here())
        if ours is None or ours.site == link.site:
            return True
        if ours.site == UNRECOGNISED:
            return False
        if link.site != UNRECOGNISED and trio.current_time() - link.began > RECOGNISED_WITHIN:
            link.close()
            return False
        link.site = ours.site
        peer = link.device_in(self._circle)
        if peer is not None and link.address is not None:
            self._learnt(self.spots.met(peer, link.address, ours.site))
        return True
