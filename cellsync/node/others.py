"""The others: what is known of the other devices of each circle, connected or not."""

from __future__ import annotations

import math
from collections.abc import Iterable

from cellsync.core import drawers
from cellsync.core.errors import NoCommonVersion
from cellsync.core.ids import DeviceId, Millis
from cellsync.core.versions import Versions
from cellsync.node import remembered
from cellsync.node.circles import Circles
from cellsync.node.remembered import Reached, SpokenVersions
from cellsync.node.shared import SharedCircle


class Others:
    """Which of our entries they hold, when they were last heard, and the versions of their builds."""

    def __init__(self, circles: Circles, ours: Versions) -> None:
        """`ours`: the versions of the protocol that this build speaks."""
        self._circles, self._ours = circles, ours
        # How many of our own entries a device is known to hold; for those not connected now, when each was last heard,
        # and the digest of what both held then, if it was the same.
        self.delivered: dict[DeviceId, int] = {}
        self.seen: dict[DeviceId, Millis] = {}
        self._in_step: dict[DeviceId, bytes] = {}
        self._spoken: dict[DeviceId, SpokenVersions] = {}
        self._parted: dict[DeviceId, float] = {}  # when they and we last found no version in common
        for circle in circles:
            self.recall(circle)

    def recall(self, circle: SharedCircle) -> None:
        """Read what is stored of the devices of a circle."""
        delivered, seen, in_step = remembered.reached(circle)
        self.delivered |= delivered
        self.seen |= seen
        self._in_step |= in_step
        self._spoken |= remembered.versions(circle)

    def keep(self, circle: SharedCircle) -> None:
        """Stage what is known of the devices of a circle, in its own store."""
        reached = Reached(self.delivered, self.seen, self._in_step)
        circle.store.keep(drawers.REACHED, remembered.encode_reached(circle, reached))
        circle.store.keep(drawers.VERSIONS, remembered.encode_versions(circle, self._spoken))

    # --- what they hold ------------------------------------------------------------------------------------

    def note_delivered(self, devices: Iterable[DeviceId], count: int, *, all_told: bool) -> bool:
        """These hold at least so many of our own entries. Returns whether that is news.

        If they have told everything they hold, it is exactly so many, even if it was more before: a vault was restored.
        """
        news = False
        for device in devices:
            before = self.delivered.get(device, 0)
            self.delivered[device] = count if all_told else max(count, before)
            news = news or self.delivered[device] != before
        return news

    def note_seen(self, device: DeviceId, heard: Millis, *, level: bool) -> None:
        """A device was last heard at that time; if `level`, both held the same then."""
        self.seen[device] = heard
        circle = self._circles.of(device)
        if level and circle is not None:
            self._in_step[device] = circle.digest()
        else:
            self._in_step.pop(device, None)

    def was_in_step(self, device: DeviceId) -> bool:
        """Whether a disconnected device held the same when last heard, and nothing has arrived here since."""
        circle = self._circles.of(device)
        return circle is not None and device in self._in_step and self._in_step[device] == circle.digest()

    # --- what they speak -----------------------------------------------------------------------------------

    def note_versions(self, devices: Iterable[DeviceId], spoken: Versions | None) -> bool:
        """These have proved the versions of their build. Returns whether that is news."""
        news = False
        for device in devices:
            before = self._spoken.get(device)
            if spoken is not None and (before is None or spoken != before.last):
                self._spoken[device] = SpokenVersions(
                    spoken, max(spoken.highest, 0 if before is None else before.highest)
                )
                news = True
        return news

    def spoken(self, device: DeviceId) -> Versions | None:
        """The versions of the protocol that a device's build last proved to speak."""
        spoken = self._spoken.get(device)
        return None if spoken is None else spoken.last

    def apart(self, device: DeviceId) -> NoCommonVersion | None:
        """Who has to update, if this build and that of a device have no version in common, as far as is known."""
        spoken = self._spoken.get(device)
        return None if spoken is None else self._ours.apart(spoken.last)

    def went_back(self, circle: SharedCircle) -> list[DeviceId]:
        """Devices of a circle whose build is older than one they had before."""
        spoken = [(device, self._spoken.get(device)) for device in circle.others()]
        return [device for device, theirs in spoken if theirs is not None and theirs.last.highest < theirs.highest]

    def parted(self, device: DeviceId, moment: float) -> None:
        """A device was met without a version in common."""
        self._parted[device] = moment

    def parted_since(self, moment: float, device: DeviceId) -> bool:
        """Whether a device has been met since then without a version in common."""
        return self._parted.get(device, -math.inf) >= moment
