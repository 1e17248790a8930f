"""What comes of a rotation on this device: it opens, or why it does not (protocol/40-membership.md, Epochs)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from cellsync.core.crypto.ratchet import Branches
from cellsync.core.errors import PeerError
from cellsync.core.ids import Day, DeviceId, EntryId, Millis, Wrap
from cellsync.core.membership import sealing
from cellsync.core.membership.epochs import is_ahead
from cellsync.core.membership.holders import HeldRotation
from cellsync.core.membership.rotation import Rewrap, Rotation
from cellsync.core.membership.seal_secrets import SealSecrets


class OpenedEpoch(NamedTuple):
    """Keep the states: the root is gone already."""

    states: Branches
    used: EntryId  # which introduced the seal key that opened it, and now has to be renewed


class NotForUs(NamedTuple):
    """Its author did not know of this device. A member hands the states over."""


class WaitsUntil(NamedTuple):
    """It is dated more than a day ahead of our clock: try again on this day."""

    until: Day


class Lacking(NamedTuple):
    """Nothing here opens it: the wrap to us has not come, or the secret that it was sealed to is gone. A member hands
    the states over."""


class DoesNotOpen(NamedTuple):
    """The secret is here that it had to be sealed to, and no wrap to us opens to what it commits to. A `reject` says
    so, and a member hands the states over."""


Outcome = OpenedEpoch | NotForUs | WaitsUntil | Lacking | DoesNotOpen


class Followed(NamedTuple):
    """A `rewrap` that is held, and counts."""

    author: DeviceId
    rewrap: Rewrap


class IntroducedSealKey(NamedTuple):
    """An entry of a device that counts, and introduced a seal key of it: its introduction, or a `seal_key`."""

    entry: EntryId
    height: int


def sealed_to(introduced: Iterable[IntroducedSealKey], saw: Callable[[EntryId], bool]) -> EntryId | None:
    """Which of a device's seal keys a rotation has to be sealed to: of those that it saw, the one with the greatest
    (height, id)."""
    seen = [one for one in introduced if saw(one.entry)]
    return max(seen, key=lambda one: (one.height, one.entry)).entry if seen else None


def opened(
    held: HeldRotation,
    device: DeviceId,
    followed: Sequence[Followed],
    introduced: Iterable[IntroducedSealKey],
    saw: Callable[[EntryId], bool],
    secrets: SealSecrets,
    now: Millis,
) -> Outcome:
    """What comes of a rotation after the first on this device, whose seal keys are `introduced`."""
    rotation = held.rotation
    if not isinstance(rotation, Rotation) or device not in rotation.devices:
        return NotForUs()
    if is_ahead(rotation.day, now):
        return WaitsUntil(Day(rotation.day - 1))
    wraps = _wraps_to(device, held, rotation, followed)
    for kept in secrets:
        try:
            states = sealing.opened(rotation, wraps, [kept.secret], now)
        except PeerError:
            continue
        if states is not None:
            return OpenedEpoch(states, kept.entry)
    return DoesNotOpen() if wraps and secrets.holds(sealed_to(introduced, saw)) else Lacking()


def _wraps_to(device: DeviceId, held: HeldRotation, rotation: Rotation, followed: Sequence[Followed]) -> list[Wrap]:
    """In the rotation, and in what its author sent after it."""
    later = (one.rewrap for one in followed if one.author == held.author)
    found = [rotation.devices[device], *(one.wraps.get(device) for one in later if one.epoch == held.epoch)]
    return [wrap for wrap in found if wrap is not None]
