"""Reading: a CSV file becomes rows that are ready to import, and an error for each row that is not.

Spreadsheets of the region come in UTF-8, with or without a mark in front, and in CP1251. UTF-8 is strict, so what
decodes as UTF-8 is UTF-8; everything else is read as CP1251 unless the caller says what it is (a UTF-16 mark counts as
saying). The delimiter is whichever of , ; and tab stands most often in the first line.

Rows are counted by lines of the file, the first one being 1, since that is what an editor shows; a row of several
lines counts by its first. After broken quotes nobody knows where a row ends, so what follows is skipped up to the next
row that has as many cells as the header.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple

from cellsync.casework.importing.cells import BadCell, tidy
from cellsync.casework.importing.mapping import EXAMPLE, Mapping, Target
from cellsync.core import caps
from cellsync.core.case.fields import Register
from cellsync.core.case.values import store
from cellsync.core.errors import CallerError, InvalidValue
from cellsync.core.wire import codec

LARGEST_FILE: Final = 64 << 20  # bytes
LONGEST_ID: Final = 256  # bytes
_DELIMITERS: Final = (",", ";", "\t")
_ROOM: Final = 4096  # bytes of an entry for what import adds: creation, links, a mark and a name per value
_PER_VALUE: Final = 128

Source = bytes | str | PathLike[str]
Place = tuple[str, str]
"""Where values of one cell go: (field, column); the column of a register is "", since it has only one."""


class UnreadableFile(CallerError):
    """This file cannot be read as a table. Nothing was imported."""

    code = "unreadable_file"
    default_hint = "Save it as CSV, with the names of the columns in the first line."


class RowError(NamedTuple):
    """Why a row was left out."""

    line: int  # of the file, from 1; the first line of the row
    column: str  # "" if it is the whole row
    problem: str  # a sentence without its subject, without the cell: "is not a date"

    def __str__(self) -> str:
        return f"line {self.line}: {self.column or 'this row'} {self.problem}"


class Row(NamedTuple):
    """A row that can be imported."""

    line: int
    external: str
    size: int  # bytes of its values
    documents: dict[str, dict[Place, list[Any]]]  # plain values; a place without any was empty in the file

    def __repr__(self) -> str:
        return f"<row on line {self.line}>"  # no content


class Reading(NamedTuple):
    """A table as it was read."""

    rows: list[Row]
    errors: list[RowError]
    ignored: list[str]  # columns that the mapping does not know

    def __repr__(self) -> str:
        return f"<reading of {len(self.rows)} rows, {len(self.errors)} errors>"  # no content


def read_csv(
    source: Source, mapping: Mapping | None = None, *, encoding: str | None = None, delimiter: str | None = None
) -> Reading:
    """Read a table: the content of a file, or its path. Writes nothing.

    Raises UnreadableFile if there is no table in it, InvalidValue for an encoding or delimiter that does not exist.
    """
    mapping = mapping or EXAMPLE
    text = decode(_content(source), encoding)
    records = _records(text, delimiter or _delimiter(text))
    header = _header(records)
    columns = _columns(header, mapping)
    reading = Reading([], [], [name for name in header if name and name not in columns])
    first_lines: dict[str, int] = {}
    broken = False
    for line, record in records:
        if isinstance(record, str):
            reading.errors.append(RowError(line, "", record))
            broken = True
        elif broken and len(record) != len(header):
            reading.errors.append(RowError(line, "", "was skipped, because of the broken quotes above"))
        elif any(cell.strip() for cell in record):
            broken = False
            _read_row(reading, mapping, columns, len(header), line, record, first_lines)
    return reading


# --- the file -----------------------------------------------------------------------------------


def _content(source: Source) -> bytes:
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


def decode(content: bytes, encoding: str | None = None) -> str:
    """The text of a file. Raises UnreadableFile, InvalidValue."""
    try:
        if encoding is not None:
            return content.decode(encoding).removeprefix("\ufeff")
        if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return content.decode("utf-16")
        return _utf8_or_cp1251(content)
    except LookupError:
        raise InvalidValue("there is no such encoding", hint="Usual ones: utf-8, cp1251, cp1250.") from None
    except ValueError:
        raise UnreadableFile(
            "the file is not in the expected encoding", hint="Save it as UTF-8, or name its encoding."
        ) from None


def _utf8_or_cp1251(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1251")


def _delimiter(text: str) -> str:
    first = next((line for line in re.split(r"[\r\n]+", text, maxsplit=1) if line), "")
    return max(_DELIMITERS, key=first.count)


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """(first line, cells), or (line, what is wrong with it)."""
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    except (TypeError, ValueError):
        raise InvalidValue("a delimiter is a single character") from None
    while True:
        line = reader.line_num + 1
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


# --- the header ---------------------------------------------------------------------------------


def _header(records: Iterator[tuple[int, list[str] | str]]) -> list[str]:
    _, record = next(records, (0, [""]))
    if isinstance(record, str):
        raise UnreadableFile("the first line is not a header: its quotes are broken")
    header = [tidy(cell) for cell in record]
    if not any(header):
        raise UnreadableFile("the file is empty", hint="The first line has to name the columns.")
    return header


def _columns(header: list[str], mapping: Mapping) -> dict[str, int]:
    """The mapped columns and their positions. Says nothing of the first line but what the mapping says too."""
    wanted = dict.fromkeys([mapping.id_column, *(target.column for target in mapping.targets)])
    found: dict[str, int] = {}
    for name in wanted:
        if header.count(name) > 1:
            raise UnreadableFile(f"the column {name!r} stands twice in the first line")
        if name in header:
            found[name] = header.index(name)
        elif mapping.whole or name == mapping.id_column:
            close = get_close_matches(name, header, n=1, cutoff=0.8)
            hint = f"Did you mean {close[0]!r}?" if close else "Does the first line name the columns?"
            raise UnreadableFile(f"the first line has no column {name!r}", hint=hint)
    return found


# --- the rows -----------------------------------------------------------------------------------


def _read_row(
    reading: Reading, mapping: Mapping, columns: dict[str, int], width: int, line: int, record: list[str],
    first_lines: dict[str, int],
) -> None:  # fmt: skip
    """Append the row to the rows, or what is wrong with it to the errors."""
    errors: list[RowError] = []
    if len(record) > width:
        errors.append(RowError(line, "", f"has {len(record)} cells, the first line has {width}"))
    cells = {name: tidy(record[at]) for name, at in columns.items() if at < len(record)}
    for name, cell in cells.items():
        if "\0" in cell:
            errors.append(RowError(line, name, "contains a zero byte"))
            cells[name] = ""
    external = cells.get(mapping.id_column, "")
    if problem := _about_id(external, first_lines):
        errors.append(RowError(line, mapping.id_column, problem))
    elif external:
        first_lines[external] = line
    documents: dict[str, dict[Place, list[Any]]] = {}
    for target in mapping.targets:
        if target.column in cells:
            place = target.field, "" if isinstance(target.declared, Register) else target.column
            try:
                documents.setdefault(target.document, {})[place] = _read_cell(target, cells[target.column])
            except BadCell as bad:
                error = RowError(line, target.column, str(bad))
                errors += [error] if error not in errors else []
    sizes = [_size(document) for document in documents.values()]
    if max(sizes, default=0) > caps.ENTRY - _ROOM:
        errors.append(RowError(line, "", f"is too long: one document holds at most {(caps.ENTRY - _ROOM) >> 10} KiB"))
    if errors:
        reading.errors.extend(sorted(errors, key=lambda error: columns.get(error.column, -1)))
    else:
        reading.rows.append(Row(line, external, sum(sizes), documents))


def _about_id(external: str, first_lines: dict[str, int]) -> str:
    if not external:
        return "is empty: without an id a row cannot be found again"
    if len(external.encode()) > LONGEST_ID:
        return f"is longer than {LONGEST_ID} bytes"
    return f"stands on line {first_lines[external]} already" if external in first_lines else ""


def _read_cell(target: Target, cell: str) -> list[Any]:
    """The plain values of a cell. Raises BadCell."""
    kind = target.declared.kinds[0]
    try:
        return [store(kind, target.field, value) for value in (target.parser(cell) if cell else [])]
    except InvalidValue:
        raise BadCell("does not fit its field, or is longer than an entry may be") from None


def _size(document: dict[Place, list[Any]]) -> int:
    """About what an entry with these values takes, in bytes."""
    values = [value for one in document.values() for value in one]
    return len(codec.encode(values)) + _PER_VALUE * len(values)
