"""The sums of all runs: the table in protocol/search.md, which also tells the next run where to continue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.sums import parted

DOCUMENT: Final = Path(__file__).parents[2] / "protocol" / "search.md"
_HEAD: Final = (
    "| search | one history | histories | next seed | counterexamples | open | last run |\n"
    "|---|---|---:|---:|---:|---|---|\n"
)
_ROW: Final = re.compile(
    r"\| (?P<name>[\w-]+) \| (?P<tries>[^|]*) \| (?P<histories>[\d,]+) \| (?P<next>\d+) \| (?P<found>\d+) "
    r"\| (?:seed (?P<fails>\d+)|–) \| (?P<day>\S+) \|\n"
)


class Sum(NamedTuple):
    """All runs of one search. Its seeds 0 to `next` - 1 were tried, and every one of these passed at its time."""

    tries: str
    histories: int = 0
    next: int = 0
    found: int = 0  # counterexamples, each counted once
    fails: bool = False  # `next` is a counterexample that was not mended yet
    day: str = "–"

    def plus(self, tries: str, histories: int, seeds: int, failed: bool, day: str) -> Sum:
        """The sum after a run that began at `next` and got `seeds` further."""
        known = self.fails and seeds == 0  # the counterexample of the last run, still
        found = self.found + (failed and not known)
        return Sum(tries, self.histories + histories, self.next + seeds, found, failed, day)


def read(text: str) -> dict[str, Sum]:
    """Raises ValueError if a line below the table's head is no row of it."""
    sums = {}
    for line in parted(text, _HEAD)[1].splitlines(keepends=True):
        found = _ROW.fullmatch(line)
        if found is None:
            raise ValueError(f"this is no row of the sums: {line!r}")
        sums[found["name"]] = Sum(
            found["tries"], int(found["histories"].replace(",", "")), int(found["next"]), int(found["found"]),
            found["fails"] is not None, found["day"],
        )  # fmt: skip
    return sums


def write(text: str, sums: Mapping[str, Sum]) -> str:
    """The same text with these sums."""
    before, _, after = parted(text, _HEAD)
    return before + "".join(_row(name, one) for name, one in sums.items()) + after


def _row(name: str, one: Sum) -> str:
    fails = f"seed {one.next}" if one.fails else "–"
    return f"| {name} | {one.tries} | {one.histories:,} | {one.next} | {one.found} | {fails} | {one.day} |\n"
