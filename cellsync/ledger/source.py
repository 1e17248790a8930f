"""Sources: where a step came from. Each watcher of steps is told, and decides what it means there.

`Source` is closed: code that tells sources apart ends in `assert_never`, so the type checker names every place that a
new one is missing from. A relay's parcel, a bundle and paper each get a class here when they come, with what tells one
from another. Neither the planner nor the store asks where something came from.
"""

from __future__ import annotations

from typing import NamedTuple

from cellsync.core.ids import DeviceId


class OwnHand(NamedTuple):
    """Written on this device."""


class FromSession(NamedTuple):
    """Brought by another device, in a session that is live."""

    device: DeviceId | None  # None: none that is active has proved its key there
    link: int  # tells the links of one circle apart


Source = OwnHand | FromSession

OWN_HAND = OwnHand()
