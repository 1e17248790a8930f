"""Runs: sorting many things without blocking other threads.

Python's sort never releases the interpreter lock, and a member may write 131,072 fields into a case. So long inputs are
sorted in runs, which are merged lazily.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import islice
from typing import Any, Final, TypeVar

LENGTH: Final = 4_096

T = TypeVar("T", bound=Any)


def in_order(things: Iterable[T]) -> Iterator[T]:
    """The things as `sorted` would give them."""
    source = iter(things)
    runs: list[list[T]] = []
    while run := sorted(islice(source, LENGTH)):
        runs.append(run)
    return iter(runs[0]) if len(runs) == 1 else merge(*runs)
