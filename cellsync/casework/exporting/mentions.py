"""Mentions: texts that reveal data that stays, such as a note with a name that a consent withholds.

    data that stays                         is mentioned by a text that has
    a name                                  one of its parts, in any grammatical case, or all of them in a row
    a date of birth                         that day, in figures or in words
    another short text: a residence, the    all its words, in order
    alias of a helper, a number to call

1. Texts are compared folded (`core.folded`), word by word, as names are found: case, marks and apostrophes are ignored.
2. A word matches a part in another grammatical case if both begin alike, up to an ending of either (`_ENDINGS`): `Веры`
   and `Верой` match `Вера`. A vowel may drop out (`Павел`, `Павла`), and ў and в are the same at the end. In Latin
   letters the common beginning must have four letters, since `very` does not match `Vera`.
3. Parts of fewer than four letters may also be ordinary words: alone, they raise a doubt but hold no text back.
4. A part of a name that leaves with the same case anyway is not searched for.
5. A text is scanned once, with a few look-ups for each word, regardless of how much is searched for.

Names that are not recorded are not found: diminutives, other spellings, nicknames.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Final

from cellsync.casework.importing.persons import is_particle
from cellsync.casework.values.calendar_words import month
from cellsync.casework.values.partial_date import PartialDate
from cellsync.core.folded import folded

_LONG: Final = 4  # letters of a part that identifies its name
_STEM: Final = 3  # letters of a stem that is matched with other endings
_MOST: Final = 8  # words of a text, or letters of a name in a script without blanks, that are compared
_LONGEST: Final = 200  # characters of a text that is searched for: longer ones are not repeated
_WORD: Final = re.compile(r"[^\W_]+")
_NO_BLANKS: Final = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)
_CYRILLIC: Final = re.compile(r"[\u0400-\u052f]+")
_OWN: Final = (  # endings of a name in a document, folded (й is и), the longest first
    "ая", "яя", "ыи", "ии", "ои", "іи", "а", "я", "о", "е", "э", "ь", "и", "і", "ы", "a", "o", "e", "y", "i",
)  # fmt: skip
_OTHERS: Final = (  # of names and their derivatives, in the languages of the users
    " а я ы и у ю е э і ь ой ей ай яй ою ею аю яю ом ем ам ям ым им ім ого его ога яга ому ему аму яму ую юю ая яя "
    "ое ее ый ий ій ые ие ыя ія ых их іх ыми ими ымі імі ами ями амі ямі ах ях ов ев оў еў аў яў ові еві єві "
    "є ї ья ье ью ьи ьё ин ина ину иной иным ины ін іна іну іны ова ову овой овы ової "
    "a u y i e o s em iem owi ie om ami ach ow ego emu ym im ej iego iemu iej ia iu ią ova ovi ovy ovou"
)
_ENDINGS: Final = frozenset(map(folded, _OTHERS.split(" ")))
_LONGEST_ENDING: Final = max(map(len, _ENDINGS))
_FLEETING: Final = re.compile(r"[^\W\d_аеиоуыэюяіaeiouy][еоeo][^\W\d_аеиоуыэюяіaeiouy]$")
_SHORT_U: Final = re.compile(r"[оеаяіыэ]у$")
_FIGURES: Final = re.compile(r"(?<!\d)(\d{1,4})[-./ ]{1,2}(\d{1,2})[-./ ]{1,2}(\d{1,4})(?!\d)")
_RUN: Final = re.compile(r"(?<!\d)\d{8}(?!\d)")
_DAY_FIRST: Final = re.compile(r"(?<!\d)(\d{1,2})(?:-?[^\W\d_]{1,3})?[ .,]{1,2}([^\W\d_]{3,})[ .,]{1,2}(\d{4})(?!\d)")
_MONTH_FIRST: Final = re.compile(r"([^\W\d_]{3,})[ .]{1,2}(\d{1,2})[^\W\d_]{0,2}[ .,]{1,2}(\d{4})(?!\d)")


class Says(IntEnum):
    """Whether a text mentions data that stays."""

    NOTHING = 0
    MAYBE = 1
    SURELY = 2


class Mentions:
    """The identifying data of one case that stays, for a search in texts."""

    def __init__(self) -> None:
        self._stems: set[str] = set()  # beginnings of words, followed by one of the endings
        self._words: set[str] = set()
        self._doubtful: set[str] = set()
        self._rows: set[tuple[str, ...]] = set()  # words in a row
        self._names: set[tuple[str, ...]] = set()  # words in a row in any order: sorted
        self._pieces: set[str] = set()  # of names in scripts without blanks
        self._row_lengths: set[int] = set()
        self._piece_lengths: set[int] = set()
        self._days: set[tuple[int, int, int]] = set()
        self._leaving: set[str] = set()  # parts of names

    def __bool__(self) -> bool:
        return bool(
            self._stems or self._words or self._doubtful or self._rows or self._names or self._pieces or self._days
        )

    def __repr__(self) -> str:
        return "<what stays>"  # no content

    def leaves(self, name: str) -> None:
        """Exclude the parts of a name that leaves with the case. Call this before adding names that stay."""
        self._leaving.update(_parts(name))

    def add_name(self, name: str) -> None:
        parts = [part for part in _parts(name) if part not in self._leaving and not is_particle(part)]
        for part in parts:
            if _NO_BLANKS.fullmatch(part):
                if len(part) > 1:
                    self._pieces.add(part[:_MOST])
                    self._piece_lengths.add(len(part[:_MOST]))
            elif len(part) < _LONG:
                self._doubtful.add(part)
            else:
                self._words.add(part)
                self._stems.update(_stems(part))
        short = [part for part in parts if len(part) < _LONG]
        if 1 < len(short) == len(parts) <= _MOST:
            self._names.add(tuple(sorted(parts)))
            self._row_lengths.add(len(parts))

    def add_text(self, text: str) -> None:
        words = _WORD.findall(folded(text[: _LONGEST + 1]))
        if len(text) > _LONGEST or not words:
            return
        if sum(map(len, words)) < _LONG:
            self._doubtful.update(words[:1] if len(words) == 1 else ())
        elif not self._leaving.issuperset(words):
            self._rows.add(tuple(words[:_MOST]))
            self._row_lengths.add(len(words[:_MOST]))

    def add_day(self, date: PartialDate) -> None:
        if date.year is not None and date.month is not None and date.day is not None:
            self._days.add((date.year, date.month, date.day))

    def said_in(self, text: str) -> Says:
        alike = folded(text)
        words = _WORD.findall(alike)
        if any(map(self._is_part, words)) or self._has_row(words) or self._has_piece(words) or self._has_day(alike):
            return Says.SURELY
        return Says.NOTHING if self._doubtful.isdisjoint(words) else Says.MAYBE

    def _is_part(self, word: str) -> bool:
        if word in self._words:
            return True
        shortest = max(_STEM, len(word) - _LONGEST_ENDING)
        return any(word[:at] in self._stems and word[at:] in _ENDINGS for at in range(shortest, len(word) + 1))

    def _has_row(self, words: list[str]) -> bool:
        return any(
            row in self._rows or tuple(sorted(row)) in self._names
            for count in self._row_lengths
            for row in _runs(words, count)
        )

    def _has_piece(self, words: list[str]) -> bool:
        return any(
            "".join(run) in self._pieces
            for word in (words if self._pieces else ())
            if _NO_BLANKS.search(word)
            for count in self._piece_lengths
            for run in _runs(word, count)
        )

    def _has_day(self, alike: str) -> bool:
        return bool(self._days) and any(day in self._days for day in _days_in(alike, self._days))


def _parts(name: str) -> list[str]:
    return [word for word in _WORD.findall(folded(name)) if not word.isdecimal()]


def _stems(part: str) -> Iterator[str]:
    """The beginnings of a name in all its grammatical cases. Rule 2."""
    least = _STEM if _CYRILLIC.fullmatch(part) else _LONG
    ending = next((letters for letters in _OWN if part.endswith(letters) and len(part) - len(letters) >= least), "")
    yield part
    yield part.removesuffix(ending)
    if _FLEETING.search(part) and len(part) > _LONG:
        yield part[:-2] + part[-1]
    if _SHORT_U.search(part):
        yield part[:-1] + "в"


def _runs(words: list[str] | str, count: int) -> Iterator[tuple[str, ...]]:
    """All runs of `count` consecutive words."""
    return (tuple(words[at : at + count]) for at in range(len(words) - count + 1))


def _days_in(alike: str, wanted: Iterable[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """The days that a text may mean: day and month may be in either order, and a year may have two digits."""
    years = {year % 100: year for year, _, _ in wanted}
    figures = [tuple(map(int, found.groups())) for found in _FIGURES.finditer(alike)]
    for found in _RUN.finditer(alike):
        run = found.group()
        figures += [(int(run[:4]), int(run[4:6]), int(run[6:])), (int(run[:2]), int(run[2:4]), int(run[4:]))]
    for first, second, third in figures:
        for year, month_or_day, day_or_month in ((first, second, third), (third, second, first)):
            whole = years.get(year, year) if year < 100 else year
            yield whole, month_or_day, day_or_month
            yield whole, day_or_month, month_or_day
    for found in _DAY_FIRST.finditer(alike):
        yield int(found[3]), month(found[2]) or 0, int(found[1])
    for found in _MONTH_FIRST.finditer(alike):
        yield int(found[3]), month(found[1]) or 0, int(found[2])
