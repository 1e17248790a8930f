"""Clocks of other devices, for people: how much they differ, and whether that kept a device from being reached."""

from __future__ import annotations

from typing import Final, NamedTuple

from cellsync.core.ids import DeviceId
from cellsync.core.plain import apart
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.days import FURTHER
from cellsync.node.node import Node

HINT: Final = "Set date and time right on both devices, then sync again."
SILENT: Final = (
    "Where a device of this cell was or seems to be, a call is accepted and not answered. "
    f"Compare date and time on both: clocks that are more than {FURTHER} days apart keep devices apart. "
    "Or it has heard that this device was removed: ask its owner."
)
MAYBE: Final = (
    "A device on this network may be one of this cell, with a clock {apart} this one's, or one of another cell. "
    "Compare date and time on both."
)


class OtherClock(NamedTuple):
    """Another device's clock, compared with this one's."""

    ahead: float  # seconds by which it is ahead; negative: behind
    measured: bool  # in their last session; else only inferred, from its beacons, of which two agree

    @property
    def notable(self) -> bool:
        """Whether to tell people about it."""
        return bool(apart(self.ahead))


def other_clock(circle: OpenCircle, node: Node, device: DeviceId) -> OtherClock | None:
    """None while nothing is known about it."""
    guess = node.calls.guesses.get(device)
    if guess is not None and guess.agreed:
        return OtherClock(guess.ahead / 1000, measured=False)
    difference = circle.difference(device)
    return None if difference is None else OtherClock(difference.ahead / 1000, measured=True)


def may_be_here(circle: OpenCircle, node: Node) -> str:
    """What to tell of a beacon that seems to be a device's, perhaps only by chance; "" if there is none."""
    guesses = [fit for device in circle.others() if (fit := node.calls.guesses.get(device)) and not fit.agreed]
    return MAYBE.format(apart=apart(guesses[0].ahead / 1000)) if guesses else ""


def keeps_apart(circle: OpenCircle, node: Node, device: DeviceId, since: float) -> OtherClock | None:
    """The clock that kept a device from being reached since then: the device was there, and its clock differs."""
    known = other_clock(circle, node, device)
    if known is None or not known.notable or device in node.links:
        return None
    return known if not known.measured or node.calls.unanswered.get(device, -1.0) >= since else None
