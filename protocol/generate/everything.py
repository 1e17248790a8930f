"""All vectors, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from protocol.generate import batches_at_fault, batches_judged, batches_taken, codec, entries, folds, messages
from protocol.generate.vector import Vector

MAKERS: Final[tuple[Callable[[], Iterator[Vector]], ...]] = (
    codec.vectors,
    messages.vectors,
    entries.vectors,
    batches_taken.vectors,
    batches_judged.vectors,
    batches_at_fault.vectors,
    folds.vectors,
)


def everything() -> Iterator[Vector]:
    for make in MAKERS:
        yield from make()
