"""Rule 11: a circle is never without anybody who might coordinate it.

Two who leave at once, or everybody removing somebody, would otherwise leave nobody, and who goes last would depend on
the order of arrival.
"""

from __future__ import annotations

from dataclasses import replace

from cellsync.core.membership.bench import Bench
from cellsync.core.membership.deeds import Bit, each, has
from cellsync.core.membership.label import IN, OUT
from cellsync.core.membership.rulings import least_fixpoint
from cellsync.core.membership.standing import DeviceStatus, role_of_coordinator, rule_10_status
from cellsync.core.wire.tags import Kind


def rule_11_zero(bench: Bench) -> Bench:
    """Where no coordinator is active or suspended, the causally last IN strikes on coordinators are forced to at most
    UNDECIDED, all is labelled again, and so on. What a recovery key decided is not forced: who holds it can act."""
    deeds, forced = bench.deeds, 0
    while not has_coordinator(bench):
        strikes = [
            strike
            for strike in each(deeds.strikes & bench.within & ~deeds.by_paper)
            if bench.label(strike) == IN and _hits_a_coordinator(bench, strike)
        ]
        if not strikes:
            break
        seen = 0
        for strike in strikes:
            seen |= deeds[strike].past
        forced |= sum(1 << strike for strike in strikes if not has(seen, strike))
        bench = replace(bench, labels=least_fixpoint(bench, forced))
    return bench


def has_coordinator(bench: Bench) -> bool:
    """Whether a member who is a coordinator, or may be one, has a device that is not removed."""
    deeds = bench.deeds
    members = {member for grant in each(deeds.promotions & bench.within) for member in deeds.subjects(grant)}
    return any(
        role_of_coordinator(bench, member) != OUT
        and any(
            rule_10_status(bench, device) != DeviceStatus.REMOVED
            for device in deeds.devices(member)
            if has(bench.within, device)
        )
        for member in members
    )


def _hits_a_coordinator(bench: Bench, strike: Bit) -> bool:
    """Whether one whom it hits would be a coordinator by the grants that stand and the demotions that it saw."""
    deeds = bench.deeds
    return any(
        bench.label(grant) != OUT
        and not any(
            deeds[demotion].kind == Kind.SET_ROLE
            and bench.label(demotion) == IN
            and deeds.saw(strike, demotion)
            and not deeds.saw(grant, demotion)
            for demotion in deeds.strikes_at_member(member)
            if has(bench.within, demotion)
        )
        for member in deeds.hits(strike).parties
        for grant in deeds.grants_to(member)
        if has(deeds.promotions & bench.within, grant)
    )
