"""`python -m bench [--quick]`: measure everything, print it against the budgets, write bench-results.json.

`--against PATH` runs only `bench/against.py`, `--runs` only `bench/runs.py`, `--stages` only `bench/stages.py`.
"""

from __future__ import annotations

import argparse
import compileall
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich.console import Console

from bench import (
    against,
    catch_up,
    growth,
    hand,
    hostile,
    importing,
    live,
    membership,
    mesh,
    opening,
    report,
    rotating,
    runs,
    scale,
    stages,
    turncoat,
)
from bench.parts import Part, Took, timed
from bench.rows import Row

QUICK: Final = 20  # how many times smaller a quick run is
RESULTS: Final = Path("bench-results.json")
RESULTS_AGAINST: Final = Path("bench-against.json")
RESULTS_RUNS: Final = Path("bench-runs.json")
RESULTS_STAGES: Final = Path("bench-stages.json")


def main() -> int:
    """Returns 0 even if a budget is missed: this measures, it does not judge."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"everything at 1/{QUICK} of the size")
    parser.add_argument("--against", type=Path, metavar="PATH", help="only compare with the build in this checkout")
    parser.add_argument("--runs", action="store_true", help="only compare layouts of entries at rest")
    parser.add_argument("--stages", action="store_true", help="only say where a receiver's time goes")
    options = parser.parse_args()
    smaller = QUICK if options.quick else 1
    console = Console(width=None if sys.stdout.isatty() else 150)
    rows: list[Row] = []
    took: list[Took] = []
    # An installed program has its bytecode; without it every process of a command would compile the modules again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for package in ("cellsync", "bench"):
        compileall.compile_dir(package, quiet=1)
    # Not in the system's folder for temporary files, which is often in memory, where durability costs nothing.
    place = Path("build")
    place.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=place) as folder, console.status("") as status:
        home = Path(folder).resolve()
        beside: Path | None = options.against
        if beside is not None:
            results = RESULTS_AGAINST
            parts = iter([("against the other build", against.measure(home, beside, smaller))])
        elif options.runs:
            results = RESULTS_RUNS
            parts = iter([("layouts at rest", runs.measure(home, smaller))])
        elif options.stages:
            results = RESULTS_STAGES
            parts = iter([("stages of a receiver", stages.measure(home, smaller))])
        else:
            results = RESULTS
            parts = _parts(home, smaller)
        for row in timed(parts, took):
            rows.append(row)
            status.update(f"{row.work}: {row.value:,.4g} {row.unit}")
    report.show(rows, console)
    report.show_took(took, console)
    report.save(rows, results)
    return 0


def _parts(folder: Path, smaller: int) -> Iterator[Part]:
    entries = catch_up.ENTRIES // smaller
    for shape in catch_up.SHAPES:
        yield f"catch-up, {shape.name}", _catch_up(folder, shape, entries)
    yield "an edit between two", live.measure(folder, max(100, live.EDITS // smaller))
    yield "an edit among many", mesh.measure(folder, smaller)
    yield "imports", importing.measure(folder, smaller)
    yield "commands", hand.measure(folder)
    yield "commands at scale", scale.measure(folder, smaller)
    yield "rotations", rotating.measure()
    yield "membership", membership.measure(smaller)
    yield "growth of a circle", growth.measure(folder, smaller)
    yield "hostile entries", hostile.measure(folder, smaller)
    yield "hostile sessions", turncoat.measure(folder, smaller)


def _catch_up(folder: Path, shape: catch_up.Shape, entries: int) -> Iterator[Row]:
    made = catch_up.make(folder, shape, entries)
    yield from catch_up.measure(made, shape, entries)
    if shape is catch_up.SHAPES[0]:
        yield from opening.measure(made, entries)
    made.path.unlink()


if __name__ == "__main__":
    sys.exit(main())
