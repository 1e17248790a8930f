"""Lists: several values in one cell, separated by | or ; or a line end.

An element that contains a separator, or that would be read as something else, is put in quotes, with quotes inside it
doubled: this lets our own tables write every element and read it back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from cellsync.casework.importing import cells, persons
from cellsync.casework.importing.cells import BadCell, Parser, text
from cellsync.casework.values.name import NameKind, name_of
from cellsync.casework.values.timeline import entry_of
from cellsync.casework.values.words import as_text

SEVERAL: Final = re.compile(r"[|;\n]")
_LINE: Final = re.compile(r"\n")
_BLANK: Final = re.compile(r"[ \t\u00a0]*")
_QUOTED: Final = re.compile(r'"(?:[^"]|"")*"')


class Part(NamedTuple):
    """One of several values in a cell."""

    text: str
    literal: bool  # it was in quotes: taken as it is

    def __repr__(self) -> str:
        return "<part of a cell>"  # no content


def parts(between: re.Pattern[str], cell: str) -> list[Part]:
    """The parts between separators, which do not count inside quotes. Empty parts are left out."""
    found: list[Part] = []
    at = 0
    while at < len(cell):
        start = at + len(cell[at:]) - len(cell[at:].lstrip(" \t\u00a0"))
        quoted = _QUOTED.match(cell, start)
        if quoted is not None:
            rest = _BLANK.match(cell, quoted.end())
            end = quoted.end() if rest is None else rest.end()
            if end == len(cell) or between.match(cell, end):
                found.append(Part(quoted[0][1:-1].replace('""', '"'), True))
                at = end + 1
                continue
        stop = between.search(cell, at)
        end = len(cell) if stop is None else stop.start()
        if text := cell[at:end].strip():
            found.append(Part(text, False))
        at = end + 1
    return found


def several(one: Parser, literal: Parser | None = None) -> Parser:
    """A parser for sets: elements separated by | or ; or a line end. `literal` reads those in quotes."""
    return lambda cell: _each(SEVERAL, cell, one, literal or one)


def literally(value: str) -> list[Any]:
    return [value]


def _each(between: re.Pattern[str], cell: str, one: Parser, literal: Parser) -> list[Any]:
    return [value for part in parts(between, cell) for value in (literal if part.literal else one)(part.text)]


def joined(said: Iterable[str], read: Parser, between: str = "|") -> str:
    """Texts as one cell that `read` splits again, in quotes where needed."""
    return between.join(_quoted(text) if _is_torn(text, read) else text for text in said)


def _is_torn(said: str, read: Parser) -> bool:
    """Whether the text, unquoted, would not be read back as this one text."""
    if said != said.strip() or '"' in said[:1] or "\n" in said:
        return True
    try:
        return [as_text(value) for value in read(said)] != [said]
    except BadCell:
        return True


def _quoted(said: str) -> str:
    return '"' + said.replace('"', '""') + '"'


def entries(cell: str) -> list[Any]:
    """Entries of a timeline, one per line, as `as_text` writes them."""
    return _each(_LINE, cell, lambda line: [entry_of(line)], lambda line: [entry_of(line)])


def lines(cell: str) -> list[Any]:
    """Texts, one per line."""
    return _each(_LINE, cell, text, literally)


TEXTS: Final = several(text, literally)
NAMES: Final = several(cells.name, lambda cell: [name_of(cell)])
ALIASES: Final = several(persons.alias, lambda cell: [name_of(cell, NameKind.ALIAS)])
TRANSLITERATIONS: Final = several(persons.transliteration, lambda cell: [name_of(cell, NameKind.TRANSLITERATION)])
