"""Removal: of one person, or one of their devices, from all circles of this device in which they are.

Rules:

1. **Keys say who it is; a name is what somebody calls themselves.** A device signs and talks with the same two keys in
   all of its circles. So a member of another circle is the same person if a device of theirs has both keys of a device
   of theirs here.
2. **A key that somebody entered proves nothing.** Whoever coordinates a circle can enter anyone's keys into it, under
   any name, and have others removed elsewhere as that one. So who has these keys and another name is shown, and not
   removed along; this device's own member never is. Only one's own devices link one's own: they count under any name.
3. **Each circle decides for itself.** There is an entry in each, with a rotation of its own. If one cannot be written,
   the others stand.
4. **No circle is told of another.** Where this device's member does not coordinate, nothing is written: whatever said
   there that somebody is to be removed would tell all of its readers, guests too, that something has happened which
   they were not part of. So people are told by people: `tell` names the coordinators. Those who see the removal where
   it was made are told by their own device, which is in both circles (`removed_elsewhere`), and nobody learns of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cellsync.cell.circle import CellCircle
from cellsync.cell.elsewhere import Keys, keys_of
from cellsync.cell.standing import MemberStanding
from cellsync.core.folded import folded
from cellsync.core.ids import DeviceId, EntryId
from cellsync.core.membership.control import Role


class Presence(NamedTuple):
    """A circle in which somebody is whom it is about."""

    circle: CellCircle
    member: MemberStanding
    devices: tuple[DeviceId, ...]  # only these of theirs; (): all
    alike: bool  # whether they have the same name there
    mine: bool  # whether this device's member can remove them there
    coordinators: tuple[str, ...]  # the others who can
    tell: tuple[str, ...]  # those of them whose device will not say so by itself

    def __repr__(self) -> str:
        return f"<presence in {self.circle.id.hex()[:8]}>"  # no names

    @property
    def covered(self) -> bool:
        """Whether one removal takes them out of this circle as well."""
        return self.mine and self.alike

    async def remove(self, *, with_admitted: bool = False, tell: bool = False) -> EntryId:
        """As `Membership.remove`."""
        members = [] if self.devices else [self.member.member]
        return await self.circle.membership.remove(members, self.devices, with_admitted=with_admitted, tell=tell)


async def presences(
    circles: Sequence[CellCircle], at: CellCircle, member: MemberStanding, devices: Sequence[DeviceId] = ()
) -> list[Presence]:
    """Where a member of the circle `at` is, that circle first. `devices`: only these of theirs are meant."""
    meant = devices or [owned.device for owned in member.devices]
    keys = {keys_of(at.circle, device) for device in meant}
    names = {_claimed(at, device) for device in meant}
    found = [(at, member, tuple(devices), True)]
    for circle in circles if devices or not member.is_me else ():
        for one in [] if circle is at else (await circle.membership.roster()).members:
            theirs = [
                owned.device
                for owned in one.devices
                if owned.status != "removed" and keys_of(circle.circle, owned.device) in keys
            ]
            if theirs and one.is_me == member.is_me:
                alike = one.is_me or all(_claimed(circle, device) in names for device in theirs)
                found.append((circle, one, tuple(theirs) if devices else (), alike))
    heard = {
        keys_of(circle.circle, active.device)
        for circle, one, _, alike in found
        if alike and _is_mine(circle, one)
        for active in circle.circle.replica.circle.active()
    }
    return [
        Presence(circle, one, only, alike, _is_mine(circle, one), *_others(circle, one, heard))
        for circle, one, only, alike in found
    ]


def _is_mine(circle: CellCircle, one: MemberStanding) -> bool:
    """Whether this device's member can remove somebody there."""
    return circle.circle.replica.circle.is_active(circle.device) and (one.is_me or circle.role is Role.COORDINATOR)


def _others(circle: CellCircle, one: MemberStanding, heard: set[Keys]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the other coordinators of a circle; and of those who have no device with keys of `heard`."""
    known = circle.circle.replica.circle
    able: dict[str, bool] = {}  # by name: whether a device of theirs hears of it
    me = known.grant(circle.device)
    for grant in known.active():
        if known.current_role(grant.device) is not Role.COORDINATOR or grant.member == one.member:
            continue
        if me is None or grant.member != me.member:
            name = known.name(DeviceId(grant.member))
            able[name] = able.get(name, False) or keys_of(circle.circle, grant.device) in heard
    return tuple(sorted(able)), tuple(sorted(name for name, hears in able.items() if not hears))


def _claimed(circle: CellCircle, device: DeviceId) -> str:
    """What a device's member calls themselves, without what tells it from namesakes."""
    return folded(circle.circle.replica.circle.names.claimed(device))
