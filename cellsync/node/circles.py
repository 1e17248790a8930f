"""The circles that a node keeps in step. A device has an id of its own in each; what it has in all is its session key.

So devices are told apart by key where they are called and linked, and by id where something is known of them in one
circle. What is known in one circle is neither kept in another nor told there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cellsync.core.ids import CircleId, Day, DeviceId, SessionPublic
from cellsync.ledger.surroundings import Surroundings
from cellsync.node.shared import SharedCircle


class Circles:
    """All circles that are open on this device: none, if each is locked with a passphrase of its own."""

    def __init__(self, circles: Iterable[SharedCircle], surroundings: Surroundings | None = None) -> None:
        """`surroundings`: the same for all of them; needed if there is none."""
        self._circles = {circle.id: circle for circle in circles}
        self.surroundings = next(iter(self)).surroundings if surroundings is None else surroundings

    def __iter__(self) -> Iterator[SharedCircle]:
        return iter(list(self._circles.values()))

    def __getitem__(self, circle: CircleId) -> SharedCircle:
        return self._circles[circle]

    def add(self, circle: SharedCircle) -> None:
        self._circles[circle.id] = circle

    # --- their devices -------------------------------------------------------------------------------------

    def of(self, device: DeviceId) -> SharedCircle | None:
        """The circle in which this is the id of an active device."""
        return next((circle for circle in self if circle.key_of(device) is not None), None)

    def others(self) -> list[DeviceId]:
        """The active devices except this one, in all circles."""
        return [device for circle in self for device in circle.others()]

    def key_of(self, device: DeviceId) -> SessionPublic | None:
        circle = self.of(device)
        return None if circle is None else circle.key_of(device)

    def devices_with(self, key: SessionPublic) -> tuple[DeviceId, ...]:
        """The ids of the active device with this session key, in all circles; more of one only if a member cheats."""
        return tuple(device for circle in self for device in circle.devices_with(key))

    def shown_by(self, devices: Iterable[DeviceId], day: Day) -> Iterator[tuple[bytes, bytes]]:
        """The keys under which these devices, for which a user waits, show themselves while their clocks show a day:
        (key, device)."""
        wanted = list(devices)
        for circle in self:
            theirs = [device for device in wanted if self.of(device) is circle]
            yield from circle.shown_by(theirs, day, asked=True)
