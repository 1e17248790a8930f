"""Sheet: the text of a CSV file as a header and the rows below it.

A first line `sep=;`, which some spreadsheet programs require, is obeyed. Otherwise the separator is the one of , ; and
tab that gives the row with the most headings that we know; signs inside quotes do not count. That row is the header: a
title or empty rows may precede it. Headings may take two rows, with one upper heading for several columns: "Lawyer"
over "Name" and "Phone". Those that are not clear by themselves are then called "Lawyer: Name".

Rows are counted by lines of the file, from 1, as an editor shows them; a row of several lines is counted by its first.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice, pairwise, zip_longest
from typing import Any, Final, NamedTuple

from cellsync.casework.importing.cells import tidy
from cellsync.casework.importing.encodings import UnreadableFile
from cellsync.casework.importing.headings import is_name
from cellsync.casework.importing.mapping import one_line
from cellsync.casework.importing.remarks import is_of_others
from cellsync.core.errors import InvalidValue

_DELIMITERS: Final = (",", ";", "\t")
_ABOVE: Final = 20  # rows among which the header is searched for
_HINT: Final = re.compile(r'"?sep=(.)"?(?:\r\n|\r|\n|$)', re.IGNORECASE)
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_MARKS: Final = "\ufeff\u200b\u2060"

Known = Callable[[Sequence[str]], int]
"""Counts the cells that are headings that we know."""
Record = list[str] | str
"""The cells of a row, or its fault."""


class Sheet(NamedTuple):
    """A table as the file has it."""

    header: list[str]
    header_line: int
    rows: Iterator[tuple[int, Record]]
    again: Callable[[], Iterator[tuple[int, Record]]]
    """The rows again, from the first."""

    def __repr__(self) -> str:
        return f"<sheet, header on line {self.header_line}>"  # no content


def read_sheet(text: str, known: Known, delimiter: str | None = None) -> Sheet:
    """Raises UnreadableFile, or InvalidValue for an invalid delimiter."""
    text = text.lstrip(_MARKS)
    begins, first_line = 0, 1
    if hint := _HINT.match(text):
        delimiter = delimiter or hint[1]
        begins, first_line = hint.end(), 2
    delimiter = delimiter or max(_DELIMITERS, key=lambda delimiter: _fit(text, begins, delimiter, known))
    rows = _records(text, begins, delimiter, first_line)
    top = list(islice(rows, _ABOVE))
    if top and isinstance(top[0][1], str):
        raise UnreadableFile("the first line is not a header: its quotes are broken")
    if not any(_filled(record) for _, record in top):
        raise UnreadableFile("the file is empty", hint="The first line has to name the columns.")
    at = max(range(len(top)), key=lambda place: (_score(top[place][1], known), _filled(top[place][1]) > 0, -place))
    line, _ = top[at]
    header, below = _header(top, at, known)

    def again() -> Iterator[tuple[int, Record]]:
        return islice(_records(text, begins, delimiter, first_line), below, None)

    return Sheet(header, line, chain(top[below:], rows), again)


def _header(top: list[tuple[int, Record]], at: int, known: Known) -> tuple[list[str], int]:
    """The names of the columns, and the number of records above the first row."""
    upper, lower = _names(top, at - 1), _names(top, at)
    if _spans(upper, lower):
        joined = _joined(upper, lower, known)
        # "Families of prisoners" may be a title, without meaning that all these columns are about families.
        return (joined if any(map(is_name, joined)) or not any(map(is_name, lower)) else lower), at + 1
    below = _names(top, at + 1)
    if _spans(lower, below) and _says_no_row(lower, below):
        return _joined(lower, below, known), at + 2
    return lower, at + 1


def _names(top: list[tuple[int, Record]], at: int) -> list[str]:
    record = top[at][1] if 0 <= at < len(top) else []
    return [] if isinstance(record, str) else [one_line(tidy(cell)) for cell in record]


def _spans(upper: list[str], lower: list[str]) -> bool:
    """Whether there are several headings above, one of them over several below. A single one is a title."""
    cells = list(zip_longest(upper, lower, fillvalue=""))
    over = any(
        above and below and not next_above and next_below
        for (above, below), (next_above, next_below) in pairwise(cells)
    )
    return over and sum(map(bool, upper)) > 1


def _says_no_row(upper: list[str], lower: list[str]) -> bool:
    """Whether the cells below are headings too: none below a heading of one column, and name parts below a name."""
    cells = list(zip_longest(upper, lower, fillvalue=""))
    alone = [below for (above, below), (then, _) in pairwise([*cells, ("end", "")]) if above and then]
    group = ""
    for above, below in cells:
        group = above or group
        if below and is_name(group) and not is_name(below):
            return False
    return not any(alone) and not any(map(str.isdigit, "".join(lower)))


def _joined(upper: list[str], lower: list[str], known: Known) -> list[str]:
    """One heading for each column: its own, with the one above if that adds information."""
    cells: list[tuple[str, str, bool]] = []  # group, own heading, whether it may be about our people
    group = ""
    for above, below in zip_longest(upper, lower, fillvalue=""):
        group = above or (group if below else "")
        cells.append((group, below, not is_of_others(group)))
    ours = [below for _, below, may_be in cells if may_be]
    return [
        below if not group or group == below or (may_be and known([below]) > 0 and ours.count(below) == 1)
        else f"{group}: {below}" if below else group
        for group, below, may_be in cells
    ]  # fmt: skip


def _fit(text: str, begins: int, delimiter: str, known: Known) -> tuple[int, int]:
    """How well a separator fits: the known headings of the best row, then its number of cells."""
    head = [record for _, record in islice(_records(text, begins, delimiter, 1), _ABOVE)]
    return max(((_score(record, known), _filled(record)) for record in head), default=(0, 0))


def _score(record: Record, known: Known) -> int:
    return 0 if isinstance(record, str) else known([one_line(tidy(cell)) for cell in record])


def _filled(record: Record) -> int:
    return 0 if isinstance(record, str) else sum(bool(cell.strip()) for cell in record)


def _records(text: str, begins: int, delimiter: str, first_line: int) -> Iterator[tuple[int, Record]]:
    lines = (line[0] for line in _LINE.finditer(text, begins))  # io.StringIO would copy it, at four times the size
    try:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
    except (TypeError, ValueError):
        raise InvalidValue("a delimiter is a single character") from None
    return _read(reader, first_line)


def _read(reader: Any, first_line: int) -> Iterator[tuple[int, Record]]:
    while True:
        line = reader.line_num + first_line
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, _about_quotes(str(error))
        else:
            if cells:
                yield line, cells


def _about_quotes(error: str) -> str:
    if "limit" in error:
        return f"has a cell longer than {csv.field_size_limit()} characters"
    if "end of data" in error:
        return "has an opening quote that is never closed; nothing after it could be read"
    return 'has a quote in the wrong place; inside a quoted cell, write "" for a quote'
