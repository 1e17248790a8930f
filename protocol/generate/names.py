"""The part `name`: display names (protocol/00-conventions.md, Names).

Only characters that every edition of Unicode in use knows alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from protocol.generate.vector import Vector, fault

HARMLESS: Final = [
    ("a plain name", "Ana", "Ana"),
    ("one character", "a", "a"),
    ("a Cyrillic name", "Анна Петрова", "Анна Петрова"),
    ("an Arabic name", "مريم", "مريم"),
    ("a name beyond the first plane", "\U00020000", "\U00020000"),
    ("a name of 256 bytes", "a" * 256, "a" * 256),
    ("a composed letter", "Zo\u00eb", "Zo\u00eb"),
    ("a letter that is not composed", "Zoe\u0308", "Zo\u00eb"),
    ("blanks around it", "  Ana ", "Ana"),
    ("several blanks inside", "Ana   B", "Ana B"),
    ("a line end and a tab", "Ana\r\n\tB", "Ana B"),
    ("a blank that does not break", "Ana\u00a0B\u3000C", "Ana B C"),
    ("a line separator", "Ana\u2028B\u2029C", "Ana B C"),
    ("a zero byte", "Ana\0", "Ana\ufffd"),
    ("an escape", "\x1b[2J", "\ufffd[2J"),
    ("a control of the second block", "a\u009bb", "a\ufffdb"),
    ("a right to left override", "\u202eanA", "\ufffdanA"),
    ("an isolate", "\u2066Ana\u2069", "\ufffdAna\ufffd"),
    ("a joiner", "a\u200db", "a\ufffdb"),
    ("a byte order mark", "\ufeffAna", "\ufffdAna"),
    ("a private character", "\ue000", "\ufffd"),
    ("a noncharacter", "\uffff", "\ufffd"),
    ("nothing but blanks", "   ", "\ufffd"),
    ("longer once it is harmless", "\0" * 256, "\ufffd" * 85),
    ("cut within a character", "é" * 63 + "\0" * 126, "é" * 63 + "\ufffd" * 43),
]  # fmt: skip

NO_NAMES: Final = [
    ("an empty name", b""),
    ("a name of 257 bytes", b"a" * 257),
    ("a name of 257 bytes in fewer characters", "é".encode() * 128 + b"a"),
    ("a name that is no UTF-8", b"\xff"),
    ("a name with half a surrogate pair", b"a\xed\xa0\x80"),
    ("a name in a longer form", b"\xc1\xa1"),
]


def vectors() -> Iterator[Vector]:
    for name, given, shown in HARMLESS:
        yield Vector("name", name, {"name": given.encode()}, result={"shown": shown.encode()})
    for name, raw in NO_NAMES:
        yield Vector("name", name, {"name": raw}, fault("entry.name"))
