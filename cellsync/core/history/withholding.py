"""Withholding: a batch for somebody who may learn who is a member, and nothing of cases (protocol/50-sync.md).

    case entry      its skeleton: who wrote when and upon what, and how long it is; neither its case nor what it says
    control entry   whole; or, for who is no member any more, erased: without names

Ids, and what signatures cover, stay the same. So whoever gets it computes for themselves what each entry saw.
"""

from __future__ import annotations

from enum import Enum, auto

from cellsync.core.history.entry import hash_content, hash_shape
from cellsync.core.wire.batches import NO_CASE, Batch, BatchEntry
from cellsync.core.wire.mark import EntryForm, Hashed, marked
from cellsync.core.wire.tags import Kind


class Withheld(Enum):
    """What of a circle's entries somebody does not get."""

    NOTHING = auto()
    CASES = auto()
    CASES_AND_NAMES = auto()


def withhold(batch: Batch, what: Withheld) -> Batch:
    """The same batch without what is withheld. It counts no more towards the cap on batches."""
    if what is Withheld.NOTHING:
        return batch
    kept = [_without(batch, row, what) for row in batch.entries]
    own = [batch.cases[row.case] for row in batch.entries if row.kind][:1]  # the table names no other case
    return Batch(batch.chains, own, kept)


def _without(batch: Batch, row: BatchEntry, what: Withheld) -> BatchEntry:
    content = Hashed(hash_content(row.content), len(row.content)).pack()
    if row.kind == Kind.CASE:
        shape = Hashed(hash_shape(batch.cases[row.case], row.shape), len(row.shape)).pack()
        return row._replace(case=NO_CASE, kind=marked(row.kind, EntryForm.SKELETON), shape=shape, content=content)
    if what is Withheld.CASES_AND_NAMES:
        return row._replace(case=0, kind=marked(row.kind, EntryForm.ERASED), content=content)
    return row._replace(case=0)
