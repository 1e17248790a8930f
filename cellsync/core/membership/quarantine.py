"""Rule 13: what is kept and not shown."""

from __future__ import annotations

from cellsync.core.ids import EntryId
from cellsync.core.membership.bench import Bench
from cellsync.core.membership.deeds import each
from cellsync.core.membership.label import IN
from cellsync.core.membership.rulings import label_of
from cellsync.core.wire.tags import Kind


def rule_13_quarantine(bench: Bench) -> frozenset[EntryId]:
    """Case entries that are neither IN nor released. A coordinator releases; a release adds, and never removes.
    Control entries are never released."""
    deeds = bench.deeds
    released = {
        entry
        for release in each(deeds.releases & bench.within)
        if label_of(bench, release) == IN
        for entry in deeds[release].names
    }
    return frozenset(
        deeds[bit].id
        for bit in each(bench.within & ~deeds.ballots)
        if deeds[bit].kind == Kind.CASE and deeds[bit].id not in released and label_of(bench, bit) != IN
    )
