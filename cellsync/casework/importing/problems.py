"""Problems of a table, as shown to people: one for each kind of mistake in a column, however many rows have it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from cellsync.casework.importing.mapping import fitting
from cellsync.casework.importing.reading import RowError

_LINES: Final = 3  # named in a message
_EXAMPLES: Final = 3
_TRIED: Final = 100  # cells tried in other columns
_LONGEST: Final = 40  # characters of an example


class Problem(NamedTuple):
    """What is wrong with some cells of a column, or with some rows."""

    column: str  # "" if it is the whole row
    lines: tuple[int, ...]  # all lines that have the problem
    message: str  # with the first lines, without the cells
    examples: tuple[str, ...]  # different cells that have it
    left_out: bool  # the rows were left out; else only these cells
    fits: tuple[str, ...] = ()  # columns into which at least one of these cells would fit

    def __repr__(self) -> str:
        return f"<problem: {self.message}>"  # no content


def problems(
    left_out: Iterable[RowError], unread: Iterable[RowError], doubted: Iterable[RowError] = ()
) -> list[Problem]:
    """The problems, ordered by the first line that has each."""
    found = [*_grouped(doubted, False), *_grouped(left_out, True), *_grouped(unread, False)]
    return sorted(found, key=lambda problem: problem.lines[0])


def told(notices: Iterable[RowError]) -> list[Problem]:
    """The notices, in the form of problems: they are problems only if their rule is wrong for this table."""
    return [problem._replace(fits=()) for problem in _grouped(notices, False)]


def _grouped(errors: Iterable[RowError], left_out: bool) -> list[Problem]:
    kinds: dict[tuple[str, str], list[RowError]] = {}
    for error in errors:
        # "stands on line 7 already" is the same mistake on every line
        kind = error.problem if not error.problem.startswith(_EACH_ITS_OWN) else error.problem.split(" ")[0]
        kinds.setdefault((error.column, kind), []).append(error)
    return [_problem(column, several, left_out) for (column, _), several in kinds.items()]


_EACH_ITS_OWN: Final = ("stands on line ", "says the same person as line ")


def _problem(column: str, errors: list[RowError], left_out: bool) -> Problem:
    lines = tuple(dict.fromkeys(error.line for error in errors))
    named = ", ".join(map(str, lines[:_LINES]))
    if len(lines) > _LINES:
        named += f" and {len(lines) - _LINES} more"
    where = f"line {named}" if len(lines) == 1 else f"lines {named}"
    subject = column or "this row"
    cells = dict.fromkeys(error.cell[:_LONGEST] for error in errors if error.cell)
    tried = list(cells)[:_TRIED] if column else []
    fits = dict.fromkeys(fitted for cell in tried for fitted in fitting(cell) if fitted != column)
    message = f"{where}: {subject} {errors[0].problem}"
    return Problem(column, lines, message, tuple(cells)[:_EXAMPLES], left_out, tuple(fits))
