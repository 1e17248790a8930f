"""Importing the example's 500 rows, each a few signed entries, into a vault on disk."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib.resources import files
from pathlib import Path
from time import perf_counter
from typing import Final

import trio

from bench.rows import Row
from cellsync.casework.importing import import_cases
from cellsync.cell.founding import found_cell
from cellsync.cell.home import Home
from cellsync.cell.opening import open_cell
from cellsync.node.lan import open_lan
from cellsync.store.header import Kdf

BUDGET: Final = 2.0  # seconds


def measure(folder: Path) -> Iterator[Row]:
    table = (files("cellsync.casework") / "data" / "cases.csv").read_bytes()
    rows, first, again = trio.run(_import, folder / "importing", table)
    yield Row(f"import of {rows} rows: first", first, "s", BUDGET)
    yield Row(f"import of {rows} rows: again, nothing new", again, "s", BUDGET)


async def _import(folder: Path, table: bytes) -> tuple[int, float, float]:
    # The key derivation is not part of an import, and has its own cost by design.
    home = Home(folder, partial(open_lan, ["127.0.0.1"], mode="off"), kdf=Kdf.CHEAP)
    await found_cell(home, "bench", name="bench", passphrase="bench")
    async with open_cell(home, passphrase="bench") as cell:
        began = perf_counter()
        report = await import_cases(cell, table)
        between = perf_counter()
        await import_cases(cell, table)
        return report.created, between - began, perf_counter() - between
