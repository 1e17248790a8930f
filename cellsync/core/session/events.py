"""Events: what a session reports to its driver."""

from __future__ import annotations

from typing import NamedTuple

from cellsync.core.crypto.ratchet import Branches
from cellsync.core.errors import NoCommonVersion, PeerError
from cellsync.core.ids import CircleId, Day, DeviceId, EpochId
from cellsync.core.membership.clocks import Difference
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.detached import Detached
from cellsync.core.wire.messages import Places


class Called(NamedTuple):
    """A member calls. Commit the ephemeral, then `accept`; if it was seen before, `ignore`."""

    device: DeviceId | None  # None: an unknown device that holds a current key
    ephemeral: bytes
    day: Day


class Opened(NamedTuple):
    """Both sides have proved who they are."""

    device: DeviceId


class Apart(NamedTuple):
    """Both sides have proved who they are, and their builds have no version in common. Only `Ended` follows."""

    error: NoCommonVersion


class Received(NamedTuple):
    """A batch to plan and commit; then call `committed`."""

    circle: CircleId
    batch: Batch


class Forewarned(NamedTuple):
    """An entry has come alone, ahead of the history that it rests on. The driver judges it (`DetachedEntries.take`)."""

    circle: CircleId
    entry: Detached


class Acknowledged(NamedTuple):
    """The peer now holds more: see `delivered`; `balance` has changed."""

    circle: CircleId


class Measured(NamedTuple):
    """The peer has told its clock."""

    difference: Difference


class Answered(NamedTuple):
    """The peer has answered another ping: see `answered`."""


class Located(NamedTuple):
    """The peer claims that it, and other devices of this circle, listen at these places. The node judges the claim."""

    circle: CircleId
    places: Places


class Entrusted(NamedTuple):
    """The peer has handed over the states of the chosen epoch; they are its states. The driver keeps them."""

    circle: CircleId
    epoch: EpochId
    states: Branches


class HandedOver(NamedTuple):
    """The peer was given the states of the chosen epoch: it holds this one now."""

    circle: CircleId
    epoch: EpochId


class Ended(NamedTuple):
    """The session is over; close the connection. `error` is None if nobody is at fault."""

    error: PeerError | None


Event = (
    Called | Opened | Apart | Received | Forewarned | Acknowledged | Measured | Answered | Located | Entrusted
    | HandedOver | Ended
)  # fmt: skip
