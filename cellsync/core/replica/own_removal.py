"""One's own removal: what removed a device, and whether that may wipe its vault.

It may if three things are so, and none of them follows from one person's word:

    the removal is final (rule 15)
    those who counted in its past had chosen that by then: two electors, or a recovery key
    and what they have said since, as far as it is here, has not taken it back

So nobody makes a vault be wiped by what they say with the removal or after it, and one of two who chose it stops it.
(protocol/40-membership.md, A device's own removal)
"""

from __future__ import annotations

from cellsync.core.ids import DeviceId, EntryId
from cellsync.core.membership.label import IN, UNDECIDED
from cellsync.core.membership.settings import Setting, WhenRemoved
from cellsync.core.membership.strikes import Strike
from cellsync.core.replica.choices import choices
from cellsync.core.replica.replica import Replica
from cellsync.core.wire.tags import Kind


def removals_of(replica: Replica, device: DeviceId) -> list[EntryId]:
    """What a removed device was removed by: the removals that stand and hit it, the oldest first. If none does, what
    introduced it, which has fallen."""
    if replica.circle.grant(device) is None or not replica.circle.decides_on(device) or replica.circle.is_heard(device):
        return []
    found = [
        strike.entry for strike in _hitting(replica, device) if strike.label == IN and strike.kind != Kind.SET_ROLE
    ]
    return found or [EntryId(device)]


def _hitting(replica: Replica, device: DeviceId) -> list[Strike]:
    decision, grant = replica.court.ruling.decision, replica.circle.grant(device)
    return [
        strike
        for strike in decision.strikes
        if grant is not None and (grant.member in strike.members or device in decision.linked_by(strike.devices))
    ]


def has_left(replica: Replica, device: DeviceId) -> bool:
    """Whether a device is out because its member left, and nobody removed it."""
    bits = [replica.circle.bit(removal) for removal in removals_of(replica, device)]
    kinds = {replica.circle.deed(bit).kind for bit in bits if bit is not None}
    return kinds == {Kind.LEAVE}


def is_leaving(replica: Replica, device: DeviceId) -> bool:
    """Whether a device is suspended because its member wants to leave, which is held back, and for nothing else."""
    kinds = {strike.kind for strike in _hitting(replica, device) if strike.label == UNDECIDED}
    return kinds == {Kind.LEAVE}


def may_wipe(replica: Replica, device: DeviceId) -> list[EntryId]:
    """The removals of a device that may wipe its vault, the oldest first."""
    final = replica.court.ruling.decision.is_final
    return [
        removal
        for removal in removals_of(replica, device)
        if removal != EntryId(device) and final(removal) and _was_chosen(replica, removal)
    ]


def _was_chosen(replica: Replica, removal: EntryId) -> bool:
    circle, now = replica.circle, replica.court.ruling.decision
    bit = circle.bit(removal)
    if bit is None:
        return False
    then = circle.deliberate(circle.deed(bit).past)
    return all(
        choices(circle, replica.charter, then, stands, replica.held.equivocators).in_force.get(Setting.WHEN_REMOVED)
        == WhenRemoved.WIPE
        for stands in (then, now)
    )
