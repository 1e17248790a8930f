"""Rule 13: what is kept and not shown."""

from __future__ import annotations

from typing import NamedTuple

from cellsync.core.ids import EntryId
from cellsync.core.membership.bench import Bench
from cellsync.core.membership.deeds import each
from cellsync.core.membership.label import IN
from cellsync.core.membership.rulings import label_of
from cellsync.core.wire.tags import Kind


class Released(NamedTuple):
    """What has been let out of quarantine, whether those who did so had seen it or not."""

    entries: frozenset[EntryId]
    heads: frozenset[EntryId]  # with all that is before them in their chains


def released(bench: Bench) -> Released:
    """What the releases that are IN name."""
    deeds = [bench.deeds[bit] for bit in each(bench.deeds.releases & bench.within) if label_of(bench, bit) == IN]
    return Released(
        frozenset(entry for deed in deeds for entry in deed.names),
        frozenset(head for deed in deeds for head in deed.heads),
    )


def rule_13_quarantine(bench: Bench) -> frozenset[EntryId]:
    """Case entries that are neither IN nor released. A coordinator releases; a release adds, and never removes.
    Control entries are never released."""
    deeds, (entries, heads) = bench.deeds, released(bench)
    before_heads = {deeds[bit].id for head in heads for bit in deeds.chain(head, bench.within)}
    return frozenset(
        deeds[bit].id
        for bit in each(bench.within & ~deeds.ballots)
        if deeds[bit].kind == Kind.CASE and label_of(bench, bit) != IN
    ) - (entries | before_heads)
