"""Fates: what became of a person, when a table says it in its status column.

Our status says how far the work on a case is, and "released" does not. Such a cell is therefore kept as an entry of the
timeline, in the words of the table, with the date if the cell gives one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cellsync.casework.documents.case_file import CaseStatus
from cellsync.casework.importing import cells
from cellsync.casework.importing.cells import BadCell
from cellsync.casework.values.partial_date import EVENTS, UNKNOWN_DATE, PartialDate
from cellsync.casework.values.timeline import TimelineEntry, TimelineKind
from cellsync.casework.vocabulary import fate, meant
from cellsync.core.errors import InvalidValue
from cellsync.core.schema.values import value_type

_CHOICES: Final = [status.value for status in CaseStatus]
_CHOICE: Final = cells.choice(value_type(CaseStatus), _CHOICES)
_LONGEST: Final = 80  # characters
_AROUND: Final = " ,;:()!."
_BEFORE_DATE: Final = ("on ", "in ", "since ", "from ", "с ", "со ", "в ", "з ", "у ", "ад ", "w ", "od ", "dnia ")


def status(cell: str) -> list[Any]:
    """The status of a case; nothing if the cell says what became of the person."""
    try:
        return _CHOICE(cell)
    except BadCell:
        for said, _ in _with_date(cell):
            if (found := meant(said, _CHOICES)) is not None:
                return [CaseStatus(found)]
            if fate(said) is not None:
                return []
        raise


def entries(cell: str) -> list[Any]:
    """What became of the person, as "released" or "освобождён 03.05.2024"; a status with its date becomes a note.

    Nothing for any other cell.
    """
    for said, when in _with_date(cell):
        if (kind := fate(said)) is not None:
            return [TimelineEntry(kind, cell, when)]
        if when != UNKNOWN_DATE and meant(said, _CHOICES) is not None:
            return [TimelineEntry(TimelineKind.NOTE, cell, when)]
    return []


def _with_date(cell: str) -> Iterator[tuple[str, PartialDate]]:
    """Each beginning of the cell that is followed by a date or by nothing, and that date; the longest first."""
    words = cell.split() if len(cell) <= _LONGEST else []
    for end in range(len(words), 0, -1):
        if (when := _date(" ".join(words[end:]).strip(_AROUND))) is not None:
            yield " ".join(words[:end]).rstrip(_AROUND), when


def _date(text: str) -> PartialDate | None:
    """The date that a text is, unknown if it is empty; None if it is no date."""
    for before in _BEFORE_DATE:
        text = text.removeprefix(before)
    try:
        return PartialDate.parse(text, EVENTS) if text else UNKNOWN_DATE
    except InvalidValue:
        return None
