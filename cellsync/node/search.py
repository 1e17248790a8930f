"""Search: finding the owners of beacons that are not recognised at first sight, since clocks may be hours or days off.

Only while a user waits for a sync: otherwise a beacon recorded and replayed on another day would make this device call,
and reveal its membership. Hashes only, a bounded number of them, in slices; each beacon once.

So many hashes are tried that one beacon of strangers in 360 fits by chance. What fits is called; but a difference of
clocks counts as seen only where two tags of one beacon, or two beacons, agree about it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import trio

from cellsync.core import beacon
from cellsync.core.beacon import Place
from cellsync.core.ids import MILLIS_PER_DAY, Day, DeviceId, Millis
from cellsync.node.circles import Circles
from cellsync.node.network import Address, Sighting

KEPT: Final = 64  # the newest unrecognised beacons
OF_ONE: Final = 250_000  # hashes for one beacon: a day each way for 47 devices at 8 addresses, weeks for a few
OF_ONE_WAIT: Final = 2_500_000  # hashes for all of them, while one user waits: some seconds, in slices
FITS_KEPT: Final = 64  # the newest
AGREE: Final = 4 * beacon.PERIOD  # ms: a record may be known for so long before it is seen here
_PERIODS_PER_DAY: Final = MILLIS_PER_DAY // beacon.PERIOD


class Fit(NamedTuple):
    """A beacon that seems to be a device's."""

    device: DeviceId
    address: Address
    ahead: int  # ms by which the device's clock is then ahead of ours
    agreed: bool  # two tags or two beacons say so: this is no chance


Found = Callable[[Fit], None]


class Search:
    """The unrecognised beacons, searched while a user waits."""

    def __init__(self, circles: Circles, missing: Callable[[], list[DeviceId]], found: Found) -> None:
        self._circles = circles
        self._missing = missing
        self._found = found
        self._unplaced: deque[tuple[Sighting, Millis]] = deque(maxlen=KEPT)  # with our clock then
        self._searched: set[bytes] = set()
        self._fits: deque[tuple[bytes, Fit]] = deque(maxlen=FITS_KEPT)  # with the beacon, also of earlier waits
        self._waiting = 0
        self._left = 0
        self._wake = trio.Event()

    @property
    def wanted(self) -> bool:
        return self._waiting > 0

    def keep(self, sighting: Sighting) -> None:
        """Keep an unrecognised beacon."""
        if len(sighting.blob) == beacon.SIZE and all(sighting.blob != kept.blob for kept, _ in self._unplaced):
            self._unplaced.append((sighting, self._circles.surroundings.now()))
            self._wake.set()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Within the block, a user waits for a sync."""
        if not self._waiting:
            self._searched.clear()
            self._left = OF_ONE_WAIT
        self._waiting += 1
        self._wake.set()
        try:
            yield
        finally:
            self._waiting -= 1

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            while self.wanted and self._left > 0:
                kept = next((pair for pair in reversed(self._unplaced) if pair[0].blob not in self._searched), None)
                if kept is None:
                    break
                self._searched.add(kept[0].blob)
                await self._look_into(*kept)

    async def _look_into(self, sighting: Sighting, now: Millis) -> None:
        """Find who showed this when our clock was `now`."""
        places = [Place(address.packed, address.port) for address in sighting.addresses]
        whose = _Candidates(self._circles, self._missing())
        hashes = min(OF_ONE, self._left)
        self._left -= hashes
        if not whose.devices or not places:
            return
        fits: list[Fit] = []
        for trace in beacon.search(sighting.blob, whose, places, now, hashes=hashes):
            if trace is not None:
                address = sighting.addresses[[place.address for place in places].index(trace.address)]
                ahead = (trace.period - beacon.period_of(now)) * beacon.PERIOD
                fits.append(self._fit(sighting.blob, DeviceId(trace.who), address, ahead, trace.fits))
                self._found(fits[-1])
            await trio.lowlevel.checkpoint()
            if not self.wanted or any(fit.agreed for fit in fits):
                return
            if fits and any(fit.device not in self._missing() for fit in fits):  # it has answered
                return

    def _fit(self, blob: bytes, device: DeviceId, address: Address, ahead: int, tags: int) -> Fit:
        agreed = tags > 1 or any(
            other != blob and earlier.device == device and abs(earlier.ahead - ahead) <= AGREE
            for other, earlier in self._fits
        )
        fit = Fit(device, address, ahead, agreed)
        if all((other, earlier.device, earlier.ahead) != (blob, device, ahead) for other, earlier in self._fits):
            self._fits.append((blob, fit))
        return fit


class _Candidates:
    """The keys under which the missing devices would have shown themselves in a period."""

    def __init__(self, circles: Circles, devices: list[DeviceId]) -> None:
        self._circles = circles
        self.devices = devices
        self._on: dict[Day, list[tuple[bytes, bytes]]] = {}  # a search goes back and forth between two days

    def __call__(self, period: int) -> Iterable[tuple[bytes, bytes]]:
        day = Day(period // _PERIODS_PER_DAY)
        if day not in self._on:
            self._on[day] = list(self._circles.shown_by(self.devices, day))
        return self._on[day]
