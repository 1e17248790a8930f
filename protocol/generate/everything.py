"""All vectors, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from protocol.generate import codec, entries, folds, messages
from protocol.generate.vector import Vector

MAKERS: Final[tuple[Callable[[], Iterator[Vector]], ...]] = (
    codec.vectors,
    messages.vectors,
    entries.vectors,
    folds.vectors,
)


def everything() -> Iterator[Vector]:
    for make in MAKERS:
        yield from make()
