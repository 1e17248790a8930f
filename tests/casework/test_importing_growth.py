"""A law of growth: the cost of a table's row does not depend on the number of rows.

Calls of Python and C functions are counted, which gives the same on every machine however busy it is. `make bench` has
the times.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Any, Final

import pytest

from bench.importing import wide
from cellsync.casework.importing import import_cases
from cellsync.cell import catalogue
from cellsync.cell.cell import Cell
from cellsync.core.history.store import CaseListing
from cellsync.store.listings import SqliteListings
from cellsync.store.sqlite import SqliteStore
from cellsync.testing import MemoryNetwork

SIZES: Final = (20, 50, 350)  # each step is ten times as many rows as the one before
MOST: Final = 1.3


class Calls:
    """How many there were in a block of code that runs in this thread."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Calls:
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: Any, event: str, argument: Any) -> None:
        self.count += event in ("call", "c_call")


async def counted(rows: int) -> tuple[int, int]:
    """Of an import, and of the same one again."""
    device = await MemoryNetwork().device("ana").found()
    async with device.opened() as cell:
        return await calls_of(cell, rows), await calls_of(cell, rows)


async def calls_of(cell: Cell, rows: int) -> int:
    table = wide(rows)
    with Calls() as calls:
        report = await import_cases(cell, table)
    assert report.created + report.unchanged == rows
    assert cell.first.catalogue.stale == 0  # described while it was at hand
    return calls.count


@pytest.mark.parametrize(("together", "spacious", "puts"), [(8_192, True, 1), (600, True, 2), (8_192, False, 4)])
async def test_what_is_described_is_put_together(
    together: int, spacious: bool, puts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names and ids come in any order: put group by group, a row would write more pages the more cases there are."""
    device, rows = await MemoryNetwork().device("ana").found(), 301  # four groups, of some 400 cases each
    monkeypatch.setattr(catalogue, "TOGETHER", together)
    monkeypatch.setattr(SqliteStore, "spacious", spacious)
    sizes: list[int] = []
    put = SqliteListings.put

    def counting(listings: SqliteListings, some: Collection[CaseListing]) -> None:
        sizes.append(len(some))
        put(listings, some)

    monkeypatch.setattr(SqliteListings, "put", counting)
    async with device.opened() as cell:
        await import_cases(cell, wide(rows))
        assert (cell.first.catalogue.stale, cell.first.catalogue.staged) == (0, 0)
        assert len(sizes) == puts
        assert sum(sizes) == len(cell.first.circle.replica.held.cases) - 1 > 3 * rows
    async with device.opened() as cell:
        assert cell.first.catalogue.stale == 0  # it is durable


async def test_a_row_costs_the_same_in_a_table_of_ten_times_as_many() -> None:
    """What comes on top of a small table, so that what a table costs beside its rows does not hide what grows."""
    none, few, many = SIZES
    counts = [await counted(rows) for rows in (none, *SIZES)][1:]  # once more: what a process makes once
    for small, middle, large in zip(*counts, strict=True):
        before, after = (middle - small) / (few - none), (large - middle) / (many - few)
        assert after <= MOST * before
