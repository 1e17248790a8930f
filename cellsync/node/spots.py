"""Spots: where another device may be called, at which site, and how we know (protocol/60-lan.md, Where others are).

The rules:

1. An address is called only at the site where it belongs; elsewhere it may belong to another machine. An address that a
   person gave is called anywhere.
2. A device's claims about itself replace what was known of it at that site. Claims by others come last, never replace
   anything better, and are forgotten when they fail or when the networks that we are on change.
3. No claim by a peer makes us call an address outside the networks that we are on, except the one it connects from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from ipaddress import ip_address
from typing import Final, NamedTuple

from cellsync.core import caps
from cellsync.core.ids import DeviceId
from cellsync.core.wire.messages import Places
from cellsync.node.network import Address, Ends, Here, is_one_host, without_scope
from cellsync.node.sites import UNRECOGNISED, Site

AT_ONE_SITE: Final = 4  # spots of one device
IN_ALL: Final = 16
SAID_BY_OTHERS: Final = 2  # of these at one site
FAILURES: Final = 3  # failed calls after which an address that others told us is forgotten


class Basis(IntEnum):
    """How we know of a spot; the best first."""

    MET = 0  # the device was reached there, or said so itself at that site
    HAND = 1  # a person said so
    HEARD = 2  # another device said so


class Spot(NamedTuple):
    """An address of another device, without scope."""

    host: str
    port: int
    site: Site
    source: Basis

    def is_at(self, address: Address) -> bool:
        return (self.host, self.port) == (without_scope(address.host), address.port)


class Spots:
    """The spots of all other devices."""

    def __init__(self, known: dict[DeviceId, list[Spot]] | None = None) -> None:
        self.known: dict[DeviceId, list[Spot]] = {} if known is None else known
        self._failures: dict[tuple[DeviceId, Spot], int] = {}

    # --- calling -------------------------------------------------------------------------------------------

    def callable(self, device: DeviceId, here: Sequence[Here]) -> list[Address]:
        """Where to call a device from the networks on which we are, the likeliest first."""
        found: dict[tuple[str, int], Address] = {}
        for spot in sorted(self.known.get(device, ()), key=lambda spot: spot.source):
            for address in _ways(spot, here):
                found.setdefault((address.host if spot.source is not Basis.HAND else spot.host, spot.port), address)
        return list(dict.fromkeys(found.values()))

    def failed(self, device: DeviceId, address: Address) -> None:
        """A call to this address was not answered."""
        for spot in self.known.get(device, ()):
            if spot.is_at(address) and spot.source is Basis.HEARD:
                count = self._failures[device, spot] = self._failures.get((device, spot), 0) + 1
                if count >= FAILURES:
                    self.known[device].remove(spot)
                    del self._failures[device, spot]
                return

    # --- learning ------------------------------------------------------------------------------------------

    def met(self, device: DeviceId, address: Address, site: Site) -> bool:
        """A device was reached at an address. Returns whether that is news."""
        return self._put(device, [Spot(without_scope(address.host), address.port, site, Basis.MET)])

    def by_hand(self, device: DeviceId, address: Address) -> None:
        """A person said where a device is."""
        self._put(device, [Spot(without_scope(address.host), address.port, UNRECOGNISED, Basis.HAND)])

    def claimed(
        self, device: DeviceId, listed: Sequence[tuple[bytes, int]], ends: Ends, here: Sequence[Here],
        reached: Address | None,
    ) -> bool:  # fmt: skip
        """A device's claims about itself, in a session between `ends` that we opened at `reached`, if we did.

        Returns whether they are news.
        """
        ours = at_end(ends, here)
        if ours is None:
            return False
        spots = [Spot(without_scope(reached.host), reached.port, ours.site, Basis.MET)] if reached is not None else []
        for host, port in _hosts(listed, ends, here):
            if (ours.contains(host) or host == ends.there) and not _is_ours(host, port, here):
                spots.append(Spot(host, port, ours.site, Basis.MET))
        return self._put(device, list(dict.fromkeys(spots)), replace=True) if spots else False

    def heard(
        self, device: DeviceId, listed: Sequence[tuple[bytes, int]], ends: Ends, here: Sequence[Here]
    ) -> bool:  # fmt: skip
        """Another device's claims about this one. Returns whether there is a new address to call."""
        news = [self._hear(device, host, port, here) for host, port in _hosts(listed, ends, here)]
        return any(news)

    def forget_heard(self) -> None:
        """Forget what others said and beacons showed: it is valid only while we stay on the same networks."""
        for device, spots in self.known.items():
            for old in spots:
                if old.source is Basis.HEARD:
                    self._failures.pop((device, old), None)
            self.known[device] = [spot for spot in spots if spot.source is not Basis.HEARD]

    def shown(self, device: DeviceId, address: Address, here: Sequence[Here]) -> bool:
        """A beacon shows a device here; another member could have forged it. Returns whether the address is new."""
        return self._hear(device, without_scope(address.host), address.port, here)

    def not_shown(self, device: DeviceId, address: Address) -> None:
        """Forget an address that nothing but a beacon, or another device, has told us."""
        for spot in [spot for spot in self.known.get(device, ()) if spot.is_at(address)]:
            if spot.source is Basis.HEARD:
                self.known[device].remove(spot)
                self._failures.pop((device, spot), None)

    def _hear(self, device: DeviceId, host: str, port: int, here: Sequence[Here]) -> bool:
        site = next((network.site for network in here if network.contains(host)), None)
        known = self.known.get(device, [])
        if site is None or _is_ours(host, port, here) or any(spot.is_at(Address(host, port)) for spot in known):
            return False
        heard = [spot for spot in known if spot.source is Basis.HEARD and spot.site == site]
        dropped = heard[: len(heard) + 1 - SAID_BY_OTHERS]  # the oldest
        after = [spot for spot in known if spot not in dropped]
        if len(after) >= IN_ALL:
            return False
        for old in dropped:
            self._failures.pop((device, old), None)
        self.known[device] = [*after, Spot(host, port, site, Basis.HEARD)]
        return True

    def _put(self, device: DeviceId, spots: list[Spot], *, replace: bool = False) -> bool:
        """Put new spots first. They replace equal ones, or all others of their site. Returns whether they are news."""
        before = self.known.get(device, [])
        kept = [old for old in before if not any(_is_superseded(old, new, replace) for new in spots)]
        self.known[device] = now = _bounded([*spots, *kept])
        for old in before:
            if old not in now:
                self._failures.pop((device, old), None)
        return self.known[device] != before

    # --- telling -------------------------------------------------------------------------------------------

    def told_to(
        self, hearer: DeviceId, others: Iterable[DeviceId], me: DeviceId, ends: Ends, here: Sequence[Here]
    ) -> Places:  # fmt: skip
        """The addresses of us and of others that a device is told in a session between `ends`."""
        ours = at_end(ends, here)
        places: Places = {}
        if ours is not None:
            places[me] = [(address.packed, address.port) for address in ours.addresses[: caps.ADDRESSES]]
        is_here = ours is not None and ours.contains(ends.there)
        for device in others:
            listed = [
                (ip_address(spot.host).packed, spot.port)
                for spot in self.known.get(device, ())
                if spot.source is Basis.HAND
                or (spot.source is Basis.MET and is_here and ours is not None and spot.site == ours.site
                    and ours.contains(spot.host))
            ]  # fmt: skip
            if listed and device != hearer and len(places) < caps.DEVICES:
                places[device] = list(dict.fromkeys(listed))[:AT_ONE_SITE]
        return places


def at_end(ends: Ends, here: Sequence[Here]) -> Here | None:
    """The network at our end of a session."""
    return next((network for network in here if any(address.host == ends.here for address in network.addresses)), None)


def _ways(spot: Spot, here: Sequence[Here]) -> Iterator[Address]:
    if spot.source is Basis.HAND:
        on_link = next((network for network in here if network.contains(spot.host)), None)
        is_local = ip_address(spot.host).is_link_local
        yield on_link.at(spot.host, spot.port) if is_local and on_link else Address(spot.host, spot.port)
        return
    for network in here:
        if network.site == spot.site and (spot.site != UNRECOGNISED or network.contains(spot.host)):
            yield network.at(spot.host, spot.port) if network.contains(spot.host) else Address(spot.host, spot.port)
        elif spot.site == UNRECOGNISED and network.contains(spot.host):
            yield network.at(spot.host, spot.port)


def _hosts(listed: Sequence[tuple[bytes, int]], ends: Ends, here: Sequence[Here]) -> Iterator[tuple[str, int]]:
    """The listed addresses that may be called at all."""
    loopback = ip_address(ends.here).is_loopback
    networks = [network for place in here for network in place.networks]
    for raw, port in listed:
        address = ip_address(raw)
        if is_one_host(address, networks) and (loopback or not address.is_loopback):
            yield str(address), port


def _is_ours(host: str, port: int, here: Sequence[Here]) -> bool:
    return any(Address(host, port) in network.addresses for network in here)


def _is_superseded(old: Spot, new: Spot, replace: bool) -> bool:
    if Basis.HAND in (old.source, new.source):
        return old == new
    same = (old.host, old.port) == (new.host, new.port)
    return (same and old.site in (new.site, UNRECOGNISED)) or (replace and old.site == new.site)


def _bounded(spots: list[Spot]) -> list[Spot]:
    """The first spots of each site, and all that a person gave, as far as there is room."""
    counts: dict[tuple[Site, bool], int] = {}
    kept: list[Spot] = []
    for spot in [*(known for known in spots if known.source is Basis.HAND), *spots]:
        group = spot.site, spot.source is Basis.HAND
        if spot not in kept and counts.get(group, 0) < AT_ONE_SITE and len(kept) < IN_ALL:
            counts[group] = counts.get(group, 0) + 1
            kept.append(spot)
    return [spot for spot in spots if spot in kept]
