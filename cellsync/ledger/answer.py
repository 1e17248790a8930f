"""An answer: the removal with which this device's member answers whoever removed them, and who is to hear it.

Whoever removed this device tells it so, and is removed by the answer: by all that is held here. What was told is not
held, and only with that it shows that both are heard still, or that the answer has too few words. So two things go on
that would end otherwise, or nobody would ever hear it:

    this device speaks for a week, as one does who has left by their own hand
    whom the answer hits is served what was here when it was written: they were members like any until then

(protocol/50-sync.md, Suspended and removed devices)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from cellsync.core.ids import DeviceId, EntryId
from cellsync.core.membership.deeds import Deed
from cellsync.core.membership.strikes import Strike
from cellsync.core.replica import own_removal
from cellsync.core.replica.replica import Replica
from cellsync.core.wire.tags import Kind


class OwnAnswer(NamedTuple):
    """What a device's member has answered, and who hears it."""

    given: bool  # by a device that is removed, to whoever removed it
    hearers: Mapping[DeviceId, EntryId]  # devices that hear it though it hits them, and the newest answer that does


NO_ANSWER: Final = OwnAnswer(False, {})


def answered(held: Replica, shown: Replica, device: DeviceId) -> OwnAnswer:
    """`held`: what is held here; `shown`: together with what was told. It asks the rules: hold the lock."""
    return OwnAnswer(_has_answered(held, shown, device), _hearers(held, shown, device))


def _hearers(held: Replica, shown: Replica, device: DeviceId) -> dict[DeviceId, EntryId]:
    found: dict[DeviceId, EntryId] = {}
    for strike in _own(held, device):
        single = held.court.ruling.decision.linked_by(strike.devices)
        for grant in held.circle.grants.values():
            is_hit = grant.member in strike.members or grant.device in single
            if is_hit and grant.usable and _is_revived(held, shown, grant.device):
                found[grant.device] = strike.entry
    return found


def _has_answered(held: Replica, shown: Replica, device: DeviceId) -> bool:
    """Whether a removed device's member has answered who removed it."""
    removals = own_removal.removals_of(shown, device)
    removers = {
        _member(shown, shown.circle.deed(bit)) for one in removals if (bit := shown.circle.bit(one)) is not None
    }
    return any(strike.members & removers for strike in _own(held, device))


def _own(held: Replica, device: DeviceId) -> Iterator[Strike]:
    """The removals by a device's member of others, in order of arrival."""
    own = held.circle.grant(device)
    for strike in held.court.ruling.decision.strikes if own is not None else ():
        if strike.kind == Kind.REMOVE and own is not None and strike.author == own.member not in strike.members:
            yield strike


def _is_revived(held: Replica, shown: Replica, device: DeviceId) -> bool:
    """Whether a device is heard only because of what was told."""
    return shown.circle.is_heard(device) and not held.circle.is_heard(device)


def _member(replica: Replica, deed: Deed) -> object:
    grant = None if deed.device is None else replica.circle.grant(deed.device)
    return None if grant is None else grant.member
