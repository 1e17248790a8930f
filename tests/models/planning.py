"""Batches staged the plain way: every entry by itself, and looked up wherever it may be."""

from __future__ import annotations

from cellsync.core.replica import planner
from cellsync.core.replica.slices import Slice
from cellsync.core.replica.stage import Stage
from cellsync.core.wire.messages import Batch


def stage_entries(stage: Stage, batch: Batch, slices: list[Slice]) -> None:
    numbers = [0] * len(batch.cases)
    clock = 0
    for row in batch.entries:
        clock += row.clock
        planner._stage_entry(stage, slices, row, clock, batch.cases[row.case], numbers)
