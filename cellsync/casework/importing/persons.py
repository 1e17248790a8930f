"""Persons: a name in a cell, or the description of a person whose name is unknown."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from cellsync.casework.importing.cells import name, text
from cellsync.casework.values.name import NameKind, name_of, script_of
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
_PEOPLE: Final = (
    "man woman boy girl person people student prisoner somebody someone unknown unnamed unidentified tall old young "
    "one name names men women guy lady teenager child wife husband mother father son daughter brother sister "
    "neighbour neighbor colleague driver doctor worker teacher pensioner soldier journalist activist "
    "старый старая молодой молодая пожилой пожилая мужчина женщина мужчины женщины парень девушка человек студент "
    "студентка неизвестный неизвестная неизвестен неустановленный неустановленная сосед соседка ребенок мальчик "
    "девочка подросток имя имени жена муж мать отец сын дочь брат сестра водитель врач рабочий рабочая учитель "
    "учительница пенсионер пенсионерка солдат журналист журналистка активист активистка несовершеннолетний "
    "мужчына жанчына хлопец дзяўчына чалавек студэнт студэнтка невядомы невядомая сусед суседка дзіця хлопчык "
    "дзяўчынка падлетак імя малады маладая стары старая жонка маці бацька дачка сястра кіроўца лекар доктар настаўнік "
    "настаўніца пенсіянер пенсіянерка журналіст журналістка актывіст актывістка "
    "чоловік жінка хлопець дівчина людина невідомий невідома сусід сусідка дитина ім'я дружина мати батько син донька "
    "mężczyzna kobieta chłopak dziewczyna osoba człowiek student studentka nieznany nieznana imię żona mąż matka "
    "ojciec syn córka młody młoda stary stara dziecko"
)
_PARTICLES: Final = frozenset(map(folded, _SMALL.split()))  # of names, without capitals
_DESCRIBING: Final = frozenset(map(folded, _SAID_INSTEAD.split()))  # a text that begins or ends with one is no name
_SOMEBODY: Final = frozenset(map(folded, _PEOPLE.split()))
_WORD: Final = re.compile(r"\w+")
_NUMBERED: Final = re.compile(r"\d{1,4}(?:[.)]\s*|\s+[.)-]\s*)(?=[^\W\d_])")  # as in a numbered list
_QUOTES: Final = frozenset('«»„“”"')
_ENDS: Final = '*†‡¹²³⁴⁵»“”"'
_LETTERS_END: Final = "\u2190"  # above it are arrows, stars and pictures, and letters of some scripts
_PICTURES: Final = re.compile(r"(?:[\u2190-\u2bff\U0001f000-\U0001faff\ufe0f\u200d]\s*)+(?=\w)")
_MOST_WORDS: Final = 5  # of a name without capitals


def alias(cell: str) -> list[Any]:
    return [name_of(alias.text, NameKind.ALIAS) for alias in name(cell)]


def transliteration(cell: str) -> list[Any]:
    return [name_of(latin.text, NameKind.TRANSLITERATION) for latin in name(cell)]


def name_if_any(cell: str) -> list[Any]:
    return [
        name_of(_AFTER_NAME.sub("", written))
        for said in text(cell)
        if is_name(said)
        for written in in_each_script(said)
    ]


def in_each_script(cell: str) -> list[str]:
    """The names in "Вера Тихая / Vera Quiet", which is one name in two scripts; any other cell as it is."""
    cell = unnumbered(cell)
    if " / " not in cell:
        return [cell]
    names = [piece.strip() for piece in cell.split(" / ")]
    scripts = {script_of(piece) for piece in names}
    return names if len(names) == len(scripts) and all(map(is_name, names)) else [cell]


def unnumbered(cell: str) -> str:
    """A name without the signs that lists put around it: "1. Вера Тихая", "«Вера Тихая»", pictures, footnote marks."""
    if cell[-1:] in _ENDS:
        cell = cell.rstrip(_ENDS + " ") if cell[-1] not in _QUOTES else _without_quotes(cell)
    if cell[:1].isdigit():
        return _NUMBERED.sub("", cell, count=1)
    return _PICTURES.sub("", cell, count=1) if cell[:1] > _LETTERS_END else cell


def _without_quotes(cell: str) -> str:
    inner = cell[1:-1]
    quoted = len(cell) > 2 and cell[0] + cell[-1] in ("«»", "„“", "„”", "“”", '""')
    return inner if quoted and _QUOTES.isdisjoint(inner) else cell


def titled(cell: str) -> list[Any]:
    """The title of a case, from the name of its person."""
    return [in_each_script(written)[0] for written in text(cell)]


def description_if_no_name(cell: str) -> list[Any]:
    """The description given in place of a name: "woman seen at the gate"."""
    says_something = any(letter.isalnum() for letter in cell)  # not "?" or "—"
    return [unnumbered(written) for written in text(cell) if says_something and not is_name(written)]


def is_somebody(cell: str) -> bool:
    """Whether a cell may describe a person: "woman in a blue jacket"."""
    return not _SOMEBODY.isdisjoint(_WORD.findall(folded(cell)))


def is_particle(word: str) -> bool:
    """Whether a folded word is a small part of many names, such as "van" or "оглы", which identifies no person."""
    return word in _PARTICLES


@lru_cache(maxsize=16)  # asked twice of each cell
def is_name(cell: str) -> bool:
    """Whether a cell is a name: its first and last word begin with a capital, or with a letter that has no capital.

    A year after the name does not count, nor do small words that belong to names. If nothing is capital, a few words
    that describe no person are a name. Tables put the description of an unnamed person into the name column. A wrong
    guess loses nothing: the text is kept as the description.
    """
    if says_unknown(cell):
        return False
    cell = unnumbered(cell)
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
