"""What was tried so far: the table in protocol/fuzz.md, which `make fuzz` adds to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.sums import parted

DOCUMENT: Final = Path(__file__).parents[2] / "protocol" / "fuzz.md"
_HEAD: Final = "| type | one case | cases | read | edges | findings | last run |\n|---|---|---:|---:|---:|---:|---|\n"
_ROW: Final = re.compile(
    r"\| (?P<name>[\w-]+) \| (?P<tries>[^|]*) \| (?P<cases>[\d,]+) \| (?P<read>[\d,]+) \| (?P<edges>[\d,]+) "
    r"\| (?P<findings>\d+) \| (?P<day>\S+) \|\n"
)


class Tried(NamedTuple):
    """All runs of one type."""

    cases: int = 0
    read: int = 0  # of them; the others were refused
    edges: int = 0  # of cellsync's code that the cases of the last run reached
    findings: int = 0
    day: str = "–"

    def plus(self, run: Tried) -> Tried:
        return Tried(
            self.cases + run.cases, self.read + run.read, run.edges or self.edges, self.findings + run.findings, run.day
        )


def read(text: str) -> dict[str, Tried]:
    """Raises ValueError if a line below the table's head is no row of it."""
    rows = {}
    for line in parted(text, _HEAD)[1].splitlines(keepends=True):
        found = _ROW.fullmatch(line)
        if found is None:
            raise ValueError(f"this is no row of the table: {line!r}")
        cases, read, edges, findings = (
            int(found[name].replace(",", "")) for name in ("cases", "read", "edges", "findings")
        )
        rows[found["name"]] = Tried(cases, read, edges, findings, found["day"])
    return rows


def write(text: str, rows: Mapping[str, Tried], tries: Mapping[str, str]) -> str:
    """The same text with these rows."""
    before, _, after = parted(text, _HEAD)
    lines = [
        f"| {name} | {tries[name]} | {row.cases:,} | {row.read:,} | {row.edges:,} | {row.findings} | {row.day} |\n"
        for name, row in rows.items()
    ]
    return before + "".join(lines) + after
