"""Articles of a law, as tables write them: "342 ч. 1, 2" is one, "ч. 1 ст. 342, ч. 2 ст. 293" are two.

A comma separates two articles only if the text after it names an article of its own: a part of an article, mistaken for
an article, would accuse a person of something else.
"""

from __future__ import annotations

import re
from typing import Any, Final

from cellsync.casework.importing.cells import BadCell
from cellsync.casework.importing.lists import SEVERAL, parts
from cellsync.casework.values.no_answer import says_unknown

_ARTICLE: Final = re.compile(r"(?i)\b(?:ст|арт|art|article|artykuł)\b|§|\d{3,}|\d+\.\d+")
_PART_FIRST: Final = re.compile(r"(?i)^(?:ч|p|п|cz|par)\b|^\d{1,2}\s+(?:ст|арт|art)")
_NUMBERS: Final = re.compile(r"\d{3,}(?:[-.]\d+)?(?:\s+\d{3,}(?:[-.]\d+)?)+")
_DECIMAL: Final = re.compile(r"\d{3},\d")


def articles(cell: str) -> list[Any]:
    """Articles of a law. A comma separates two of them only if the text after it names an article of its own."""
    return [
        article for part in parts(SEVERAL, cell) for article in ([part.text] if part.literal else _articles(part.text))
    ]


def _articles(text: str) -> list[str]:
    if says_unknown(text):
        return []
    if _NUMBERS.fullmatch(text):
        return text.split()
    if _DECIMAL.fullmatch(text):
        raise BadCell("is one article, or an article and its part", "Write 342.1, or 342 ч. 1, or 342|130.")
    groups: list[list[str]] = []
    waiting: list[str] = []  # parts written before their article: "ч. 1, 2 ст. 368"
    pieces = [piece.strip() for piece in text.split(",") if piece.strip()]
    part_first = any(_PART_FIRST.search(piece) and _ARTICLE.search(piece) for piece in pieces)
    for piece in pieces:
        if _ARTICLE.search(piece):
            groups.append([*waiting, piece])
            waiting = []
        elif part_first or not groups:
            waiting.append(piece)
        else:
            groups[-1].append(piece)
    if waiting:
        groups = [*groups[:-1], [*(groups[-1] if groups else []), *waiting]]
    return [", ".join(group) for group in groups]
