"""PartialDate: a date as far as it is known. Families know the month, prisons give a year, some things nobody knows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from cellsync.core.errors import InvalidValue


class Precision(StrEnum):
    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    UNKNOWN = "unknown"


_ISO: Final = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
_DOTTED: Final = re.compile(r"(?:(?:(\d{1,2})\.)?(\d{1,2})\.)?(\d{4})", re.ASCII)  # 03.05.2024, 05.2024
_UNKNOWN: Final = frozenset({"", "?", "-", "—", "unknown", "неизвестно", "невядома", "nieznana", "nieznany"})
_ESTIMATED: Final = ("~", "ca.", "c.", "ок.", "каля", "ok.")


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
        """Read "2024-05-03", "2024-05", "2024", "03.05.2024", "05.2024", "?" or ""; "~" in front: estimated.

        Dates with slashes are refused, because 05/03 is a day in May to some and in March to others.
        Raises InvalidValue.
        """
        wanted = text.strip().lower()
        if wanted in _UNKNOWN:
            return cls()
        estimated = False
        for mark in _ESTIMATED:
            if wanted.startswith(mark):
                wanted, estimated = wanted[len(mark) :].strip(), True
                break
        if iso := _ISO.fullmatch(wanted):
            year, month, day = iso.groups()
        elif dotted := _DOTTED.fullmatch(wanted):
            day, month, year = dotted.groups()
        else:
            raise InvalidValue("not a date", hint='Write 2024-05-03, 2024-05, 2024, 03.05.2024, "~2024" or "?".')
        return cls(int(year), int(month) if month else None, int(day) if day else None, estimated)

    @classmethod
    def of(cls, day: date) -> PartialDate:
        return cls(day.year, day.month, day.day)

    @property
    def precision(self) -> Precision:
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


UNKNOWN_DATE: Final = PartialDate()
