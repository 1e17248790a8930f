"""Importing tables like those that groups have, a few signed entries per row, into a vault on disk.

First the example's 500 rows; then the same rows many times over with ids and names of their own, enough to show whether
the cost of a row depends on the size of the table. Each table is imported by a process of its own, whose peak memory is
measured.
"""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterator, Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final

import trio

from bench import children
from bench.memory import peak_memory
from bench.rows import Row
from cellsync.casework.importing import import_cases
from cellsync.cell.founding import found_cell
from cellsync.cell.home import Home
from cellsync.cell.opening import open_cell
from cellsync.ledger.pause import spare
from cellsync.node.lan import open_lan
from cellsync.store.header import Kdf

BUDGET: Final = 2.0  # seconds, for the example
SMALL: Final = 1_000
LARGE: Final = 50_000
FEWEST: Final = 500  # rows; with fewer, the fixed cost of an import would be most of the figure
SMALL_RUNS: Final = 3
PER_ROW: Final = 0.9  # ms
GROWTH: Final = 1.3
MEMORY: Final = 250.0  # MB
_NAMES: Final = ("name", "name_latin", "name_local")
_SYLLABLES: Final = ("ba", "ve", "ha", "do", "zhu", "zi", "ka", "liu", "me", "no")
_CYRILLIC: Final = ("ба", "ве", "га", "до", "жу", "зі", "ка", "лю", "ме", "но")


def measure(folder: Path, smaller: int = 1) -> Iterator[Row]:
    example = _run(folder, 0)
    yield Row(f"import of {example['rows']:.0f} rows: first", example["first"], "s", BUDGET)
    yield Row(f"import of {example['rows']:.0f} rows: again, nothing new", example["again"], "s", BUDGET)
    few, many = max(FEWEST, SMALL // smaller), LARGE // smaller
    before = statistics.median(_run(folder, few)["each"] for _ in range(SMALL_RUNS))
    after = _run(folder, many)
    yield Row(f"import of {few:,} wide rows, processor time", before, "ms/row", PER_ROW)
    yield Row(f"import of {many:,} wide rows, processor time", after["each"], "ms/row", PER_ROW, before)
    yield Row(f"growth of a row's cost, {few:,} to {many:,}", after["each"] / before, "×", GROWTH, 1.0)
    yield Row(f"import of {many:,} wide rows", after["first"], "s")
    yield Row(f"import of {many:,} wide rows, at its peak", after["peak"], "MB", MEMORY)


def wide(rows: int) -> bytes:
    """The example's rows repeated, with other ids and other names."""
    text = (files("cellsync.casework") / "data" / "cases.csv").read_text("utf-8-sig")
    header, *example = csv.reader(text.splitlines(keepends=True))
    made = io.StringIO(newline="")
    writer = csv.writer(made)
    writer.writerow(header)
    for number in range(rows):
        turn, at = divmod(number, len(example))
        row = dict(zip(header, example[at], strict=True))
        row["external_id"] = f"XX-{number:06}"
        for column in _NAMES if turn else ():
            row[column] += _ending(turn, _SYLLABLES if row[column].isascii() else _CYRILLIC) if row[column] else ""
        writer.writerow(row.values())
    return made.getvalue().encode()


def _ending(turn: int, syllables: tuple[str, ...]) -> str:
    return "".join(syllables[int(digit)] for digit in str(turn))


def _run(folder: Path, rows: int) -> dict[str, float]:
    vault, table = folder / "importing", folder / "table.csv"
    table.write_bytes(wide(rows) if rows else (files("cellsync.casework") / "data" / "cases.csv").read_bytes())
    made = children.run("importing", "bring_in", {"vault": str(vault), "table": str(table), "again": not rows})
    for left in sorted(vault.rglob("*"), reverse=True):
        left.rmdir() if left.is_dir() else left.unlink()
    return made


def bring_in(job: Mapping[str, Any]) -> None:
    spare()  # as a daemon does when it has started
    trio.run(_bring_in, Path(job["vault"]), Path(job["table"]), job["again"])


async def _bring_in(vault: Path, table: Path, again: bool) -> None:
    # Key derivation is not part of an import; it is expensive by design.
    home = Home(vault, partial(open_lan, ["127.0.0.1"], mode="off"), kdf=Kdf.CHEAP)
    await found_cell(home, "bench", name="bench", passphrase="bench")
    async with open_cell(home, passphrase="bench") as cell:
        began, spent = perf_counter(), process_time()
        report = await import_cases(cell, table)
        took, spent = perf_counter() - began, process_time() - spent
        figures = {"rows": report.created, "first": took, "each": 1000 * spent / report.created, "peak": peak_memory()}
        if again:
            began = perf_counter()
            await import_cases(cell, table)
            figures["again"] = perf_counter() - began
    children.tell(figures)
