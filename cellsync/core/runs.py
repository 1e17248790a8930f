"""Runs: sorting many things without blocking other threads.

Python's sort never releases the interpreter lock, and a member may write 131,072 fields into a case. So long inputs are
sorted in runs, which are merged lazily.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
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


def by_id(ids: Mapping[int, bytes], numbers: Iterable[int]) -> Iterator[int]:
    """Numbers in the order of their ids, which are not kept meanwhile.

    They are parted by the first byte, which is nearly all the work where ids are drawn; their author may choose others.
    """
    parts = [array("I") for _ in range(256)]
    for number in numbers:
        parts[ids[number][0]].append(number)
    for part in parts:
        source = iter(part)
        runs: list[array[int]] = []
        while run := sorted(islice(source, LENGTH), key=ids.__getitem__):
            runs.append(array("I", run))
        yield from runs[0] if len(runs) == 1 else merge(*runs, key=ids.__getitem__)
