"""A hearing: what the rules say if what this device was only told is looked at together with what it holds.

A device that is suspended, or was removed, is served no case entries. But control entries cite these, and the rules ask
who saw what. So it is told the outlines of case entries (`core/history/withholding`): from these every id, and every
signature, is computed and checked as ever, and who saw what is no claim of the teller. What a teller can do is what
anybody can who brings entries: keep something back.

What was told is not held: it is in no frontier and no digest, is never folded, cited or passed on. It is kept as it
came, and read anew together with what is held whenever that changes. (protocol/50-sync.md)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from cellsync.core.history.store import Store
from cellsync.core.ids import CircleId, EntryId
from cellsync.core.membership.editions import Edition
from cellsync.core.replica.planner import plan_batch
from cellsync.core.replica.replica import Replica
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.mark import KINDS, form_of, kind_of
from cellsync.core.wire.tags import Kind


class Conclusion(NamedTuple):
    """What comes of looking at what is held together with what was told."""

    replica: Replica  # one of its own, only to ask how things stand
    new: frozenset[EntryId]  # those entries that were told and are not held
    refused: list[int]  # rows of the joined batches that did not attach even so


def hear(circle: CircleId, store: Store, edition: Edition, told: Iterable[Batch]) -> Conclusion:
    """Look at what is held together with these batches. Raises PeerError if one of them breaks a rule."""
    replica = Replica(circle, store, edition)
    plan = plan_batch(replica.held, replica.circle, store, joined(told), {}, replica.judge, told=True)
    if plan.commit.entries:
        replica.advance(plan, fold=False)
    return Conclusion(replica, frozenset(entry.id for entry in plan.commit.entries), plan.refused)


def is_withholding(batch: Batch) -> bool:
    """Whether some of its entries came without their content."""
    return any(row.kind >= KINDS and form_of(row.kind) for row in batch.entries)


def is_of_members(batch: Batch) -> bool:
    """Whether all of its entries are control entries: then nothing of it has to be withheld from anybody."""
    return all(kind_of(row.kind) != Kind.CASE for row in batch.entries)


def joined(told: Iterable[Batch]) -> Batch:
    """One batch of several: the rows of each follow those of the one before."""
    whole, before = Batch(), 0
    for batch in told:
        chains, cases, clock = len(whole.chains), len(whole.cases), 0
        for at, row in enumerate(batch.entries):
            clock += row.clock
            parents = [one if place % 2 else one + chains for place, one in enumerate(row.parents)]
            difference = row.clock if at else row.clock - before
            case = row.case + cases if row.case >= 0 else row.case
            whole.entries.append(row._replace(chain=row.chain + chains, case=case, parents=parents, clock=difference))
        before = clock if batch.entries else before
        whole.chains += batch.chains
        whole.cases += batch.cases
        whole.newer = whole.newer or batch.newer
    return whole
