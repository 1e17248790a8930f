"""Audience: what each device is told of a circle, by how it stands there (protocol/50-sync.md, Suspended and removed
devices).

    active      all
    suspended   who is a member, and nothing of cases
    removed     nothing; or, if a person here wants its owner to know, that it was removed

For those who are not told all there is a last arrival, after which nothing is about them.
"""

from __future__ import annotations

from collections.abc import Collection

from cellsync.core.history.entry import chain_of, sequence_of
from cellsync.core.history.store import Store
from cellsync.core.ids import DeviceId
from cellsync.core.membership.deeds import Bit
from cellsync.core.membership.strikes import Strike
from cellsync.core.replica.replica import Replica
from cellsync.core.session.view import Extent
from cellsync.core.wire.tags import Kind


def extent(replica: Replica, devices: Collection[DeviceId]) -> Extent:
    """What the holder of these devices is told: what the best of them is. There is another if it is all we know."""
    circle = replica.circle
    if any(circle.is_active(device) or not circle.decides_on(device) for device in devices):
        return Extent.ALL
    if any(circle.is_heard(device) for device in devices):
        return Extent.CONTROLS
    return Extent.REMOVAL if devices else Extent.NOTHING


def last_told(replica: Replica, store: Store, devices: Collection[DeviceId]) -> int:
    """The arrival of the newest entry that they are told for its own sake, 0 if there is none: of what is said of
    members; or for the removed, of the removals that hit them, and the words for these."""
    deeds = replica.court.slots
    if extent(replica, devices) is Extent.REMOVAL:
        entries = {strike.entry for strike in replica.court.ruling.decision.strikes if _hits(replica, strike, devices)}
        spoken = (deed for deed in map(replica.circle.deed, deeds) if deed.kind == Kind.ENDORSE)
        entries |= {deed.id for deed in spoken if entries.intersection(deed.names)}
        bits = [bit for entry in entries if (bit := replica.circle.bit(entry)) is not None]
    else:
        bits = list(deeds)
    newest: Bit | None = max(bits, default=None)  # they are numbered as they came
    return 0 if newest is None else store.first_arrival(chain_of(deeds[newest]), sequence_of(deeds[newest]))


def _hits(replica: Replica, strike: Strike, devices: Collection[DeviceId]) -> bool:
    """Whether a removal that stands hits one of these devices."""
    struck = strike.devices | replica.court.ruling.decision.linked_by(strike.devices)
    members = {grant.member for device in devices if (grant := replica.circle.grant(device)) is not None}
    removes = strike.kind in (Kind.REMOVE, Kind.LEAVE) and strike.label > 0
    return removes and bool(struck.intersection(devices) or strike.members & members)
