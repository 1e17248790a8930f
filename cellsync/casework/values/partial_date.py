"""PartialDate: a date as far as it is known. Families know the month, prisons give a year, some things nobody knows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from cellsync.casework.values.no_answer import says_unknown
from cellsync.core.errors import InvalidValue
from cellsync.core.folded import folded


class Precision(StrEnum):
    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    UNKNOWN = "unknown"


_PART: Final = r"(\d{1,2}|\?{1,2}|[xх]{2})"  # 00, ? and xx: not known
_YEAR: Final = r"(\d{4})"
_YEAR_FIRST: Final = re.compile(rf"{_YEAR}(?:([-/.]){_PART}(?:\2{_PART})?)?", re.ASCII)
_YEAR_LAST: Final = re.compile(rf"(?:{_PART}([-/.]))?{_PART}[-/.]{_YEAR}", re.ASCII)
_IN_WORDS: Final = re.compile(rf"(?:(\d{{1,2}})(?:st|nd|rd|th|-?го)?[\s.]+)?([^\W\d_]{{3,}}\.?)[\s,]+{_YEAR}")
_BETWEEN: Final = re.compile(rf"(\d{{1,2}})([-/.])\s?([^\W\d_]+)\2\s?{_YEAR}")  # 3-May-1981, 3.V.1981
_MONTH_FIRST: Final = re.compile(rf"([^\W\d_]{{3,}}\.?)\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+{_YEAR}")
_TIME: Final = re.compile(
    r"(?<=\d)(?:t|[\s,]+(?:at |в |а )?)\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:z|utc|[ap]m|[+-]\d\d:?(?:\d\d)?)?"
)
_AFTER_YEAR: Final = re.compile(
    r"(?<=\d)\s*(?:г\.\s?[рн]\.?|год[ауe]?(?:\s+(?:рождения|нараджэння))?|годзе|гг?\.?|р\.|roku|r\.|year)$"
)
_DASHES: Final = str.maketrans("‐‑‒–—−", "------")
_ESTIMATED: Final = (
    "~", "≈", "ca.", "ca ", "c.", "circa ", "about ", "around ", "approx. ", "approximately ", "ок.", "около ",
    "прибл.",     "примерно ", "приблизительно ", "каля ", "прыкладна ", "ok.", "około ", "mniej więcej ",
)  # fmt: skip
_SERIAL: Final = re.compile(r"[2-6]\d{4}(?:[.,]\d+)?", re.ASCII)  # 1954 to 2091, as spreadsheets count days
_FORMS: Final = 'Write 2024-05-03, 2024-05, 2024, 03.05.2024, "~2024" or "?".'


@dataclass(frozen=True)
class PartialDate:
    """A day, a month, a year, or nothing; `estimated` says that even that is a guess. `PartialDate()` is unknown."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    estimated: bool = False

    def __post_init__(self) -> None:
        """Raises InvalidValue for a day that no calendar has, or a day without its month."""
        if (self.month is None and self.day is not None) or (self.year is None and self.month is not None):
            raise InvalidValue("a date with a day needs its month, one with a month its year")
        if self.year is None and self.estimated:
            raise InvalidValue("an unknown date is not estimated")
        if self.year is not None:
            try:
                date(self.year, self.month or 1, self.day or 1)
            except ValueError:
                raise InvalidValue("there is no such date") from None
            if 0 in (self.month, self.day):
                raise InvalidValue("there is no such date")

    @classmethod
    def parse(cls, text: str) -> PartialDate:
        """Read a date as people write it: what `str` gives, and 03.05.2024, 2024/05/03, "3 мая 2024 г.", "spring 2024".

        A time after the day is passed over; 00 and ? are parts that are not known; "~" before or "?" behind says that
        it is estimated. Where a day and a month could be exchanged nothing is guessed: 05/03 is in May to some and in
        March to others. Raises InvalidValue.
        """
        wanted = " ".join(text.lower().translate(_DASHES).split())
        if says_unknown(wanted):
            return cls()
        wanted, estimated = _without_doubt(wanted)
        wanted = _AFTER_YEAR.sub("", _TIME.sub("", wanted)) if not _SERIAL.fullmatch(wanted) else wanted
        wanted, doubted = _without_doubt(wanted.strip())
        if doubted and not wanted[-1:].isdigit():
            wanted += "?"
        year, month, day = _read(wanted)
        return cls(year, month, day, (estimated or doubted) and year is not None)

    @classmethod
    def of(cls, day: date) -> PartialDate:
        """A whole day."""
        return cls(day.year, day.month, day.day)

    @property
    def precision(self) -> Precision:
        """How much of it is known."""
        if self.year is None:
            return Precision.UNKNOWN
        if self.month is None:
            return Precision.YEAR
        return Precision.MONTH if self.day is None else Precision.DAY

    @property
    def earliest(self) -> date | None:
        """The first day it can be; None if nothing is known."""
        return None if self.year is None else date(self.year, self.month or 1, self.day or 1)

    @property
    def latest(self) -> date | None:
        """The last day it can be; None if nothing is known."""
        if self.year is None:
            return None
        if self.month is None:
            return date(self.year, 12, 31)
        if self.day is not None:
            return date(self.year, self.month, self.day)
        if self.month == 12:
            return date(self.year, 12, 31)
        return date(self.year, self.month + 1, 1) - timedelta(days=1)

    def __str__(self) -> str:
        """The form that `parse` reads back."""
        if self.year is None:
            return "?"
        parts = [f"{self.year:04}", *(f"{part:02}" for part in (self.month, self.day) if part is not None)]
        return ("~" if self.estimated else "") + "-".join(parts)


def _without_doubt(text: str) -> tuple[str, bool]:
    """The text without a word in front, or a question mark behind, that says that it is estimated."""
    for mark in _ESTIMATED:
        if text.startswith(mark):
            return text[len(mark) :].strip(), True
    if re.search(r"\d\s?\(?\?\)?$", text):
        return text.rstrip(" (?)"), True
    return text, False


def _read(text: str) -> tuple[int | None, int | None, int | None]:
    """Year, month and day. Raises InvalidValue."""
    if found := _YEAR_FIRST.fullmatch(text):
        return _known(found[1], found[3], found[4])
    if found := _YEAR_LAST.fullmatch(text):
        return _year_last(text, found)
    if found := _IN_WORDS.fullmatch(text):
        return _in_words(found[3], found[2], found[1])
    if found := _MONTH_FIRST.fullmatch(text):
        return _in_words(found[3], found[1], found[2])
    if found := _BETWEEN.fullmatch(text):
        return _in_words(found[4], found[3], found[1])
    if _SERIAL.fullmatch(text):
        raise InvalidValue(
            "a number in place of a date", hint="A spreadsheet counts days like that: format the column as dates."
        )
    raise InvalidValue("not a date", hint=_FORMS)


def _year_last(text: str, found: re.Match[str]) -> tuple[int | None, int | None, int | None]:
    first, sign, second, year = found.groups()
    if first is not None and sign != text[found.end(3)]:
        raise InvalidValue("not a date", hint=_FORMS)
    if first is not None and sign != "." and first.isdigit() and second.isdigit():
        low, high = sorted((int(first), int(second)))
        if high <= 12 and low != high and low:
            raise InvalidValue(
                "a date of which nobody knows whether the day or the month stands first",
                hint="Write 2024-05-03 or 03.05.2024.",
            )
        if 12 < int(second) <= 31:  # as in 02/13/2024
            first, second = second, first
    return _known(year, second, first)


def _in_words(year: str, word: str, day: str | None) -> tuple[int | None, int | None, int | None]:
    from cellsync.casework.values.calendar_words import SEASONS, month, month_in_figures

    if day is None and folded(word) in SEASONS:
        return _known(year, None, None)
    number = month(word) or (None if day is None else month_in_figures(word))
    if number is None:
        raise InvalidValue("not a date", hint=_FORMS)
    return _known(year, str(number), day)


def _known(*parts: str | None) -> tuple[int | None, int | None, int | None]:
    """The parts up to the first that is not known."""
    year, month, day = (int(one) if one and one.isdigit() and int(one) else None for one in parts)
    return year, month if year else None, day if year and month else None


UNKNOWN_DATE: Final = PartialDate()
