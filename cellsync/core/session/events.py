"""What a session says to the one who drives it."""

from __future__ import annotations

from typing import NamedTuple

from cellsync.core.errors import NoCommonVersion, PeerError
from cellsync.core.ids import CircleId, Day, DeviceId
from cellsync.core.membership.clocks import Difference
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.messages import Places


class Called(NamedTuple):
    """A member calls. Commit the ephemeral, then `accept`; if it was seen before, `ignore`."""

    device: DeviceId | None  # None: nobody whom we know, but the holder of a current key
    ephemeral: bytes
    day: Day


class Opened(NamedTuple):
    """Both sides have proved who they are."""

    device: DeviceId


class Apart(NamedTuple):
    """Both sides have proved who they are, and their builds have no version in common. Nothing follows but the end."""

    error: NoCommonVersion


class Received(NamedTuple):
    """A batch to plan and commit; then call `committed`."""

    circle: CircleId
    batch: Batch


class Acknowledged(NamedTuple):
    """The peer now holds what `delivered` says; `balance` has changed."""

    circle: CircleId


class Measured(NamedTuple):
    """The peer has said what its clock shows."""

    difference: Difference


class Answered(NamedTuple):
    """The peer has answered one more ping: so many now as `answered` says."""


class Located(NamedTuple):
    """The peer says where it, and other devices of this circle, listen. A claim: what it is worth is for the node."""

    circle: CircleId
    places: Places


class Ended(NamedTuple):
    """The session is over; close the connection. `error` is None if nobody is at fault."""

    error: PeerError | None


Event = Called | Opened | Apart | Received | Acknowledged | Measured | Answered | Located | Ended
