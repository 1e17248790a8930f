"""The lookout: beacons of members, and the devices they belong to.

A member's beacon is called once. An unrecognised beacon is kept: while a user waits, the search finds out whether it
belongs to a device whose clock is far off (cellsync.node.search).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cellsync.core import beacon, caps
from cellsync.core.ids import DeviceId, Millis, day_of
from cellsync.core.membership import clocks
from cellsync.core.membership.epochs import around
from cellsync.node.calls import Calls, Where
from cellsync.node.circles import Circles
from cellsync.node.links import Links
from cellsync.node.network import Address, Network, Sighting
from cellsync.node.others import Others
from cellsync.node.search import Search
from cellsync.node.shared import SharedCircle

BEACONS_CALLED: Final = 256  # the newest, so that a replayed one is not called again
LOOKED_FOR: Final = 2 * caps.DEVICES  # devices of each circle whose beacons are looked for


class Lookout:
    """Watches for the devices of all circles."""

    def __init__(
        self, circles: Circles, network: Network, links: Links, others: Others, whereabouts: Where, calls: Calls
    ) -> None:
        self._circles, self._network, self._links, self._others = circles, network, links, others
        self._where, self._calls = whereabouts, calls
        self._called: deque[bytes] = deque(maxlen=BEACONS_CALLED)
        self.search = Search(circles, self._missing, calls.traced)

    async def look(self) -> None:
        """Call devices that are seen and have no session, until cancelled."""
        async with self._network.sightings() as sightings:
            async for sighting in sightings:
                found = self._recognise(sighting)
                if found is None:
                    self.search.keep(sighting)
                # Each beacon is called once: an attacker who replays one must not use up the callee's daily limit for
                # us. If the call fails, the device is redialled where it was, with increasing delays.
                if found is None or sighting.blob in self._called:
                    continue
                if found[0] in self._links:  # perhaps not for long: the link may be dead, unnoticed
                    if (where := self._where(found[0])) is not None:
                        where.shown(*found)
                    continue
                self._called.append(sighting.blob)
                self._calls.seen(*found)

    @contextmanager
    def searching(self) -> Iterator[None]:
        """Within the block a user waits: also look for devices whose clocks are far off."""
        if not self.search.wanted:
            self._calls.guesses.clear()  # they are of an earlier wait
        try:
            with self.search.waiting():
                self._calls.further = True
                yield
        finally:
            self._calls.further = self.search.wanted
            if not self.search.wanted:
                self._calls.forget_traced()

    def _missing(self) -> list[DeviceId]:
        """The devices without a session."""
        return [device for circle in self._circles for device in self._likely(circle) if device not in self._links]

    def _likely(self, circle: SharedCircle) -> list[DeviceId]:
        """The devices of a circle whose beacons are looked for: all, unless a hostile coordinator has made very many.

        Those met before come first, then in order of arrival: so thousands of others cannot crowd out earlier devices,
        and none of another circle.
        """
        devices = circle.others()
        if len(devices) > LOOKED_FOR:
            devices.sort(key=lambda device: device not in self._others.seen)
        return devices[:LOOKED_FOR]

    def _recognise(self, sighting: Sighting) -> tuple[DeviceId, Address] | None:
        now = self._circles.surroundings.now()
        others = [(circle, self._likely(circle)) for circle in self._circles]
        if not sighting.addresses or not any(devices for _, devices in others):
            return None
        candidates = [
            shown
            for circle, devices in others
            for own in circle.epochs.days(now)
            for day in around(own)
            for shown in circle.shown_by(devices, day)
        ]
        unlike = list(dict.fromkeys(candidates))  # days that are not held have the key of the first one
        by_clock = (self._match_by_its_clock(sighting, device, now) for _, devices in others for device in devices)
        return _match(sighting, unlike, now) or next((found for found in by_clock if found), None)

    def _match_by_its_clock(self, sighting: Sighting, device: DeviceId, now: Millis) -> tuple[DeviceId, Address] | None:
        """The same for a device whose clock is known to differ, or presumably agrees with the others'."""
        circle = self._circles.of(device)
        if circle is None:
            return None
        difference = circle.difference(device)
        ahead = circle.shift() if difference is None else difference.ahead
        if ahead is None or abs(ahead) < clocks.NOTABLE:
            return None
        then = Millis(max(0, now + ahead))
        days = {day_of(Millis(max(0, then + beacon.PERIOD * step))) for step in (-1, 0, 1)}
        candidates = [shown for day in sorted(days) for shown in circle.shown_by([device], day)]
        return _match(sighting, candidates, then)


def _match(
    sighting: Sighting, candidates: list[tuple[bytes, bytes]], now: Millis
) -> tuple[DeviceId, Address] | None:  # fmt: skip
    for port in {address.port for address in sighting.addresses}:
        packed = [address.packed for address in sighting.addresses if address.port == port]
        found = beacon.match(sighting.blob, candidates, packed, port, now)
        if found is not None:
            address = next(a for a in sighting.addresses if a.packed == found.address and a.port == port)
            return DeviceId(found.who), address
    return None
