"""Whose turn it is to begin a new epoch.

A rotation heals: who copied a device's keys, and does not have the device, loses the circle with the next epoch. So
there is one every week, by one device: two at once are harmless, and forty-eight would be forty-eight times 55 kB. Any
active device may rotate, of whatever role. Whoever does learns nothing by it, since the secret would be sealed to it as
well; and a circle heals even while its coordinators are away.

The devices take turns in the order of their ids, beginning with the first one that is not below the id of the epoch.
Each epoch has another id, so it is not always the same device. The next one follows after a day's silence.
(protocol/40-membership.md, Epochs)
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from cellsync.core.ids import Day, DeviceId, EpochId, Millis
from cellsync.core.membership.epochs import is_ahead

WEEK: Final = 7  # days after which an epoch is followed by another
_AT_ONCE: Final = Day(0)
STAGGER: Final = 10  # seconds between two devices that have to rotate at once, as far as they can wait


class Begun(NamedTuple):
    """An epoch, and the day on which it begins."""

    epoch: EpochId
    day: Day


class Turn(NamedTuple):
    """When a device rotates, unless another has done so by then."""

    due: Day  # by our clock
    place: int  # in the order of the devices; those who have to at once MAY wait `place` times STAGGER


def turn(
    chosen: Begun | None, in_use: Begun, device: DeviceId, active: Collection[DeviceId], now: Millis, *, stands: bool
) -> Turn:
    """When it is a device's turn to rotate. `stands`: whether the epoch in use is usable (rule 14).

    Without any usable epoch it is everybody's turn at once; also if the chosen one waits for its day, and the one in
    use is usable no more. If it waits and the one in use stands, the week is that of the one in use: so nobody who
    dates a rotation ahead keeps the circle from healing.
    """
    if chosen is None:
        return Turn(_AT_ONCE, _place(in_use.epoch, device, active))
    place = _place(chosen.epoch, device, active)
    if not is_ahead(chosen.day, now):
        return Turn(Day(chosen.day + WEEK + place), place)
    return Turn(Day(in_use.day + WEEK + place) if stands else _AT_ONCE, place)


def _place(epoch: EpochId, device: DeviceId, active: Collection[DeviceId]) -> int:
    return sorted(active, key=lambda other: (other < epoch, other)).index(device)


def date(own: Day, attested: Day | None, in_use: Day) -> Day:
    """The day on which a new epoch begins: today, or a later one that others attest or the one in use has reached.

    A clock that was set back would else begin an epoch of which all later days have been passed. One that was set
    forward dates it ahead: nobody opens it until then, and the next in turn begins another.
    """
    return max(own, in_use) if attested is None else max(own, attested, in_use)
