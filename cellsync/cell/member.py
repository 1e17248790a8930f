"""Members of a cell, as people see them."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from cellsync.core.ids import DeviceId
from cellsync.ledger.circle import OpenCircle


class Member(NamedTuple):
    """A member's device. Where two names pass for one, the beginning of the device's id stands behind each."""

    name: str
    role: str  # "coordinator", "writer" or "reader"
    device: DeviceId
    is_me: bool

    def __repr__(self) -> str:
        return f"<member {self.device.hex()[:8]}, {self.role}>"  # no name


def members(circle: OpenCircle, besides: Collection[DeviceId] = ()) -> list[Member]:
    """Everyone who is active in a circle, by all that has reached this device, but for these."""
    return [
        Member(circle.replica.name(grant.device), grant.role.name.lower(), grant.device, grant.device == circle.device)
        for grant in circle.replica.circle.active()
        if grant.device not in besides
    ]
