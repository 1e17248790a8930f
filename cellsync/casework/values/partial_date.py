"""PartialDate: a date as far as it is known. Families know a month, prisons give a year, some dates are unknown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from cellsync.casework.values.no_answer import says_unknown
from cellsync.core.errors import InvalidValue
from cellsync.core.folded import folded


class Precision(StrEnum):
    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    UNKNOWN = "unknown"


_PART: Final = r"(\d{1,2}|\?{1,2}|[xх]{2})"  # 00, ? and xx: not known
_YEAR: Final = r"(\d{4}|'?\d{2})"
_MONTH: Final = r"([^\W\d_]{3,}\.?)"
_YEAR_FIRST: Final = re.compile(rf"(\d{{4}})(?:([-/.]){_PART}(?:\2{_PART})?)?", re.ASCII)
_YEAR_LAST: Final = re.compile(rf"(?:{_PART}([-/.]))?{_PART}[-/.](\d{{4}})", re.ASCII)
_SHORT_YEAR_LAST: Final = re.compile(rf"{_PART}([-/.]){_PART}\2(\d{{2}})", re.ASCII)
_IN_WORDS: Final = re.compile(rf"(?:(\d{{1,2}})(?:st|nd|rd|th|-?го)?[\s.]*(?:of )?)?{_MONTH}[\s,]+{_YEAR}")
_YEAR_BEFORE: Final = re.compile(rf"(\d{{4}})[\s,]+{_MONTH}(?:\s+(\d{{1,2}}))?")
_BETWEEN: Final = re.compile(rf"(\d{{1,2}})([-/.])\s?([^\W\d_]+)\.?\2\s?{_YEAR}")  # 3-May-1981, 3.V.1981
_MONTH_FIRST: Final = re.compile(rf"{_MONTH}\s+(\d{{1,2}})(?:st|nd|rd|th)?(?:,\s*|\s+){_YEAR}")
_OF_A_SHEET: Final = re.compile(rf"{_MONTH}[-./]{_YEAR}")  # May-81, май.81: a month in the form of spreadsheets
_ALONE: Final = re.compile(r"'\d{2}", re.ASCII)
_TIME: Final = re.compile(
    r"(?:(?<=\d)t|(?<=[\w.])[\s,]+(?:at |в |а |о |o )?)\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?"
    r"\s*(?:[ap]\.?m\.?)?\s*(?:z|(?:utc|gmt|msk|мск)?\s?(?:[+-]\d\d?:?(?:\d\d)?)?)$"
    r"|(?<=\d{4})[\s,]+\d{1,2}\.\d{2}$"
)
_MIDNIGHT: Final = re.compile(r"t2[0-3]:00(?::00(?:\.0+)?)?(?:z|\+00:?00)$")
_AFTER_YEAR: Final = re.compile(
    r"(?<=\d)\s*(?:г\.?\s?[/.]?\s?р\w*\.?|г\.\s?н\.?|р\.?\s?н\.?|год[ауе]?(?:\s+(?:рождения|нараджэння))?|годзе|гг?\.?|"
    r"р\.|року?(?:\s+народження)?|рік|roku|rok|r\.(?:\s?ur\.?)?|ur\.?|year)$"
)
_BEFORE: Final = re.compile(
    r"(?:born(?: on| in)?|b\.|род(?:ил[ас][ья]?)?\.?|народи\w+|нар(?:адз\w+)?\.?|ur(?:odz\w+)?\.?|г\.\s?р\.:?|on|in)"
    r"\s+(?=[~\w])"
)
_PART_OF: Final = re.compile(
    r"(?:(?:the )?(?:beginning|start|middle|end|first half|second half) of |early[ -]|mid[ -]?|late[ -]|"
    r"(?:в )?(?:начал[оае]|середин[аеы]|кон(?:ец|ца|це)|(?:перв\w+|втор\w+) половин\w+) |"
    r"(?:(?:у|ў) )?(?:пачат(?:ак|ку)|сярэдзін[аеы]|кан(?:ец|цы|ца)|(?:першая|другая) палова) |"
    r"(?:на )?(?:початок|початку|середин[аи]|кінець|кінці) |(?:na )?(?:począt(?:ek|ku)|połow[aye]|kon(?:iec|iec|ca)) |"
    r"(?:q[1-4]|[1-4]q|h[12])[\s,/-]*|(?:[1-4]|i{1,3}|iv|і{1,3})[-\s]*(?:й|ы|ий)?\s*(?:кв|kw|quarter)[^\W\d_]*\.?,?\s*|"
    r"(?:[12]|i{1,2}|і{1,2})[-\s]*(?:е|ое)?\s*полугоди[ея]\s*)(?=\w)"
)
_QUARTER_LAST: Final = re.compile(r"(?<=\d{4})[\s,/-]*(?:q[1-4]|h[12]|(?:[1-4]|i{1,3}|iv)[-\s]*(?:кв|kw)[^\W\d_]*\.?)$")
_DASHES: Final = str.maketrans("‐‑‒–—−’ʼ‘`", "-" * 6 + "'" * 4)
_SPREAD: Final = re.compile(r"(\d{1,2})\s*[.,]\s*(\d{1,2})\s*[.,]\s*(\d{4}|\d{2})")
_ESTIMATED: Final = (
    "~", "≈", "ca.", "ca ", "c.", "circa ", "about ", "around ", "approx. ", "approximately ", "ок.", "около ",
    "прибл.", "примерно ", "приблизительно ", "каля ", "прыкладна ", "близько ", "приблизно ", "ok.", "około ",
    "mniej więcej ",
)  # fmt: skip
_SERIAL: Final = re.compile(r"[2-6]\d{4}(?:[.,]\d+)?", re.ASCII)  # 1954 to 2091, in the day numbers of spreadsheets
_FORMS: Final = 'Write 2024-05-03, 2024-05, 2024, 03.05.2024, "~2024" or "?".'
_LONGEST: Final = 80  # characters


class ShortYears(NamedTuple):
    """The century of a year in two digits: up to `until` it is ours, from `since` on the last.

    A year between them may be in either, and is not guessed.
    """

    until: int
    since: int


BIRTHS: Final = ShortYears(25, 30)
"""No date of birth is in the future, and few people are older than a hundred."""
EVENTS: Final = ShortYears(49, 50)


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
    def parse(cls, text: str, short_years: ShortYears | None = None) -> PartialDate:
        """Read a date as people write it: what `str` gives, and 03.05.2024, 2024/05/03, "3 мая 2024 г.", "spring 2024".

        A time after the day is passed over, and so is which part of a year or month something was in; 00 and ? are
        parts that are not known; "~" before or "?" behind says that it is estimated. Where a day and a month could be
        exchanged nothing is guessed: 05/03 is in May to some and in March to others. A year of two digits is read as
        `short_years` says, else not at all. Raises InvalidValue.
        """
        if len(text) > _LONGEST:
            raise InvalidValue("not a date", hint=_FORMS)
        wanted = " ".join(text.lower().translate(_DASHES).split())
        if says_unknown(wanted):
            return cls()
        wanted, estimated = _without_doubt(wanted)
        wanted, _ = _bare(wanted)
        wanted, doubted = _without_doubt(wanted)
        if doubted and not wanted[-1:].isdigit():
            wanted += "?"
        year, month, day = _read(wanted, short_years)
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


def read_by_rule(text: str, short: ShortYears) -> str:
    """The assumption under which this date is read, as a sentence without its subject; "" if there is none."""
    wanted, part = _bare(_without_doubt(" ".join(text[:_LONGEST].lower().translate(_DASHES).split()))[0])
    if part or ((words := _IN_WORDS.fullmatch(wanted)) and _is_season(words[2])):
        return "says which part of a year or month it was: only the year or the month is kept"
    wanted = wanted.rstrip(" (?)")
    if wanted[-2:].isdigit() and not wanted[-4:].isdigit() and not _YEAR_FIRST.fullmatch(wanted):
        return f"has a year of two digits: 00 to {short.until} are read as 20…, {short.since} to 99 as 19…"
    return ""


def _is_season(word: str) -> bool:
    from cellsync.casework.values.calendar_words import SEASONS

    return folded(word) in SEASONS


def _bare(wanted: str) -> tuple[str, bool]:
    """The bare date, without a time, a word for "year" or a day of the week; and whether a part of it was named."""
    if _SERIAL.fullmatch(wanted):
        return wanted, False
    if _MIDNIGHT.search(wanted):
        raise InvalidValue(
            "a time in UTC that is midnight of the next day elsewhere", hint="Write the day alone, as it was there."
        )
    timeless = _TIME.sub("", wanted)
    wanted = _AFTER_YEAR.sub("", timeless).strip(" ,;")
    if wanted != timeless and len(wanted) == len("81") and wanted.isdigit():
        wanted = f"'{wanted}"
    wanted = _without_weekday(_BEFORE.sub("", wanted, count=1).removesuffix("."))
    rest = _QUARTER_LAST.sub("", _PART_OF.sub("", wanted, count=1) if _PART_OF.match(wanted) else wanted)
    apart = _SPREAD.fullmatch(rest)
    return ".".join(apart.groups()) if apart else rest, rest != wanted


def _without_weekday(text: str) -> str:
    first, _, rest = text.partition(" ")
    if rest and not first[:1].isdigit() and first.rstrip(".,").isalpha():
        from cellsync.casework.values.calendar_words import is_weekday

        return rest if is_weekday(first.rstrip(".,")) else text
    if text.endswith(")") and " (" in text:
        from cellsync.casework.values.calendar_words import is_weekday

        before, _, last = text.rpartition(" (")
        return before if is_weekday(last[:-1].rstrip(".")) else text
    return text


def _without_doubt(text: str) -> tuple[str, bool]:
    """The text without a word in front or a question mark at the end that means "estimated"; and whether it had one."""
    for mark in _ESTIMATED:
        if text.startswith(mark):
            return text[len(mark) :].strip(), True
    if re.search(r"\d\s?\(?\?\)?$", text):
        return text.rstrip(" (?)"), True
    return text, False


def _read(text: str, short: ShortYears | None) -> tuple[int | None, int | None, int | None]:
    """Year, month and day. Raises InvalidValue."""
    if found := _YEAR_FIRST.fullmatch(text):
        return _known(found[1], found[3], found[4])
    if found := _YEAR_LAST.fullmatch(text):
        return _year_last(text, found)
    if found := _IN_WORDS.fullmatch(text):
        return _in_words(_whole(found[3], short, found[1] is not None), found[2], found[1])
    if found := _YEAR_BEFORE.fullmatch(text):
        return _in_words(found[1], found[2], found[3])
    if found := _MONTH_FIRST.fullmatch(text):
        return _in_words(_whole(found[3], short), found[1], found[2])
    if found := _BETWEEN.fullmatch(text):
        return _in_words(_whole(found[4], short), found[3], found[1])
    if found := _OF_A_SHEET.fullmatch(text):
        return _in_words(_whole(found[2], short), found[1], None)
    if found := _ALONE.fullmatch(text):
        return _known(_whole(text, short), None, None)
    if found := _SHORT_YEAR_LAST.fullmatch(text):
        return _short_year_last(found, short)
    if _SERIAL.fullmatch(text):
        raise InvalidValue(
            "a number in place of a date", hint="A spreadsheet counts days like that: format the column as dates."
        )
    raise InvalidValue("not a date", hint=_FORMS)


def _whole(year: str, short: ShortYears | None, clear: bool = True) -> str:
    """A year with its century. `clear`: its two digits cannot be a day. Raises InvalidValue."""
    if len(year) == 4:
        return year
    two = int(year[-2:])
    if short is None or not (clear or year.startswith("'") or two > _DAYS):
        raise InvalidValue("a date with a year of two digits", hint="Write all four digits of the year.")
    if short.until < two < short.since:
        raise InvalidValue(
            "a date with a year of two digits, which may be of either century",
            hint="Write all four digits of the year.",
        )
    return str(2000 + two if two <= short.until else 1900 + two)


_DAYS: Final = 31


def _short_year_last(found: re.Match[str], short: ShortYears | None) -> tuple[int | None, int | None, int | None]:
    """With full stops, the day comes first. With other signs, any part may be the year, the month or the day."""
    first, sign, second, year = found.groups()
    if int(year) <= _DAYS and (sign != "." or not first.isdigit() or int(first) > _DAYS):
        raise InvalidValue(
            "a date of which nobody knows which part is the year", hint="Write 2024-05-03 or 03.05.2024."
        )
    whole = _whole(year, short)
    rewritten = f"{first}{sign}{second}{sign}{whole}"
    again = _YEAR_LAST.fullmatch(rewritten)
    if again is None:
        raise InvalidValue("not a date", hint=_FORMS)
    return _year_last(rewritten, again)


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
    from cellsync.casework.values.calendar_words import month, month_in_figures

    if day is None and _is_season(word):
        return _known(year, None, None)
    number = month(word) or (None if day is None else month_in_figures(word))
    if number is None:
        raise InvalidValue("not a date", hint=_FORMS)
    return _known(year, str(number), day)


def _known(*parts: str | None) -> tuple[int | None, int | None, int | None]:
    """The parts before the first unknown one; the others are None."""
    year, month, day = (int(part) if part and part.isdigit() and int(part) else None for part in parts)
    return year, month if year else None, day if year and month else None


UNKNOWN_DATE: Final = PartialDate()
