"""Codes of countries and languages, from a cell that gives codes, names, or several of either."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from cellsync.casework.importing.cells import BadCell
from cellsync.casework.importing.lists import SEVERAL, parts
from cellsync.casework.values.nations import country, language
from cellsync.casework.values.no_answer import says_unknown

_CODES: Final = re.compile(r"[|;,/\n]")


def countries(cell: str) -> list[Any]:
    return _coded(cell, country, "is not a list of countries", "Write BY, or BY|PL, or their names.")


def languages(cell: str) -> list[Any]:
    return _coded(cell, language, "is not a list of languages", "Write be, or be|ru, or their names.")


def _coded(cell: str, code: Callable[[str], str | None], problem: str, hint: str) -> list[Any]:
    found: list[Any] = []
    for part in parts(SEVERAL, cell):
        if part.literal:
            found.append(part.text)
            continue
        for word in _codes(part.text, code):
            coded = code(word)
            if coded is None:
                raise BadCell(problem, hint)
            found.append(coded)
    return found


def _codes(text: str, code: Callable[[str], str | None]) -> list[str]:
    """The words for codes in a text: one, or several separated by commas, slashes or blanks; unknown ones left out."""
    if says_unknown(text):
        return []
    if code(text) is not None:
        return [text]
    found = [word for part in _CODES.split(text) if not says_unknown(word := part.strip())]
    return found if len(found) != 1 else found[0].split()
