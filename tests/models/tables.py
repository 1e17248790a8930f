"""Tables read the plain way: every cell is tidied and read by itself, in each of its places."""

from __future__ import annotations

from cellsync.casework.importing import reading
from cellsync.casework.importing.cells import tidy
from cellsync.casework.importing.encodings import decode
from cellsync.casework.importing.mapping import Mapping, Placed
from cellsync.casework.importing.reading import RowError
from cellsync.casework.importing.sheet import read_sheet
from cellsync.casework.importing.waiting import Documents
from cellsync.casework.values.no_answer import says_unknown
from cellsync.core.schema.fields import Register


def rows(content: bytes, mapping: Mapping) -> list[tuple[int, Documents, list[RowError]]]:
    """Line, values and unread cells of every row."""
    sheet = read_sheet(decode(content, None), mapping.knows)
    placed = mapping.on(sheet.header)
    return [(line, *_row(placed, line, record)) for line, record in sheet.rows if isinstance(record, list)]


def _row(placed: Placed, line: int, record: list[str]) -> tuple[Documents, list[RowError]]:
    documents: Documents = {}
    unread: dict[str, RowError] = {}
    taken: set[str] = set()
    for target in placed.targets:
        if target.column not in placed.positions or min(placed.positions[target.column]) >= len(record):
            continue
        cell = _cell(placed, target.column, record)
        values, problem = reading._read(target, cell)
        place = target.field, "" if isinstance(target.declared, Register) else target.column
        if problem:
            unread.setdefault(target.column, RowError(line, target.column, problem, cell))
        else:
            documents.setdefault(target.document, {})[place] = values
            if values and reading._is_told(target):
                taken.add(target.column)
    left = [error for column, error in unread.items() if column not in taken]
    return documents, sorted(left, key=lambda one: placed.positions[one.column])


def _cell(placed: Placed, column: str, record: list[str]) -> str:
    found = [tidy(record[at]) for at in placed.positions[column] if at < len(record)]
    return found[0] if len(found) == 1 else " ".join(one for one in found if not says_unknown(one))
