"""Elsewhere: the same device in the other circles of this one, known by its keys.

What is known of a device in one circle is told in no other. But whoever coordinates here and sees there that it was
removed is told so by their own device, which is in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cellsync.cell.flag import Flag, Reason, flag_of_device
from cellsync.core.ids import DeviceId, SessionPublic, SigningPublic
from cellsync.core.membership.control import Role, harmless
from cellsync.core.membership.label import IN
from cellsync.core.membership.standing import DeviceStatus
from cellsync.core.wire.tags import Kind
from cellsync.ledger.circle import OpenCircle

Keys = tuple[SigningPublic, SessionPublic]
"""What a device has in all circles that it is in."""


def keys_of(circle: OpenCircle, device: DeviceId) -> Keys:
    """Of a device that was introduced in this circle."""
    keys = circle.replica.circle.grants[device].keys
    return keys.signing, keys.session


def removed_elsewhere(circle: OpenCircle, every: Iterable[OpenCircle]) -> Iterator[Flag]:
    """The devices that another member has removed from other circles, and that are active in this one, where this
    device's member coordinates."""
    members = circle.replica.circle
    if members.current_role(circle.device) is not Role.COORDINATOR:
        return
    gone: dict[Keys, list[str]] = {}
    for other in every:
        for keys in set(_removed_from(other)) if other is not circle else ():
            gone.setdefault(keys, []).append(_called(other))
    for grant in members.active() if gone else ():
        names = gone.get((grant.keys.signing, grant.keys.session), ())
        if names and grant.device != circle.device:
            yield flag_of_device(circle, Reason.REMOVED_ELSEWHERE, grant.device)._replace(about=tuple(names))


def _removed_from(circle: OpenCircle) -> Iterator[Keys]:
    """The keys of devices that others have removed, as far as this one knows or was told. Whoever removes somebody is
    shown at once where else they are."""
    members, decision = circle.shown.circle, circle.shown.court.ruling.decision
    me = members.grant(circle.device)
    for strike in decision.strikes:
        if strike.kind != Kind.REMOVE or strike.label != IN or (me is not None and strike.author == me.member):
            continue
        for device, grant in members.grants.items():
            hit = grant.member in strike.members or device in strike.devices
            if hit and decision.statuses.get(device) is DeviceStatus.REMOVED:
                yield grant.keys.signing, grant.keys.session


def _called(circle: OpenCircle) -> str:
    found = circle.replica.circle.found
    return "another circle" if found is None else harmless(found.circle_name)
