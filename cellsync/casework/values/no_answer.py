"""No answer: words and signs that people write for a value that they do not know. They count as an empty cell."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from cellsync.core.folded import folded

_NOTHING: Final = frozenset(
    folded(word)
    for word in (
        "n/a", "na", "#n/a", "null", "nil", "nan", "none", "(empty)", "not applicable", "no data", "no information",
        "not known", "not specified", "not available", "tbd", "нет данных", "нет информации", "нет сведений", "н/д",
        "б/д", "н.д.", "б.д.", "н/и", "не указано", "не указан", "не указана", "не известно", "не установлено",
        "няма звестак", "няма дадзеных", "няма інфармацыі", "н/з", "не вядома", "не пазначана", "brak danych",
        "brak informacji", "brak", "b/d", "b.d.", "bd", "nie dotyczy", "nie podano", "немає даних", "невідомо",
    )
)  # fmt: skip
_UNKNOWN: Final = frozenset(
    folded(word)
    for word in (
        "unknown", "unnamed", "неизвестно", "неизвестен", "неизвестна", "неизвестный", "неизвестная", "невядома",
        "невядомы", "невядомая", "невядомае", "nieznana", "nieznany", "nieznane", "nie wiadomo", "невідомий",
    )
)  # fmt: skip
_SIGNS: Final = re.compile(r"[\s?.,…·*_/‐‑‒–—―−-]{1,5}")


_LONGEST: Final = 64  # characters: a longer cell says something


@lru_cache(maxsize=16)  # asked several times of each cell
def says_nothing(cell: str) -> bool:
    """Whether a cell is empty, or means no answer: "n/a", "-", "?", "нет данных"."""
    return not cell or _SIGNS.fullmatch(cell) is not None or (len(cell) <= _LONGEST and folded(cell) in _NOTHING)


def says_unknown(cell: str) -> bool:
    """Whether a cell says nothing, or says "unknown"."""
    return says_nothing(cell) or (len(cell) <= _LONGEST and folded(cell).rstrip(".") in _UNKNOWN)
