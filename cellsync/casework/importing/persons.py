"""Persons: a name in a cell, or what is said of somebody whose name nobody knows."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from cellsync.casework.importing.cells import name, text
from cellsync.casework.values.name import NameKind, name_of
from cellsync.casework.values.no_answer import says_unknown
from cellsync.core.folded import folded

_AFTER_NAME: Final = re.compile(
    r"(?i)[\s,]*\(?\b(?:19|20)\d\d\)?(?:\s*(?:г\.?\s*р\.?|р\.|г\.?|ур\.|года?(?:\s+рожд\w*)?|r\.|ur\.))?\)?$"
)
_SMALL: Final = (
    "оглы оглу огли кызы кизи гызы углы улы ogly oglu oğlu kyzy qizi van von der den de da di la al el bin ibn ben "
)
_SAID_INSTEAD: Final = (
    "man woman boy girl person people student prisoner somebody someone unknown unnamed unidentified about near "
    "with from seen tall старый старая молодой молодая мужчина женщина парень девушка человек студент студентка "
    "неизвестный неизвестная неизвестно неизвестен неустановленный сосед соседка ребенок мальчик девочка в у с из "
    "на около мужчына жанчына хлопец дзяўчына чалавек студэнт студэнтка невядомы невядомая невядома сусед суседка "
    "ля ў з каля пры mężczyzna kobieta chłopak dziewczyna osoba człowiek student nieznany nieznana z w przy około и "
    "имя по not no name names имени без имя "
)
_PARTICLES: Final = frozenset(map(folded, _SMALL.split()))  # of names, without capitals
_DESCRIBING: Final = frozenset(map(folded, _SAID_INSTEAD.split()))  # begin or end what is no name
_MOST_WORDS: Final = 5  # of a name without capitals


def alias(cell: str) -> list[Any]:
    return [name_of(one.text, NameKind.ALIAS) for one in name(cell)]


def transliteration(cell: str) -> list[Any]:
    return [name_of(one.text, NameKind.TRANSLITERATION) for one in name(cell)]


def name_if_any(cell: str) -> list[Any]:
    return [name_of(_AFTER_NAME.sub("", one)) for one in text(cell) if is_name(one)]


def description_if_no_name(cell: str) -> list[Any]:
    """What is said instead of a name: "woman seen at the gate"."""
    says_something = any(letter.isalnum() for letter in cell)  # not "?" or "—"
    return [one for one in text(cell) if says_something and not is_name(one)]


def is_particle(word: str) -> bool:
    """Whether it is a small word that belongs to names, as "van" and "оглы", and says nobody's. `word`: folded."""
    return word in _PARTICLES


@lru_cache(maxsize=16)  # asked twice of each cell
def is_name(cell: str) -> bool:
    """Whether it is a name: the first and the last word begin with a capital, or with a letter that has none.

    A year behind it does not count, nor small words that belong to names. Where nothing is capital, a few words that
    describe nobody are a name. Tables put into the column of names whatever is known of somebody unnamed. A wrong guess
    loses nothing: it stands in the description.
    """
    if says_unknown(cell):
        return False
    words = _AFTER_NAME.sub("", cell).split()
    telling = [word for word in words if folded(word) not in _PARTICLES] or words
    if not telling or any(folded(word) in _DESCRIBING for word in (telling[0], telling[-1])):
        return False
    if all(word[0].isalpha() and word[0] == word[0].title() for word in (telling[0], telling[-1])):
        return True
    letters = all(part.isalpha() for word in words for part in re.split(r"['’ʼ.-]", word) if part)
    return (
        1 < len(words) <= _MOST_WORDS
        and letters
        and cell == cell.lower()
        and not any(folded(word) in _DESCRIBING for word in words)
    )
