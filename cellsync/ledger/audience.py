"""Audience: what each device is told of a circle, by how it stands there (protocol/50-sync.md, Suspended and removed
devices).

    active      all
    suspended   who is a member, and nothing of cases
    removed     nothing; or, if a person here wants its owner to know, that it was removed
    answered    what was here when this device answered whoever removed it (`answer`)

For those who are not told all there is a last arrival, after which nothing is about them.
"""

from __future__ import annotations

from collections.abc import Collection

from cellsync.core.history.entry import chain_of, sequence_of
from cellsync.core.history.store import Store
from cellsync.core.ids import DeviceId, EntryId, MemberId
from cellsync.core.membership.deeds import Bit, Deed, has
from cellsync.core.membership.label import IN
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
    told = _spoken(replica, devices) if extent(replica, devices) is Extent.REMOVAL else deeds
    newest = max(told, default=None)  # they are numbered as they came
    return 0 if newest is None else _arrival(store, deeds[newest])


def arrival(replica: Replica, store: Store, entry: EntryId) -> int:
    """When an entry about members came; 0 if it is none."""
    bit = replica.circle.bit(entry)
    return 0 if bit is None else _arrival(store, replica.court.slots[bit])


def _arrival(store: Store, slot: int) -> int:
    return store.first_arrival(chain_of(slot), sequence_of(slot))


def is_final(replica: Replica, device: DeviceId) -> bool:
    """Whether a device was removed for good (rule 15): only that may destroy anything."""
    decision = replica.court.ruling.decision
    return any(decision.is_final(strike.entry) for strike in removals(replica, [device]) if strike.kind == Kind.REMOVE)


def removals(replica: Replica, devices: Collection[DeviceId]) -> list[Strike]:
    """The removals that stand and hit one of these devices, in order of arrival."""
    return [strike for strike in replica.court.ruling.decision.strikes if _hits(replica, strike, devices)]


def _spoken(replica: Replica, devices: Collection[DeviceId]) -> set[Bit]:
    """Those removals, the words for them, and of each word the first entry of another member who weighs and has seen
    it: without that it is not final."""
    deeds = [(bit, replica.circle.deed(bit)) for bit in sorted(replica.court.slots)]
    entries = {strike.entry for strike in removals(replica, devices)}
    words = {bit for bit, deed in deeds if deed.id in entries or _endorses(deed, entries)}
    electors = replica.court.ruling.decision.electors
    said = {bit: _owner(replica, deed) for bit, deed in deeds}
    weighing = [(bit, deed) for bit, deed in deeds if said[bit] in electors]
    seen = (
        next((bit for bit, deed in weighing if has(deed.past, word) and said[bit] != said[word]), None)
        for word in words
    )
    return words.union(bit for bit in seen if bit is not None)


def _endorses(deed: Deed, entries: Collection[EntryId]) -> bool:
    return deed.kind == Kind.ENDORSE and any(entry in entries for entry in deed.names)


def _owner(replica: Replica, deed: Deed) -> MemberId | None:
    grant = None if deed.device is None else replica.circle.grant(deed.device)
    return None if grant is None else grant.member


def _hits(replica: Replica, strike: Strike, devices: Collection[DeviceId]) -> bool:
    """Whether a removal that stands hits one of these devices."""
    struck = strike.devices | replica.court.ruling.decision.linked_by(strike.devices)
    members = {grant.member for device in devices if (grant := replica.circle.grant(device)) is not None}
    removes = strike.kind in (Kind.REMOVE, Kind.LEAVE) and strike.label == IN
    return removes and bool(struck.intersection(devices) or strike.members & members)
