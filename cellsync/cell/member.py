"""Members of a cell, as shown to people."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from cellsync.core.ids import CircleId, DeviceId, MemberId
from cellsync.ledger.circle import OpenCircle


class Member(NamedTuple):
    """A member's device. Similar names are each followed by the beginning of the device's id."""

    name: str
    role: str  # "coordinator", "writer" or "reader"
    device: DeviceId
    is_me: bool
    circle: CircleId
    member: MemberId  # whose device it is: one member may have several

    def __repr__(self) -> str:
        return f"<member {self.device.hex()[:8]}, {self.role}>"  # no name


class FormerMember(NamedTuple):
    """Somebody who was a member: removed, or gone."""

    name: str
    by: str  # who removed them; "": the recovery key
    left: bool  # they left by themselves

    def __repr__(self) -> str:
        return "<former member>"  # no names


def members(circle: OpenCircle, besides: Collection[DeviceId] = ()) -> list[Member]:
    """Everyone active in a circle, as far as this device knows, except `besides`."""
    who = circle.replica.circle
    return [
        Member(who.name(device), role.name.lower(), device, device == circle.device, circle.id, member)
        for device, member in ((introduced.device, introduced.member) for introduced in who.active())
        if device not in besides and (role := who.current_role(device)) is not None
    ]
