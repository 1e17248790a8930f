"""The score: the table in `score.md` beside this file, which `make mutants` writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.mutants.results import Mutant
from tests.sums import parted

DOCUMENT: Final = Path(__file__).with_name("score.md")
LEAST: Final = 95.0  # per cent
_HEAD: Final = (
    "| part | mutants | killed | explained | alive | not tried | score | last run |\n"
    "|---|---:|---:|---:|---:|---:|---:|---|\n"
)
_ROW: Final = re.compile(r"\| (?P<part>[\w-]+) \| (?P<numbers>(?:[\d,]+ \| ){5})[\d.]+ % \| (?P<day>\S+) \|\n")


class Score(NamedTuple):
    mutants: int
    killed: int
    explained: int
    alive: int
    untried: int
    day: str

    @property
    def percent(self) -> float:
        """Of those that were tried and that a test could tell, how many were killed."""
        could = self.killed + self.alive
        return 100 * self.killed / could if could else 0.0


def count(found: Iterable[Mutant], reasons: Mapping[str, str], day: str) -> Score:
    listed = list(found)
    living = [mutant for mutant in listed if mutant.killed is False]
    excused = sum(str(mutant) in reasons for mutant in living)
    killed = sum(mutant.killed is True for mutant in listed)
    return Score(len(listed), killed, excused, len(living) - excused, len(listed) - killed - len(living), day)


def read(text: str) -> dict[str, Score]:
    """Raises ValueError if a line below the table's head is no row of it."""
    scores = {}
    for line in parted(text, _HEAD)[1].splitlines(keepends=True):
        found = _ROW.fullmatch(line)
        if found is None:
            raise ValueError(f"this is no row of the table: {line!r}")
        numbers = found["numbers"].replace(",", "").split(" | ")
        all_of_them, killed, excused, alive, untried = map(int, numbers[:-1])
        scores[found["part"]] = Score(all_of_them, killed, excused, alive, untried, found["day"])
    return scores


def write(text: str, scores: Mapping[str, Score]) -> str:
    """The same text with these scores."""
    rows = (
        f"| {part} | {one.mutants:,} | {one.killed:,} | {one.explained:,} | {one.alive:,} | {one.untried:,} "
        f"| {one.percent:.1f} % | {one.day} |\n"
        for part, one in scores.items()
    )
    before, _, after = parted(text, _HEAD)
    return before + "".join(rows) + after
