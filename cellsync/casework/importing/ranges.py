"""Ranges of days: from when, until when."""

from __future__ import annotations

import re
from typing import Any, Final

from cellsync.casework.importing.cells import partial_date

_RANGE: Final = re.compile(r"(?P<begins>[\d./-]{4,10}|)\s*(?P<sign>[~:–—]|(?<=\s)-(?=\s|$))\s*(?P<ends>[\d./-]{4,10}|)")


def first_day(cell: str) -> list[Any]:
    """Since when: of a range its beginning."""
    begins, _ = _range(cell)
    return partial_date(begins) if begins else []


def last_day(cell: str) -> list[Any]:
    """Until when: of a range its end; nothing if it is not over."""
    begins, ends = _range(cell)
    return range_end(cell) if ends is not None else known_date(begins)


def range_end(cell: str) -> list[Any]:
    """Of a range its end. A single date says only when it began."""
    _, ends = _range(cell)
    return known_date(ends) if ends else []


def known_date(cell: str) -> list[Any]:
    return [date for date in partial_date(cell) if date.earliest is not None]


def _range(cell: str) -> tuple[str, str | None]:
    """Both ends of "2024-03-05~2024-09-01", also with ":" or " - " between; of a single date only the first."""
    found = _RANGE.fullmatch(cell)
    if found is None or not (found["begins"] or (found["ends"] and found["sign"] != "~")):  # "~2024" is estimated
        return cell, None
    return found["begins"], found["ends"]
