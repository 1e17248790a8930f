"""Reading: a table becomes rows that are ready to import, and a report of what could not be read.

If a cell cannot be read, only that cell is left out: the rest of its row is imported, and a value that an earlier table
gave there stays. A row is left out only if it would certainly do harm: it has no id, the id of another row, cells
beyond the header, broken quotes, or more than an entry holds. After broken quotes the ends of rows are uncertain, so
rows are skipped up to the next one with as many cells as the header. A first row of which no date and no word can be
read is a second header, in another language.

Rows that `notes` finds to be about no person are left out. Cells read by a rule that could be wrong in this table are
reported (`notices`), and so are columns that may or may not be ours (`doubted`).

Without a column of ids, a row is identified by the name and the date of birth; a row without a name by all its cells.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple

from cellsync.casework.importing import codes, meant, notes
from cellsync.casework.importing.cells import BadCell, task_kind, tidy
from cellsync.casework.importing.encodings import UnreadableFile, decode, is_broken
from cellsync.casework.importing.mapping import EXAMPLE, TOLD, Mapping, Placed, Target
from cellsync.casework.importing.sheet import Record, Sheet, read_sheet
from cellsync.casework.importing.waiting import Documents, Place, Waiting, WaitingRow
from cellsync.casework.values.no_answer import says_unknown
from cellsync.casework.values.partial_date import PartialDate
from cellsync.core import caps
from cellsync.core.crypto import primitives
from cellsync.core.errors import InvalidValue
from cellsync.core.schema.fields import Register
from cellsync.core.schema.values import store, value_type
from cellsync.core.wire import codec

LARGEST_FILE: Final = 64 << 20  # bytes
LONGEST_ID: Final = 256  # bytes
_ROOM: Final = 4096  # bytes of an entry for the import's own part: creation, links, a mark and a name per value
_PER_VALUE: Final = 128
_HEADERS: Final = 64  # bytes around the values of all documents, at least as many as they take
_UNSEEN: Final = re.compile("[\ufeff\u200b\u2060]")
_SHORT: Final = 160  # characters of a cell that is remembered
_REMEMBERED: Final = 1_000  # cells of a column
_SHOWN_OF_NAME: Final = 60  # characters of a name in place of an id
_EXAMPLES: Final = 3  # cells of a column
_WHO: Final = ("title", "names", "description")
_ANY_TEXT: Final = ("str", "Name", "TimelineEntry")

Source = bytes | str | PathLike[str]
Stop = Callable[[], bool]


class RowError(NamedTuple):
    """Why a row was left out, or which cell of a row that arrived was not read."""

    line: int  # of the file, from 1; the first line of the row
    column: str  # "" if it is the whole row
    problem: str  # a sentence without its subject, without the cell: "is not a date"
    cell: str = ""  # its text, shown only to the person whose table it is

    def __str__(self) -> str:
        return f"line {self.line}: {self.column or 'this row'} {self.problem}"

    def __repr__(self) -> str:
        return f"<{self}>"  # no content


def rows_of(errors: Iterable[RowError]) -> int:
    """The number of rows that these errors are about."""
    return len({error.line for error in errors})


class Reading(NamedTuple):
    """A table as it was read."""

    rows: Waiting
    errors: list[RowError]  # of rows that were left out
    ignored: list[str]  # columns that the mapping does not know
    unread: list[RowError]  # unreadable cells of rows that are imported
    taken: dict[str, str]  # columns of the table whose name is not ours -> ours
    header_line: int
    id_column: str  # "": rows are identified by name
    left: int  # rows that were not reached because the reading was stopped
    nameless: list[tuple[int, str]]  # imported rows without a name: line, and the text used instead
    doubted: list[RowError]  # columns left out, as they may not be ours, with some cells
    notices: list[RowError]  # cells imported under a rule that may be wrong in this table

    @property
    def left_out(self) -> int:
        """How many rows were left out."""
        return rows_of(self.errors)

    def __repr__(self) -> str:
        return f"<reading of {len(self.rows)} rows, {len(self.errors)} errors>"  # no content


def read_csv(
    source: Source,
    mapping: Mapping | None = None,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    stop: Stop = lambda: False,
) -> Reading:
    """Read a table: the content of a file, or its path. Writes nothing. `stop` is asked before each row.

    Raises UnreadableFile if there is no table in it, InvalidValue for an encoding or delimiter that does not exist.
    """
    mapping = mapping or EXAMPLE
    content = content_of(source)
    _check_no_other_file(content)
    sheet = read_sheet(decode(content, encoding), mapping.knows, delimiter)
    placed = mapping.on(sheet.header)
    reader = _Reader(placed, sheet)
    left = reader.read(sheet, stop)
    return Reading(
        reader.rows, reader.errors, placed.ignored, reader.unread, placed.taken, sheet.header_line, placed.id_column,
        left, reader.nameless, reader.doubted(), reader.notices,
    )  # fmt: skip


# --- the file -----------------------------------------------------------------------------------


def content_of(source: Source) -> bytes:
    """The bytes of a file. Raises UnreadableFile, also if it is too large."""
    if isinstance(source, bytes):
        content = source
    else:
        try:
            with Path(source).open("rb") as file:
                content = file.read(LARGEST_FILE + 1)
        except OSError:
            raise UnreadableFile("the file cannot be opened", hint="Check the path and its permissions.") from None
    if len(content) > LARGEST_FILE:
        raise UnreadableFile("the file is larger than 64 MiB", hint="Split it, with the header in each part.")
    return content


def _check_no_other_file(content: bytes) -> None:
    """Raises UnreadableFile for files that are often mistaken for a CSV file."""
    head = content[:4096]
    for begins, holds, what in _OTHER_FILES:
        if head.startswith(begins) and (not holds or holds in content):
            raise UnreadableFile(f"this is {what}, not a CSV file", hint="Open it in its program, and save it as CSV.")
    if len(content) == len(head) and _is_mapping(head.decode("utf-8-sig", "ignore")):
        raise UnreadableFile(
            "this says where columns go (TOML), and is no table", hint="Give it with --columns, beside the table."
        )


def _is_mapping(text: str) -> bool:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return bool(lines) and all(map(_OF_A_MAPPING.match, lines))


_OF_A_MAPPING: Final = re.compile(r"""\s*("[^"]*"|'[^']*'|[^\s"'=,;]+)\s*=\s*["'\[]""")
_OTHER_FILES: Final = (
    (b"PK\x03\x04", b"xl/workbook", "a workbook (.xlsx)"),
    (b"PK\x03\x04", b"opendocument.spreadsheet", "a workbook (.ods)"),
    (b"PK\x03\x04", b"", "a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", b"", "a workbook (.xls)"),
    (b"%PDF", b"", "a PDF"),
    (b"{\\rtf", b"", "a text document (.rtf)"),
    (b"\x1f\x8b", b"", "a compressed file"),
)


# --- the rows -----------------------------------------------------------------------------------


class _Reader:
    """The rows of one table, one after the other."""

    def __init__(self, placed: Placed, sheet: Sheet) -> None:
        self.rows = Waiting()
        self.errors: list[RowError] = []
        self.unread: list[RowError] = []
        self.nameless: list[tuple[int, str]] = []
        self.notices: list[RowError] = []
        self._placed = placed
        self._header = sheet.header
        self._header_line = sheet.header_line
        self._ours = set(sheet.header) >= TOLD  # our own tables contain only rows
        self._doubted: dict[str, list[str]] = {name: [] for name in placed.doubted}
        self._columns = {name: _Column(name, positions, [], {}) for name, positions in placed.positions.items()}
        self._goals = [
            self._goal(self._columns[target.column], target)
            for target in meant.as_headings_say(placed, sheet)
            if target.column in self._columns
        ]
        self._width = len(sheet.header)
        self._first_lines: dict[str, int] = {}  # of external ids

    def read(self, sheet: Sheet, stop: Stop) -> int:
        """Read until `stop` says yes. Returns the number of rows left."""
        broken = False
        first = True
        for line, record in sheet.rows:
            if stop():
                return sum(_is_row(row) for _, row in chain([(line, record)], sheet.rows))
            if isinstance(record, str):
                self.errors.append(RowError(line, "", record))
                broken = True
            elif broken and len(record) != self._width:
                self.errors.append(RowError(line, "", "was skipped, because of the broken quotes above"))
            elif not self._ours and (nobody := notes.about_nobody(record, self._header))[0]:
                self.errors.append(RowError(line, "", *nobody))
            elif _is_row(record):
                broken = False
                self._row(line, record, first)
                first = False
        return 0

    def doubted(self) -> list[RowError]:
        """The columns that may or may not be ours, with examples."""
        return [
            RowError(self._header_line, name, _DOUBTED.format(self._placed.doubted[name]), cell)
            for name, cells in self._doubted.items()
            for cell in cells or [""]
        ]

    def _row(self, line: int, record: list[str], first: bool) -> None:
        """Append the row to the rows, or its faults to the errors."""
        lost: list[RowError] = []
        if any(cell.strip() for cell in record[self._width :]):
            lost.append(RowError(line, "", f"has {len(record)} cells, the first line has {self._width}"))
        found = self._found(record)
        documents = self._documents(found)
        unread = self._unread(line, found)
        self._show_doubted(record)
        checked = sum(cell.told for cell in found.values())
        external = self._external(found, documents)
        if not (self._placed.id_column or unread or _says_anything(documents)):
            self.errors.append(RowError(line, "", notes.EMPTY, " ".join(filter(None, map(tidy, record)))))
            return
        if problem := self._about_id(external):
            lost.append(RowError(line, self._placed.id_column, problem))
        elif first and len(unread) > 1 and len(unread) == checked and not any(map(str.isdigit, "".join(record))):
            lost += unread  # another header
        else:
            self._first_lines[external] = line
        size = _HEADERS + sum(cell.size for cell in found.values())  # at least as much as all documents take together
        if size > caps.ENTRY - _ROOM and max(map(_size, documents.values()), default=0) > caps.ENTRY - _ROOM:
            most = (caps.ENTRY - _ROOM) >> 10
            lost.append(RowError(line, "", f"is too long: one document holds at most {most} KiB"))
        if lost:
            self.errors += lost
        else:
            self.rows.append(WaitingRow(line, external, size, documents))
            self.unread += unread
            self.notices += [
                RowError(line, name, cell.notice, cell.cell) for name, cell in found.items() if cell.notice
            ]
            if not _says_who(documents):
                self.nameless.append((line, external))

    def _show_doubted(self, record: list[str]) -> None:
        for name, cells in self._doubted.items():
            at = self._header.index(name)
            if len(cells) < _EXAMPLES and at < len(record) and (cell := tidy(record[at])) and cell not in cells:
                cells.append(cell)

    def _found(self, record: list[str]) -> dict[str, _Found]:
        """The meaning of the cells of each column. A column beyond the end of the row is left out."""
        found: dict[str, _Found] = {}
        width = len(record)
        for name, column in self._columns.items():
            positions = column.positions
            if len(positions) == 1:  # the common case: one cell, often one that an earlier row had
                [at] = positions
                if at < width:
                    found[name] = column.known.get(record[at]) or self._remembered(column, record[at])
            elif min(positions) < width:
                cells = [self._tidy(name, record[at]) for at in positions if at < width]
                joined = cells[0] if len(cells) == 1 else " ".join(text for text in cells if not says_unknown(text))
                found[name] = _find(column, joined)
        return found

    def _remembered(self, column: _Column, raw: str) -> _Found:
        """The meaning of a cell, remembered if it is short: this halves the time of reading a table."""
        found = _find(column, self._tidy(column.name, raw))
        if len(raw) <= _SHORT:
            if len(column.known) >= _REMEMBERED:
                column.known.clear()
            column.known[raw] = found
        return found

    def _tidy(self, name: str, cell: str) -> str:
        tidied = tidy(cell)
        return _UNSEEN.sub("", tidied).strip() if name == self._placed.id_column else tidied

    @staticmethod
    def _goal(column: _Column, target: Target) -> _Goal:
        """A place of a column, which is added to its targets."""
        place = target.field, "" if isinstance(target.declared, Register) else target.column
        column.targets.append((target, _is_told(target)))
        return _Goal(column.name, len(column.targets) - 1, target.document, place)

    def _documents(self, found: dict[str, _Found]) -> Documents:
        """The values of the cells that could be read."""
        documents: Documents = {}
        for column, at, document, place in self._goals:
            cell = found.get(column)
            values = None if cell is None else cell.values[at]
            if values is not None:
                there = documents.get(document)
                if there is None:
                    there = documents[document] = {}
                there[place] = values
        return documents

    def _unread(self, line: int, found: dict[str, _Found]) -> list[RowError]:
        """The cells that could not be read, from left to right."""
        left = [RowError(line, name, cell.problem, cell.cell) for name, cell in found.items() if cell.problem]
        return sorted(left, key=lambda error: self._placed.positions[error.column])

    def _external(self, found: dict[str, _Found], documents: Documents) -> str:
        if self._placed.id_column:
            cell = found.get(self._placed.id_column)
            return "" if cell is None else cell.cell
        return _known_by({name: cell.cell for name, cell in found.items()}, documents.get("person", {}))

    def _about_id(self, external: str) -> str:
        if is_broken(external) or "\0" in external:
            return "contains characters that are broken in the file"
        if not external:
            return "is empty: without an id a row cannot be found again"
        if len(external.encode()) > LONGEST_ID:
            return f"is longer than {LONGEST_ID} bytes"
        if external not in self._first_lines:
            return ""
        at = self._first_lines[external]
        if self._placed.id_column:
            return f"stands on line {at} already"
        return f"says the same person as line {at}: give each row an id, in a column external_id"


_DOUBTED: Final = (
    "was left out: its heading says {}, and more that may change what it means. A mapping can say where it goes"
)


class _Found(NamedTuple):
    """The meaning of a cell in each place of its column."""

    cell: str  # tidied
    values: tuple[list[Any] | None, ...]  # by place of the column; None: the cell cannot be read there
    problem: str  # why it could not be read, unless a place that can refuse a cell accepted it
    told: bool  # whether the cell was checked: some place of the column can refuse one
    size: int  # bytes of its values in an entry, at least
    notice: str  # the rule by which it was read, if that may be wrong

    def __repr__(self) -> str:
        return f"<what a cell says in {len(self.values)} places>"  # no content


class _Column(NamedTuple):
    """A column of the table."""

    name: str
    positions: tuple[int, ...]
    targets: list[tuple[Target, bool]]  # its places, and whether each can refuse a cell
    known: dict[str, _Found]  # meanings of earlier cells: most cells repeat one

    def __repr__(self) -> str:
        return f"<column {self.name!r}>"  # no content


class _Goal(NamedTuple):
    """A place of all rows: where its values come from, and where they go."""

    column: str
    at: int  # which place of the column
    document: str
    place: Place


def _find(column: _Column, cell: str) -> _Found:
    read: list[list[Any] | None] = []
    problem = notice = ""
    accepted = checked = False
    for target, is_told in column.targets:
        values, refusal = _read(target, cell)
        read.append(None if refusal else values)
        problem = problem or refusal
        notice = notice or (meant.by_rule(target, cell) if values else "")
        accepted = accepted or (is_told and bool(values))  # one of several places accepts what others refuse
        checked = checked or is_told
    found = [value for values in read for value in values or ()]
    size = len(codec.encode_known(found)) + _PER_VALUE * len(found)
    return _Found(cell, tuple(read), "" if accepted else problem, bool(cell) and checked, size, notice)


def _is_row(record: Record) -> bool:
    """Whether the record is not empty; it may be unreadable."""
    return isinstance(record, str) or any(cell.strip() for cell in record)


def _known_by(cells: dict[str, str], person: dict[Place, list[Any]]) -> str:
    """A substitute for an id: name and date of birth; without a name, the description and a hash of all cells."""
    names = [name for (field, _), values in person.items() if field == "names" for name, *_ in values]
    [born] = person.get(("born", ""), []) or [None]
    shown = " ".join(names[:1] or person.get(("description", ""), []) or ["?"])
    if names and len(shown) <= _SHOWN_OF_NAME:
        day = None if born is None else value_type(PartialDate).decode(born)
        return shown if day is None or day.earliest is None else f"{shown} {day}"
    rest = primitives.blake2b(b"", codec.encode(sorted([name, cell] for name, cell in cells.items())))
    return f"{shown[:_SHOWN_OF_NAME]} {rest.hex()[:8]}"


def _says_anything(documents: Documents) -> bool:
    return any(values for document in documents.values() for values in document.values())


def _says_who(documents: Documents) -> bool:
    """Whether a row has a name, or a text in its place."""
    return any(values for document in documents.values() for (field, _), values in document.items() if field in _WHO)


def _is_told(target: Target) -> bool:
    """Whether the target can refuse a cell that does not belong there."""
    described = target.declared.kinds[0].description
    name = described.get("name", "") if isinstance(described, dict) else described
    return target.parser in (codes.countries, codes.languages) or (
        name not in _ANY_TEXT and target.parser is not task_kind
    )


def _read(target: Target, cell: str) -> tuple[list[Any], str]:
    """The plain values of a cell, or its fault."""
    try:
        return _read_cell(target, cell), ""
    except BadCell as bad:
        return [], str(bad)


def _read_cell(target: Target, cell: str) -> list[Any]:
    """The plain values of a cell. Raises BadCell."""
    if "\0" in cell:
        raise BadCell("contains a zero byte")
    if is_broken(cell):
        raise BadCell("contains characters that are broken in the file")
    kind = target.declared.kinds[0]
    try:
        return [store(kind, target.field, value) for value in (target.parser(cell) if cell else [])]
    except InvalidValue:
        raise BadCell("does not fit its field, or is longer than an entry may be") from None


def _size(document: dict[Place, list[Any]]) -> int:
    """The approximate size of an entry with these values, in bytes."""
    values = [value for cell in document.values() for value in cell]
    return len(codec.encode_known(values)) + _PER_VALUE * len(values)
