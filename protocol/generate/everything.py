"""All vectors, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from protocol.generate import (
    batches_at_fault,
    batches_in_forms,
    batches_judged,
    batches_taken,
    beacons,
    charters,
    circles,
    codec,
    controls,
    entries,
    folds,
    frontiers,
    handshakes,
    keys,
    marks,
    messages,
    names,
    pairings,
    rotations,
    serving,
    sessions,
    settings,
    tags,
    telling,
    vaults,
)
from protocol.generate.vector import Vector

MAKERS: Final[tuple[Callable[[], Iterator[Vector]], ...]] = (
    codec.vectors,
    messages.vectors,
    marks.vectors,
    names.vectors,
    entries.vectors,
    controls.vectors,
    frontiers.vectors,
    batches_taken.vectors,
    batches_judged.vectors,
    batches_at_fault.vectors,
    batches_in_forms.vectors,
    telling.vectors,
    serving.vectors,
    circles.vectors,
    charters.vectors,
    folds.vectors,
    keys.vectors,
    rotations.vectors,
    settings.vectors,
    vaults.vectors,
    beacons.vectors,
    handshakes.vectors,
    pairings.vectors,
    sessions.vectors,
    tags.vectors,
)


def everything() -> Iterator[Vector]:
    for make in MAKERS:
        yield from make()
