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
    released = 0
    for release in each(deeds.releases & bench.within):
        if label_of(bench, release) == IN:
            released |= sum(1 << bit for bit in deeds.named(release))
            for head in deeds.heads(release):
                released |= deeds.by_device.get(deeds.device(head), 0) & (deeds[head].past | 1 << head)
    return frozenset(
        deeds[bit].id
        for bit in each(bench.within & ~deeds.ballots & ~released)
        if deeds[bit].kind == Kind.CASE and label_of(bench, bit) != IN
    )
