"""Folded texts: names that people would take for the same fold alike. For comparing and finding, never for display.

These fold alike in any script: letters of either case; letters with and without their marks (ё and е, ў and у, ć and
c, pointed Hebrew); compatible forms (ﬁ and fi, full-width letters); letters that only look decomposable (ł and l, ß
and ss); apostrophes of every kind, and none; dashes of every kind; blanks of every kind and number.

Marks that are vowels of their own, as in Devanagari, are kept. Only the original text is shown or stored.
"""

from __future__ import annotations

from typing import Final
from unicodedata import combining, normalize

VERSION: Final = 1
"""Raise it when the same text folds differently: stored folded texts are then made again."""

_APOSTROPHES: Final = "'`´ʹʻʼʽʾʿˈˊˋ‘’‚‛′‵＇׳\u02b0\u055a\ua78c\U000e0027"
_DASHES: Final = "‐‑‒–—―−﹘﹣－־"
_LETTERS: Final = {
    "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t", "ə": "e",
    "ґ": "г",
}  # fmt: skip


_GONE: Final = dict.fromkeys([*_APOSTROPHES, "\N{SOFT HYPHEN}"], "")
REPLACED: Final = {ord(character): by for character, by in {**_GONE, **dict.fromkeys(_DASHES, "-"), **_LETTERS}.items()}


class _Letters(dict[int, str]):
    """The folded form of each letter, blanks aside; cached once computed."""

    def __missing__(self, letter: int) -> str:
        # Apostrophes first: some would be taken apart into a blank and a mark. Twice: folding case may leave marks.
        text = normalize("NFKD", normalize("NFKD", chr(letter).translate(REPLACED)).casefold())
        text = "".join(character for character in text if not combining(character))
        self[letter] = found = text.casefold().translate(REPLACED)
        return found


_FOLDED: Final = _Letters()


def folded(text: str) -> str:
    """The same text for all that are alike; idempotent.

    Letter by letter: no letter folds differently because of its neighbours, and marks, whose order may depend on them,
    are dropped. Takes a quarter of the plain version's time (`tests/models/folding.py`); a property test holds the two
    equal.
    """
    return " ".join(text.translate(_FOLDED).split())
