"""Members of a cell, as shown to people."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from cellsync.core.ids import DeviceId
from cellsync.ledger.circle import OpenCircle


class Member(NamedTuple):
    """A member's device. Similar names are each followed by the beginning of the device's id."""

    name: str
    role: str  # "coordinator", "writer" or "reader"
    device: DeviceId
    is_me: bool

    def __repr__(self) -> str:
        return f"<member {self.device.hex()[:8]}, {self.role}>"  # no name


def members(circle: OpenCircle, besides: Collection[DeviceId] = ()) -> list[Member]:
    """Everyone active in a circle, as far as this device knows, except `besides`."""
    return [
        Member(circle.replica.name(grant.device), grant.role.name.lower(), grant.device, grant.device == circle.device)
        for grant in circle.replica.circle.active()
        if grant.device not in besides
    ]
