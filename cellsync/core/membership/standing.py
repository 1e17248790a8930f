"""Rule 10: what labels mean for devices and members."""

from __future__ import annotations

from enum import Enum

from cellsync.core.membership.bench import Bench
from cellsync.core.membership.control import Role
from cellsync.core.membership.deeds import Bit, each, has
from cellsync.core.membership.label import IN, OUT, UNDECIDED, Label
from cellsync.core.wire.tags import Kind


class DeviceStatus(Enum):
    """Of these only an active device is served, and sealed to. A suspended one receives control entries, and votes."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REMOVED = "removed"


def rule_10_status(bench: Bench, device: Bit) -> DeviceStatus:
    """A device is removed if its introduction is OUT or an IN removal hits it; suspended if its introduction or its
    role of coordinator is UNDECIDED, or if an UNDECIDED strike hits it and its member authored an UNDECIDED strike;
    else active."""
    deeds, introduced, member = bench.deeds, bench.label(device), bench.deeds.owner(device)
    strikes = list(bench.strikes_at(device))
    if introduced == OUT or any(deeds.is_removal(strike) and bench.label(strike) == IN for strike in strikes):
        return DeviceStatus.REMOVED
    if introduced == UNDECIDED or role_of_coordinator(bench, member) == UNDECIDED:
        return DeviceStatus.SUSPENDED
    if any(bench.label(strike) == UNDECIDED for strike in strikes) and is_in_dispute(bench, member):
        return DeviceStatus.SUSPENDED
    return DeviceStatus.ACTIVE


def is_in_dispute(bench: Bench, member: Bit) -> bool:
    """Whether a member authored a strike that is UNDECIDED."""
    strikes = each(bench.deeds.strikes & bench.within)
    return any(bench.deeds.member(strike) == member and bench.label(strike) == UNDECIDED for strike in strikes)


def rule_10_role(bench: Bench, member: Bit) -> Role | None:
    """A member's role is the greatest IN grant, capped by every IN demotion that it did not see."""
    grants = (grant for grant in bench.deeds.grants_to(member) if has(bench.within, grant))
    return max((_capped(bench, grant, member) for grant in grants if bench.label(grant) == IN), default=None)


def role_of_coordinator(bench: Bench, member: Bit) -> Label:
    """Whether a member is a coordinator: IN, or UNDECIDED if that hangs on an UNDECIDED grant."""
    deeds = bench.deeds
    grants = (g for g in deeds.grants_to(member) if has(deeds.promotions & bench.within, g))
    return max((bench.label(g) for g in grants if _capped(bench, g, member) == Role.COORDINATOR), default=OUT)


def _capped(bench: Bench, grant: Bit, member: Bit) -> Role:
    """What a grant gives now."""
    deeds = bench.deeds
    caps = (
        deeds.role(strike)
        for strike in deeds.strikes_at_member(member)
        if deeds[strike].kind == Kind.SET_ROLE
        and has(bench.within, strike)
        and bench.label(strike) == IN
        and not deeds.saw(grant, strike)
        and strike != grant
    )
    return min((deeds.role(grant), *caps))
