"""Names: as many as a person has, each in the script it was written in. A person need not have any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple
from unicodedata import name as character_name
from unicodedata import normalize

from cellsync.cell.description import NAME_KINDS


class Script(StrEnum):
    LATIN = "latin"
    CYRILLIC = "cyrillic"
    ARABIC = "arabic"
    ARMENIAN = "armenian"
    GEORGIAN = "georgian"
    GREEK = "greek"
    HEBREW = "hebrew"
    HAN = "han"
    OTHER = "other"


class NameKind(StrEnum):
    LEGAL = "legal"
    ALIAS = "alias"
    TRANSLITERATION = "transliteration"


class Name(NamedTuple):
    """One name. Order of words as its owner writes it."""

    text: str
    script: Script = Script.OTHER
    kind: NameKind = NameKind.LEGAL


_FIRST_WORDS = {"CJK": Script.HAN, **{script.name: script for script in Script if script is not Script.OTHER}}
_PREFERENCE = tuple(map(NameKind, NAME_KINDS))


def script_of(text: str) -> Script:
    """The script of a text's first letter."""
    for character in text:
        if character.isalpha():
            return _FIRST_WORDS.get(character_name(character, "").split(" ")[0], Script.OTHER)
    return Script.OTHER


def name_of(text: str, kind: NameKind = NameKind.LEGAL) -> Name:
    """A name from typed text: spaces tidied, NFC, script recognised."""
    tidy = normalize("NFC", " ".join(text.split()))
    return Name(tidy, script_of(tidy), kind)


def best(names: Iterable[Name], scripts: Sequence[Script] = ()) -> Name | None:
    """The name to show to a reader who prefers these scripts; the same on every device; None if unnamed."""

    def rank(name: Name) -> tuple[int, int, Name]:
        script = scripts.index(name.script) if name.script in scripts else len(scripts)
        return script, _PREFERENCE.index(name.kind), name

    return min(names, key=rank, default=None)
