"""The report: a table for people, and a file for other programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.parts import Took
from bench.rows import Row


def show(rows: Sequence[Row], console: Console) -> None:
    table = Table(title="cellsync against the budgets of its design", title_justify="left")
    table.add_column("work")
    for heading in ("measured", "budget", "floor"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in rows:
        sign = "≥ " if row.at_least else "≤ "
        budget = "" if row.budget is None else sign + _readable(row.budget)
        floor = "" if row.floor is None else _readable(row.floor)
        verdict = {None: "", True: "[green]met[/]", False: "[red]missed[/]"}[row.met]
        table.add_row(row.work, _readable(row.value), budget, floor, row.unit, verdict)
    console.print(table)


def show_took(took: Sequence[Took], console: Console) -> None:
    table = Table(title="what measuring took", title_justify="left")
    table.add_column("part")
    for heading in ("seconds", "of the processor"):
        table.add_column(heading, justify="right", no_wrap=True)
    whole = Took("all", sum(one.seconds for one in took), sum(one.processor for one in took))
    for one in (*took, whole):
        table.add_row(one.part, f"{one.seconds:,.1f}", f"{one.processor:,.1f}")
    console.print(table)


def save(rows: Sequence[Row], path: Path) -> None:
    path.write_text(json.dumps({"rows": [row.as_json() for row in rows]}, indent=1, ensure_ascii=False) + "\n")


def _readable(figure: float) -> str:
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"
