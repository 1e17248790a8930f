"""Entries staged the plain way: each by itself, and looked up in every possible place. And which slices attach."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cellsync.core.ids import NO_ID, EntryId, Millis
from cellsync.core.replica import planner
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.slices import Slice
from cellsync.core.replica.stage import Stage
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.mark import KINDS
from cellsync.core.wire.places import Line


def stage_entries(stage: Stage, batch: Batch, slices: list[Slice]) -> None:
    numbers = [0] * len(batch.cases)
    clock = 0
    for row in batch.entries:
        clock += row.clock
        planner._stage_entry(stage, slices, row, clock, batch.cases, numbers)


def stage_cases(
    stage: Stage, line: Line, sign: planner.Sign, intentions: list[Intention], signed: list[bool], clock: Millis
) -> None:
    for intention, ends in zip(intentions, signed, strict=True):
        planner._stage_write(stage, line, sign if ends else None, intention, clock)


def refused_for_their_form(batch: Batch, ids: Sequence[EntryId], held: Collection[EntryId]) -> set[int]:
    """The rows of an honest batch that are refused once some entries in it are not full. `ids`: of its entries.

    Those with such an entry that is not held, and then, again and again, those that cite a refused row or begin behind
    an entry that nobody else has.
    """
    refused = {
        row.chain for row, entry in zip(batch.entries, ids, strict=True) if row.kind >= KINDS and entry not in held
    }
    while True:
        taken = {entry for row, entry in zip(batch.entries, ids, strict=True) if row.chain not in refused}
        more = {
            number
            for number, row in enumerate(batch.chains)
            if row.signature and row.previous not in {NO_ID, *held, *taken}
        }
        following = [row.first for row in batch.chains]
        for row in batch.entries:
            cited = zip(row.parents[::2], row.parents[1::2], strict=True)
            if any(at in refused and following[at] - back >= batch.chains[at].first for at, back in cited):
                more.add(row.chain)
            following[row.chain] += 1
        if more <= refused:
            return refused
        refused |= more
