"""Fates: what became of a person, where a table has it in its column of states.

With us the status says how the work on a case stands; "released" does not say that. So it is kept as what it is, an
entry of the timeline with the words of the table, and with the day if one stands there.
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
    """The status of a case; nothing where the cell says what became of the person."""
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
    """What became of the person: "released", "освобождён 03.05.2024"; and since when a status holds, as a note.

    Nothing where a cell says something else.
    """
    for said, when in _with_date(cell):
        if (kind := fate(said)) is not None:
            return [TimelineEntry(kind, cell, when)]
        if when != UNKNOWN_DATE and meant(said, _CHOICES) is not None:
            return [TimelineEntry(TimelineKind.NOTE, cell, when)]
    return []


def _with_date(cell: str) -> Iterator[tuple[str, PartialDate]]:
    """Each beginning of the cell behind which a date stands, or nothing; the longest first."""
    words = cell.split() if len(cell) <= _LONGEST else []
    for end in range(len(words), 0, -1):
        if (when := _date(" ".join(words[end:]).strip(_AROUND))) is not None:
            yield " ".join(words[:end]).rstrip(_AROUND), when


def _date(text: str) -> PartialDate | None:
    """None for what is no date."""
    for before in _BEFORE_DATE:
        text = text.removeprefix(before)
    try:
        return PartialDate.parse(text, EVENTS) if text else UNKNOWN_DATE
    except InvalidValue:
        return None
