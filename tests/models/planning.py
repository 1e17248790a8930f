"""Entries staged the plain way: each by itself, and looked up in every possible place."""

from __future__ import annotations

from collections.abc import Callable

from cellsync.core.ids import EntryId, Millis, Signature
from cellsync.core.replica import planner
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.slices import Slice
from cellsync.core.replica.stage import Stage
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.places import Line


def stage_entries(stage: Stage, batch: Batch, slices: list[Slice]) -> None:
    numbers = [0] * len(batch.cases)
    clock = 0
    for row in batch.entries:
        clock += row.clock
        planner._stage_entry(stage, slices, row, clock, batch.cases[row.case], numbers)


def stage_cases(
    stage: Stage, line: Line, sign: Callable[[EntryId], Signature], intentions: list[Intention], clock: Millis
) -> None:
    for intention in intentions:
        planner._stage_write(stage, line, sign, intention, clock)
