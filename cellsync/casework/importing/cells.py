"""Cells: the text typed into a table becomes values of the casework documents.

A parser takes a cell, tidied (`tidy`) and not empty, and returns the values it means: none, one, or several for a set.
A cell that it cannot read raises `BadCell`, whose sentence never repeats the cell.

Our own tables put in quotes, inside the cell, any text that must be taken literally: an element of a list that contains
the list's separators, or a text that would be read as "nothing is known". Two quotes mean one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final
from unicodedata import normalize

from cellsync.casework.documents.support_task import TaskKind
from cellsync.casework.values.name import name_of
from cellsync.casework.values.no_answer import says_nothing, says_unknown
from cellsync.casework.values.partial_date import BIRTHS, EVENTS, PartialDate, ShortYears
from cellsync.casework.values.timeline import TimelineEntry, TimelineKind
from cellsync.casework.vocabulary import meant
from cellsync.core.errors import InvalidValue
from cellsync.core.plain import settled, unified
from cellsync.core.schema.values import ValueType, fits, value_type

Parser = Callable[[str], list[Any]]

# The beginning of a cell that a spreadsheet program may run, guarded or not; some accept the wide signs as well.
_FORMULA: Final = re.compile(r"(?=['\s]*[=+@＝＋＠－-]|'*[\t\n])")
# A program with another separator setting begins a cell in the middle of one of ours. There, a dash followed by a blank
# is an item of a list and no formula.
_INSIDE: Final = re.compile(r"(?<=[;\t\n])(?=(?:'|[^\S;\t\n])*(?:[=+@＝＋＠]|[－-](?!\s)))")
_GUARDED: Final = re.compile(_INSIDE.pattern.replace(r"(?=", r"'(?=", 1))
_BLANKS: Final = " \t\n\u00a0"
_KEPT_AS_TEXT: Final = re.compile(r'="((?:[^"]|"")*)"')  # how spreadsheets are told to leave a number alone
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_INT: Final = value_type(int)
_YES: Final = {"yes": True, "true": True, "on": True, "1": True, "да": True, "так": True, "tak": True}
_NO: Final = {"no": False, "false": False, "off": False, "0": False, "нет": False, "не": False, "nie": False}


class BadCell(Exception):
    """A cell cannot be read. `sentence` lacks its subject: "is not a date"; `hint` says what to write instead."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(f"{sentence}. {hint}" if hint else sentence)
        self.sentence, self.hint = sentence, hint


def tidy(cell: str) -> str:
    """A cell without blanks around it or an exporter's formula guard, in NFC, with lines that end in a line feed.

    A table that was saved by another spreadsheet program therefore does not count as changed.
    """
    cell = unified(cell).lstrip(_BLANKS)
    if cell.startswith("'") and _FORMULA.match(cell):
        cell = cell[1:]
    elif kept := _KEPT_AS_TEXT.fullmatch(cell.rstrip(_BLANKS)):
        cell = kept[1].replace('""', '"')
    return normalize("NFC", _GUARDED.sub("", cell).strip(_BLANKS))


def guard(text: str) -> str:
    """A text as a cell that no spreadsheet program takes for a formula, in whole or in part; `tidy` undoes it."""
    text = _INSIDE.sub("'", settled(text))
    return "'" + text if _FORMULA.match(text) else text


# --- words and numbers -------------------------------------------------------------------------


def text(cell: str) -> list[Any]:
    if _is_lost(cell):
        raise BadCell("is made of question marks: its letters were lost", "Save the original as UTF-8.")
    if says_nothing(cell):
        return []
    return [_unquoted(cell)]


def as_cell(said: str) -> str:
    """A text as a cell that `text` reads back."""
    return f'"{said}"' if said.strip(_BLANKS) and _needs_quotes(said) else said


def _needs_quotes(said: str) -> bool:
    """Whether the text would be read as something else: as nothing, or as another text in quotes."""
    return bool(said) and (says_nothing(said.strip()) or _is_lost(said) or _unquoted(said) != said)


def _unquoted(cell: str) -> str:
    inner = cell[1:-1]
    quoted = len(cell) > 2 and cell[0] == cell[-1] == '"'
    return inner if quoted and _needs_quotes(inner) else cell


def _is_lost(cell: str) -> bool:
    """Whether the cell is only question marks: several words of them, or one long word."""
    return len(cell) > 5 and cell.count("?") > 3 and set(cell) <= set("? .")


def note(cell: str) -> list[Any]:
    return [TimelineEntry(TimelineKind.NOTE, note) for note in text(cell)]


def task_kind(cell: str) -> list[Any]:
    """The kind of a task: the first if there are several ("parcel letter"). Other words are only its title."""
    for words in (cell, *cell.split()[:1]):
        if kind := meant(words, [kind.value for kind in TaskKind]):
            return [TaskKind(kind)]
    return []


def number(cell: str) -> list[Any]:
    if not _NUMBER.fullmatch(cell) or not fits(_INT, int(cell)):
        raise BadCell("is not a whole number")
    return [int(cell)]


def yes_no(cell: str) -> list[Any]:
    answers = _YES | _NO
    if cell.lower() not in answers:
        raise BadCell("is neither yes nor no")
    return [answers[cell.lower()]]


def choice(kind: ValueType, words: list[str]) -> Parser:
    """A parser for an enumeration's words and the usual ones for them; blanks and capitals do not matter."""

    def parse(cell: str) -> list[Any]:
        word = meant(cell, words)
        if word is not None:
            return [kind.decode(word)]
        if says_unknown(cell):
            return []
        raise BadCell(f"is none of {', '.join(words)}")

    return parse


# --- dates --------------------------------------------------------------------------------------


def partial_date(cell: str, short_years: ShortYears | None = None) -> list[Any]:
    try:
        return [PartialDate.parse(cell, short_years)]
    except InvalidValue as error:
        if "no such date" in str(error):
            raise BadCell("is a date that no calendar has") from None
        raise BadCell(f"is {error}", error.hint) from None


def birth(cell: str) -> list[Any]:
    """A date of birth in a table, where years of two digits are common."""
    return partial_date(cell, BIRTHS)


def event(cell: str) -> list[Any]:
    """Any other date in a table."""
    return partial_date(cell, EVENTS)


def day(cell: str) -> list[Any]:
    """A day: the first one of a month or a year, since an early reminder costs nothing and a late one may."""
    return _first_day(partial_date(cell))


def event_day(cell: str) -> list[Any]:
    return _first_day(event(cell))


def _first_day(dates: list[Any]) -> list[Any]:
    [date] = dates
    return [] if date.earliest is None else [date.earliest]


# --- people -------------------------------------------------------------------------------------


def name(cell: str) -> list[Any]:
    return [] if says_unknown(cell) else [name_of(cell)]


# --- by type ------------------------------------------------------------------------------------


def parser_for(kind: ValueType) -> Parser | None:
    """The parser for values of this type; None if a cell cannot express such a value."""
    described = kind.description
    while isinstance(described, dict) and "optional" in described:
        described = described["optional"]
    if isinstance(described, dict) and "enum" in described:
        return choice(kind, described["values"])
    called = described.get("name", "") if isinstance(described, dict) else described
    return _BY_TYPE.get(called)


def _if_known(parse: Parser) -> Parser:
    return lambda cell: [] if says_unknown(cell) else parse(cell)


_BY_TYPE: Final[dict[str, Parser]] = {
    "str": text, "int": _if_known(number), "bool": _if_known(yes_no), "date": day,
    "PartialDate": partial_date, "Name": name, "TimelineEntry": note,
}  # fmt: skip
