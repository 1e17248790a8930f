"""Places: what is decided of a case entry that is no deed.

Case entries are thousands, and nobody else's label depends on them. So a replica keeps only where each stands: who
wrote it, which deeds it saw, and which strikes saw it. Rules 2 to 4 need no more, and most devices are in no trouble:
nothing of theirs has to be looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cellsync.core.membership.bench import Bench
from cellsync.core.membership.control import Role
from cellsync.core.membership.deeds import Bit, each, has
from cellsync.core.membership.label import IN, OUT, Label
from cellsync.core.membership.rulings import has_role, rule_4_any_cut


class Situation(NamedTuple):
    """What the labels of a device's entries depend on, as far as that is the same for all of them."""

    rests: tuple[tuple[Bit, Label], ...]  # its introduction, and the grants to its owner
    strikes: tuple[tuple[Bit, Label], ...]  # at it, that are not OUT


def situation(bench: Bench, device: Bit) -> Situation:
    grants = (grant for grant in bench.deeds.grants_to(bench.deeds.owner(device)) if has(bench.within, grant))
    strikes = ((strike, bench.strikes_with(strike)) for strike in bench.strikes_at(device))
    return Situation(
        tuple((rests, bench.label(rests)) for rests in (device, *grants)),
        tuple((strike, label) for strike, label in strikes if label != OUT),
    )


def label_at(bench: Bench, device: Bit, past: int, seen_by: Callable[[Bit], bool], needed: Role = Role.WRITER) -> Label:
    """What rules 2 to 4 say of a case entry of a device, with what it saw, and whether a strike saw it; or of another
    entry on which nothing depends, and that requires a role."""
    seen = past & bench.within
    if not has(seen & bench.deeds.introductions, device):
        return OUT
    may = has_role(bench, device, seen, needed, lambda strike: not seen_by(strike)) if needed > Role.READER else IN
    return min(bench.label(device), may, rule_4_any_cut(bench, device, seen_by))


def is_in_trouble(bench: Bench, device: Bit) -> bool:
    """Whether a case entry of a device could be anything but IN, if grants in its past make its author a writer: a
    strike hits it that takes this role and is not OUT, or not all grants on which such an entry may rest are IN."""
    deeds = bench.deeds
    grants = (g for g in deeds.grants_to(deeds.owner(device)) if has(bench.within, g) and deeds.role(g) >= Role.WRITER)
    strikes = (s for s in bench.strikes_at(device) if deeds.is_removal(s) or deeds.role(s) < Role.WRITER)
    return any(bench.label(rests) != IN for rests in (device, *grants)) or any(bench.label(s) != OUT for s in strikes)


def in_trouble(bench: Bench) -> frozenset[Bit]:
    """The devices whose case entries have to be looked at."""
    devices = each(bench.deeds.introductions & bench.within)
    return frozenset(device for device in devices if is_in_trouble(bench, device))
