"""Cells: from what somebody typed into a table to values of the casework documents.

A parser takes a cell, tidied (`tidy`) and not empty, and gives the values it stands for: none, one, or for a set
several. What it cannot read raises `BadCell`, whose sentence never repeats the cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final
from unicodedata import normalize

from cellsync.casework.case_file import Priority
from cellsync.casework.choices import chosen
from cellsync.casework.name import NameKind, name_of
from cellsync.casework.partial_date import PartialDate
from cellsync.casework.person import Sex
from cellsync.casework.timeline import TimelineEntry, TimelineKind
from cellsync.core.case.values import ValueType, fits, value_type
from cellsync.core.errors import InvalidValue
from cellsync.core.plain import settled, unified

Parser = Callable[[str], list[Any]]

# What a spreadsheet program may run if a cell begins with it, guarded or not; some take the wide signs as well.
_FORMULA: Final = re.compile(r"(?=['\s]*[=+@＝＋＠－-]|'*[\t\n])")
# A program that is set to another separator begins a cell in the middle of one of ours. There a dash and a blank is no
# formula but an item of a list.
_INSIDE: Final = re.compile(r"(?<=[;\t\n])(?=(?:'|[^\S;\t\n])*(?:[=+@＝＋＠]|[－-](?!\s)))")
_GUARDED: Final = re.compile(_INSIDE.pattern.replace(r"(?=", r"'(?=", 1))
_BLANKS: Final = " \t\n\u00a0"
_SEVERAL: Final = re.compile(r"[|;]")
_ARTICLES: Final = re.compile(r"[|;,]")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.IGNORECASE | re.ASCII)
_INT: Final = value_type(int)
_SEX: Final = {
    "m": Sex.MALE, "male": Sex.MALE, "м": Sex.MALE, "f": Sex.FEMALE, "female": Sex.FEMALE, "ж": Sex.FEMALE,
    "k": Sex.FEMALE, "other": Sex.OTHER, "unknown": Sex.UNKNOWN, "?": Sex.UNKNOWN,
}  # fmt: skip
_YES: Final = {"yes": True, "true": True, "on": True, "1": True, "да": True, "так": True, "tak": True}
_NO: Final = {"no": False, "false": False, "off": False, "0": False, "нет": False, "не": False, "nie": False}


class BadCell(Exception):
    """A cell cannot be read. `sentence` lacks its subject: "is not a date"; `hint` says what to write instead."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(f"{sentence}. {hint}" if hint else sentence)
        self.sentence, self.hint = sentence, hint


def tidy(cell: str) -> str:
    """A cell without blanks around it, in NFC, lines ending in a line feed, without an exporter's formula guard.

    So a table that went through another spreadsheet program is not a changed table.
    """
    cell = unified(cell).lstrip(_BLANKS)
    if cell.startswith("'") and _FORMULA.match(cell):
        cell = cell[1:]
    return normalize("NFC", _GUARDED.sub("", cell).strip(_BLANKS))


def guard(text: str) -> str:
    """A text for a cell, so that no spreadsheet program takes it, or a part of it, for a formula; `tidy` undoes it."""
    text = _INSIDE.sub("'", settled(text))
    return "'" + text if _FORMULA.match(text) else text


# --- words and numbers -------------------------------------------------------------------------


def text(cell: str) -> list[Any]:
    return [cell]


def note(cell: str) -> list[Any]:
    return [TimelineEntry(TimelineKind.NOTE, cell)]


def number(cell: str) -> list[Any]:
    if not _NUMBER.fullmatch(cell) or not fits(_INT, int(cell)):
        raise BadCell("is not a whole number")
    return [int(cell)]


def yes_no(cell: str) -> list[Any]:
    answers = _YES | _NO
    if cell.lower() not in answers:
        raise BadCell("is neither yes nor no")
    return [answers[cell.lower()]]


def priority(cell: str) -> list[Any]:
    """1 (critical) to 5 (watch). Only digits: "high" is 2 to one group and 1 to another."""
    if len(cell) != 1 or cell not in "12345":
        raise BadCell("is not a number from 1 (critical) to 5 (watch)")
    return [list(Priority)[int(cell) - 1]]


def sex(cell: str) -> list[Any]:
    if cell.lower() not in _SEX:
        raise BadCell("is none of m, f, other, unknown")
    return [_SEX[cell.lower()]]


def choice(kind: ValueType, words: list[str]) -> Parser:
    """One of an enumeration's words; blanks and capitals do not matter."""

    def parse(cell: str) -> list[Any]:
        word = chosen(cell, words)
        if word is None:
            raise BadCell(f"is none of {', '.join(words)}")
        return [kind.decode(word)]

    return parse


# --- dates --------------------------------------------------------------------------------------


def partial_date(cell: str) -> list[Any]:
    try:
        return [PartialDate.parse(cell)]
    except InvalidValue as error:
        if "no such date" in str(error):
            raise BadCell("is a date that no calendar has") from None
        raise BadCell("is not a date", error.hint) from None


def day(cell: str) -> list[Any]:
    """A day. Of a month or a year the first: who is reminded early has lost nothing, who is reminded late has."""
    [date] = partial_date(cell)
    return [] if date.earliest is None else [date.earliest]


# --- people -------------------------------------------------------------------------------------


def name(cell: str) -> list[Any]:
    return [name_of(cell)]


def transliteration(cell: str) -> list[Any]:
    return [name_of(cell, NameKind.TRANSLITERATION)]


def name_if_any(cell: str) -> list[Any]:
    return [name_of(cell)] if is_name(cell) else []


def description_if_no_name(cell: str) -> list[Any]:
    """What is said instead of a name: "woman seen at the gate"."""
    says_something = any(letter.isalnum() for letter in cell)  # not "?" or "—"
    return [cell] if says_something and not is_name(cell) else []


def is_name(cell: str) -> bool:
    """Whether it is a name: the first and the last word begin with a capital, or with a letter that has none.

    Tables put into the column of names whatever is known of somebody unnamed. A wrong guess loses nothing: it stands in
    the description.
    """
    words = cell.split()
    return all(word[0].isalpha() and word[0] == word[0].title() for word in (words[0], words[-1]))


def countries(cell: str) -> list[Any]:
    codes = [code.upper() for code in _parts(_SEVERAL, cell)]
    if not all(_COUNTRY.fullmatch(code) for code in codes):
        raise BadCell("is not a list of two-letter country codes: BY, or BY|PL")
    return codes


def languages(cell: str) -> list[Any]:
    codes = _parts(_SEVERAL, cell)
    if not all(_LANGUAGE.fullmatch(code) for code in codes):
        raise BadCell("is not a list of language codes: be, or be|ru")
    return codes


def articles(cell: str) -> list[Any]:
    return _parts(_ARTICLES, cell)


def several(one: Parser) -> Parser:
    """A set: cells with | or ; between the elements."""
    return lambda cell: [value for part in _parts(_SEVERAL, cell) for value in one(part)]


def _parts(between: re.Pattern[str], cell: str) -> list[str]:
    return [part.strip() for part in between.split(cell) if part.strip()]


# --- by type ------------------------------------------------------------------------------------


def parser_for(kind: ValueType) -> Parser | None:
    """The parser for values of this type; None if a cell cannot say such a value."""
    described = kind.description
    while isinstance(described, dict) and "optional" in described:
        described = described["optional"]
    if isinstance(described, dict) and "enum" in described:
        return choice(kind, described["values"])
    called = described.get("name", "") if isinstance(described, dict) else described
    return _BY_TYPE.get(called)


_BY_TYPE: Final[dict[str, Parser]] = {
    "str": text, "int": number, "bool": yes_no, "date": day,
    "PartialDate": partial_date, "Name": name, "TimelineEntry": note,
}  # fmt: skip
