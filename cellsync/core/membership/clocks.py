"""Clocks: how far the clocks of other devices are from ours, as this device has measured it.

Devices tell each other their clocks in a pairing and at the beginning of each session. No device can know whose clock
is right, so the rules limit what a difference may be used for (protocol/40-membership.md, Clocks):

1. It adds days under which a session may open, and moments at which a beacon may have been made. Our own day is
   always tried as well.
2. It deletes nothing, orders nothing and dates nothing: a false clock can neither burn a key nor change an entry.
3. People are told that two clocks differ, not which one is wrong, unless two other members agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from cellsync.core import caps
from cellsync.core.errors import PeerError
from cellsync.core.ids import DeviceId, MemberId, Millis
from cellsync.core.rule import Rule
from cellsync.core.wire import codec

NOTABLE: Final = 300_000  # ms: from here on devices do not recognise each other's beacons at first sight
KEPT: Final = 2 * caps.DEVICES
_NAME: Final = "clocks"


class Difference(NamedTuple):
    """Another clock, compared with ours."""

    ahead: int  # ms by which it is ahead of ours; negative: behind
    within: int  # ms by which that may be wrong
    at: Millis  # our clock at the time of the measurement

    @property
    def notable(self) -> bool:
        """Whether it keeps devices from recognising each other's beacons at first sight."""
        return abs(self.ahead) - self.within >= NOTABLE


def compare(theirs: Millis, ours: Millis, waited: float) -> Difference:
    """The difference, from a reading of their clock taken at some point in the last `waited` seconds."""
    half = max(0, round(waited * 500))
    return Difference(theirs + half - ours, half, ours)


class Clocks:
    """The latest difference of each device that has told us its clock."""

    def __init__(self, held: Mapping[DeviceId, Difference] | None = None) -> None:
        self._held = dict(held or {})

    def note(self, device: DeviceId, difference: Difference) -> None:
        self._held.pop(device, None)  # the newest last
        self._held[device] = difference
        while len(self._held) > KEPT:
            del self._held[next(iter(self._held))]

    def devices(self) -> list[DeviceId]:
        """The devices whose difference is known."""
        return list(self._held)

    def of(self, device: DeviceId) -> Difference | None:
        return self._held.get(device)

    def shift(self, member_of: Callable[[DeviceId], MemberId | None]) -> int | None:
        """By how many ms the others' clocks are ahead of ours, if at least two members have told; else None.

        The median over members, each represented by its most recently heard device; of two middle values the one
        nearer to ours, or 0 if ours lies between them. So no single member can move it.
        """
        latest: dict[MemberId, int] = {}
        for device, difference in self._held.items():
            member = member_of(device)
            if member is not None:
                latest[member] = difference.ahead
        if len(latest) < 2:
            return None
        ordered = sorted(latest.values())
        low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
        return max(low, 0) if high >= 0 else high

    def encode(self) -> bytes:
        """For the circle's own database."""
        return codec.encode([[device, *difference] for device, difference in self._held.items()])

    @classmethod
    def decode(cls, raw: bytes | None) -> Clocks:
        """Decode what was stored; unreadable rows are dropped and will be measured again."""
        held: dict[DeviceId, Difference] = {}
        try:
            rows: Any = codec.decode(raw or b"\x90", caps.ENTRY, Rule.CAP_KEPT)
        except PeerError:
            rows = []
        for row in rows if isinstance(rows, list) else []:
            match row:
                case [bytes(device), int(ahead), int(within), int(at)] if within >= 0 and at >= 0:
                    held[DeviceId(device)] = Difference(ahead, within, Millis(at))
        return cls(held)
