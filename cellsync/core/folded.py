"""Folded texts: two that people take for the same name fold alike. For comparing and finding, never for showing.

Alike are, in any script: letters of either case; letters with and without their marks (ё and е, ў and у, ć and c,
pointed Hebrew); compatible forms (ﬁ and fi, full-width letters); letters that only look decomposable (ł and l, ß and
ss); apostrophes of every kind, and none; dashes of every kind; blanks of every kind and number.

Marks that stand for vowels of their own, as in Devanagari, are kept. What is shown or stored is the text itself.
"""

from __future__ import annotations

from typing import Any, Final
from unicodedata import combining, normalize

VERSION: Final = 1
"""Raise it when the same text folds otherwise: what rests folded is then made again."""

_APOSTROPHES: Final = "'`´ʹʻʼʽʾʿˈˊˋ‘’‚‛′‵＇׳\u02b0\u055a\ua78c\U000e0027"
_DASHES: Final = "‐‑‒–—―−﹘﹣－־"
_LETTERS: Final = {
    "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t", "ə": "e",
    "ґ": "г",
}  # fmt: skip


class _Replaced(dict[int, Any]):
    """What stands for each letter, itself unless something else is said: a lookup that fails costs four times one."""

    def __missing__(self, letter: int) -> int:
        self[letter] = letter
        return letter


class _Unmarked(dict[int, Any]):
    """None for what combines with the letter before it: it is left out."""

    def __missing__(self, letter: int) -> int | None:
        self[letter] = found = None if combining(chr(letter)) else letter
        return found


_REPLACED: Final = _Replaced(
    str.maketrans({**dict.fromkeys(_APOSTROPHES, ""), **dict.fromkeys(_DASHES, "-"), "\N{SOFT HYPHEN}": "", **_LETTERS})
)
_UNMARKED: Final = _Unmarked()


def folded(text: str) -> str:
    """The same text for all that are alike; folding it again changes nothing."""
    if not text.isascii():
        # Apostrophes first: some would be taken apart into a blank and a mark. Twice: folding case may leave marks.
        text = normalize("NFKD", normalize("NFKD", text.translate(_REPLACED)).casefold())
        text = text.translate(_UNMARKED)
    return " ".join(text.casefold().translate(_REPLACED).split())
