"""Ranges of days: the first day, and the last."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final

from cellsync.casework.importing.cells import BadCell, event
from cellsync.core.folded import folded

_RANGE: Final = re.compile(r"(?P<begins>[\d./-]{4,10}|)\s*(?P<sign>[~:–—]|(?<=\s)-(?=\s|$))\s*(?P<ends>[\d./-]{4,10}|)")
_SINCE: Final = re.compile(r"(?i)(?:since|from|с|со|з|ад|від|od)\s+(?=\S)")
_IN_WORDS: Final = re.compile(r"(?i)(.+?)(?:\s*[–—]\s*|\s+-\s+|\s+(?:to|till|until|по|до|па|да|do)\s+)(.+)")
_STILL: Final = frozenset(
    folded(word)
    for word in (
        "now", "present", "today", "still", "н.в.", "н. в.", "настоящее время", "сегодня", "сейчас", "сих пор",
        "цяпер", "сёння", "гэтага часу", "сьогодні", "тепер", "dziś", "teraz", "nadal",
    )
)  # fmt: skip
_YEAR: Final = re.compile(r"\d{4}")
_NO_YEAR: Final = re.compile(r"\d{1,2}\.\d{1,2}\.?|(?:\d{1,2}\s+)?[^\W\d_]{3,}\.?")
_LONGEST: Final = 100  # characters


def first_day(cell: str) -> list[Any]:
    """The date since when: the beginning of a range, or a single date."""
    begins, _ = _range(cell)
    return event(begins) if begins else []


def only_first_day(cell: str) -> list[Any]:
    """As `first_day`, for a column whose ends are not imported."""
    return first_day(cell)


def last_day(cell: str) -> list[Any]:
    """The date until when: the end of a range, or a single date; nothing if the range has not ended."""
    begins, ends = _range(cell)
    return range_end(cell) if ends is not None else known_date(begins)


def range_end(cell: str) -> list[Any]:
    """The end of a range. A single date only says when it began."""
    _, ends = _range(cell)
    return known_date(ends) if ends else []


def known_date(cell: str) -> list[Any]:
    return [date for date in event(cell) if date.earliest is not None]


def _range(cell: str) -> tuple[str, str | None]:
    """Both ends of "2024-03-05~2024-09-01", also with ":" or " - " between; a single date, and None."""
    found = _RANGE.fullmatch(cell)
    if found is not None and _is_whole(**found.groupdict()):
        return found["begins"], found["ends"]
    if len(cell) > _LONGEST or _is_date(cell):
        return cell, None
    since = _SINCE.sub("", cell, count=1)
    if (words := _IN_WORDS.fullmatch(since)) is not None:
        begins, ends = words[1].strip(), words[2].strip()
        if _is_date(begins) and folded(ends) in _STILL:
            return begins, ""
        begins = _with_year(begins, ends)
        if _is_date(begins) and _is_date(ends) and _day(begins) <= _day(ends):
            return begins, ends
    return (since, "") if since != cell and _is_date(since) else (cell, None)


def _is_whole(begins: str, sign: str, ends: str) -> bool:
    """Whether each end is a date by itself. "~2024" is a single, estimated date."""
    return (_is_date(begins) or not ends) if begins else bool(ends) and sign != "~"


def _with_year(begins: str, ends: str) -> str:
    """The beginning of "3 мая – 5 июня 2024" or "03.05.–05.06.2024", with the year of the end. In "3–5 мая" the
    beginning lacks more than its year, and is returned as it is."""
    year = _YEAR.search(ends)
    if _YEAR.search(begins) or year is None or not _NO_YEAR.fullmatch(begins):
        return begins
    between = "" if begins.endswith(".") else "." if begins[-1:].isdigit() else " "
    return f"{begins}{between}{year[0]}"


def _day(text: str) -> date:
    [known] = known_date(text)
    return known.earliest or date.max


def _is_date(text: str) -> bool:
    try:
        return bool(known_date(text))
    except BadCell:
        return False
