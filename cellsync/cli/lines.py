"""Lines for a window that may be narrow. They are broken between words, and text meant for copying stays whole.

a command          cellsync case show 4f2a     in one piece, if the window is wide enough for it
a code             7-orbit-maple-tulip         the same; a longer one is broken at a dash
a row of a graph                               continues beside its lanes
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from unicodedata import category, east_asian_width

_COMMAND: Final = r"\(?cellsync(?: \S*[^\s,;:().!?](?=\s|$))*(?: \S*[,;:().!?]+(?=\s|$))?"
_CODE: Final = r"(?:[A-Z][a-z]+: )?\w+(?:-\w+){2,}"
_PIECE: Final = re.compile(rf"(\s*)({_COMMAND}|{_CODE}|\S+)")
_LANES: Final = re.compile("[│●○] ?[│●○ ]*")
_BESIDE: Final = str.maketrans("●○", "││")
_DEEPER: Final = "  "
_INVISIBLE: Final = ("Mn", "Me", "Cf")


def fitted(text: str, width: int) -> str:
    """The text in lines that are shorter than `width` where possible."""
    return "\n".join(part for line in text.split("\n") for part in _parts(line, width - 1))


def columns(text: str) -> int:
    """The number of columns that a terminal needs for a text."""
    if text.isascii():
        return len(text)
    return sum(
        2 if east_asian_width(character) in "WF" else 1 for character in text if category(character) not in _INVISIBLE
    )


def _parts(line: str, most: int) -> Iterator[str]:
    if columns(line) <= most:
        yield line
        return
    lanes = _LANES.match(line)
    begun = lanes[0] if lanes else line[: len(line) - len(line.lstrip())]
    further = begun.translate(_BESIDE) + _DEEPER
    now, empty = begun, True
    for gap, piece in _pieces(line[len(begun) :], most):
        if not empty and columns(now + gap + piece) > most:
            yield now.rstrip()
            now, empty = further if lanes or columns(further + piece) <= most else "", True
        now += piece if empty else gap + piece
        empty = False
    yield now.rstrip()


def _pieces(text: str, most: int) -> Iterator[tuple[str, str]]:
    """The pieces that are not broken, each with the space before it."""
    for gap, piece in _PIECE.findall(text):
        if columns(piece) <= most:
            yield gap, piece
        elif " " in piece:
            for at, word in enumerate(piece.split(" ")):
                yield from (
                    (gap if at == 0 else " " if not before else "", part) for before, part in _groups(word, most)
                )
        else:
            yield from ((gap if not before else "", part) for before, part in _groups(piece, most))


def _groups(word: str, most: int) -> Iterator[tuple[bool, str]]:
    """The word, or its groups if it is too long, each with whether another group precedes it."""
    groups = [word] if columns(word) <= most else re.findall("[^-]*-|[^-]+", word)
    yield from ((at > 0, group) for at, group in enumerate(groups))
