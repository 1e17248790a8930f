"""Parts of the benchmark, and how long each takes: `make bench` may take ten minutes, and `--quick` two."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import NamedTuple

from bench.rows import Row

Part = tuple[str, Iterator[Row]]


class Took(NamedTuple):
    """The time that one part took."""

    part: str
    seconds: float
    processor: float  # seconds of processor time, of all its processes that have ended


def timed(parts: Iterable[Part], took: list[Took]) -> Iterator[Row]:
    """The rows of the parts, one part after another; notes how long each took."""
    for name, rows in parts:
        began, spent = perf_counter(), _processor()
        yield from rows
        took.append(Took(name, perf_counter() - began, _processor() - spent))


def _processor() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
