"""Encodings: the text of a file, or a refusal that says what to do; never a name that was garbled silently.

1. A byte order mark names the encoding. Without one, a zero or another page number in every other byte means UTF-16.
2. A file that decodes as UTF-8 is UTF-8, even if a few of its bytes are broken: these become lone surrogates
   (`is_broken`), and the reader of rows reports their cells. No text in another encoding looks like UTF-8 by chance.
3. For any other file, charset-normalizer proposes encodings used in the region, and each proposal is checked: its text
   must have only letters of the languages written here, and capitals only where words have them. A short text often
   passes in several encodings; then the frequencies of its letters decide, if the result is clear.
4. A text that was garbled before it was saved is refused too: UTF-8 that was read as CP1251.
"""

from __future__ import annotations

import re
from itertools import groupby
from math import log
from typing import Final

from cellsync.core.errors import CallerError, InvalidValue

_PROPOSED: Final = (
    "cp1251", "cp866", "koi8_r", "koi8_u", "mac_cyrillic", "iso8859_5", "cp1250", "iso8859_2", "cp852", "cp1257",
)  # fmt: skip
_SAMPLE: Final = 32 << 10  # bytes that are examined
_CYRILLIC: Final = frozenset("абвгґдеёєжзиіїйклмнопрстуўфхцчшщъыьэюя")
_LATIN: Final = frozenset("ąćęłńóśźżčėįšųūžāēģīķļņäöüßáéíýúôďěňřťůĺľŕõ")
_SIGNS: Final = frozenset("«»„“”‘’–—…№§°\u00a0\u00ad")
_FREQUENT: Final = "оаеинтсрлвкдмупыязьбігчйхжўшюцэщфєїґёъ"
_LOGS: Final = {letter: -log(3 + rank) for rank, letter in enumerate(_FREQUENT)}
_PAGES: Final = (0, 1, 4, 5, 0x20, 0x21)  # of the alphabets and their signs in UTF-16
_FEWEST: Final = 3  # letters from which an encoding can be told
_CLEARLY: Final = 0.2
_ODD_SHARE: Final = 0.01  # of the letters beyond ASCII, and of the words
_BROKEN_SHARE: Final = 0.1  # of the characters beyond ASCII
_FOREIGN_SHARE: Final = 0.6  # of the letters of a Latin word with marks
_BROKEN: Final = re.compile("[\udc80-\udcff]")
_WORD: Final = re.compile(r"[^\W\d_]+")


class UnreadableFile(CallerError):
    """This file cannot be read as a table. Nothing was imported."""

    code = "unreadable_file"
    default_hint = "Save it as CSV, with the names of the columns in the first line."


def decode(content: bytes, encoding: str | None = None) -> str:
    """The text of a file, with lone surrogates for its broken bytes. Raises UnreadableFile, InvalidValue."""
    if encoding is not None:
        return _named(content, encoding)
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _named(content, "utf-16")
    if wide := _without_mark(content):
        return _named(content, wide)
    text = content.decode("utf-8-sig", errors="surrogateescape")
    if text.isascii() or _is_sound(text):
        if _was_garbled(text):
            raise UnreadableFile(
                "the text in it is garbled: UTF-8 was read as CP1251 and saved like that",
                hint="Open the original as UTF-8, and save it anew.",
            )
        return text
    return content.decode(_detected(content))


def _named(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except LookupError:
        raise InvalidValue("there is no such encoding", hint="Usual ones: utf-8, cp1251, cp1250.") from None
    except ValueError:
        raise UnreadableFile(
            "the file is not in the expected encoding", hint="Save it as UTF-8, or name its encoding."
        ) from None


def _without_mark(content: bytes) -> str:
    """Which UTF-16 the content is, by its bytes alone; "" if it is none."""
    head = content[: _SAMPLE & ~1]
    low, high = head[0::2], head[1::2]
    for half, zeros, name in ((high, low, "utf-16-le"), (low, high, "utf-16-be")):
        pages = sum(half.count(page) for page in _PAGES)
        if len(half) > 4 and half.count(0) and pages > 0.9 * len(half) and zeros.count(0) < 0.1 * len(half):
            return name
    return ""


def _is_sound(text: str) -> bool:
    """Whether no more than a few characters of the text are broken."""
    if not is_broken(text):
        return True
    return len(_BROKEN.findall(text)) <= _BROKEN_SHARE * sum(not character.isascii() for character in text)


def is_broken(text: str) -> bool:
    """Whether any byte of the text could not be decoded."""
    return _BROKEN.search(text) is not None


def _was_garbled(text: str) -> bool:
    """Whether the text is UTF-8 that was read as CP1251: two letters for each, the first one a capital Р or С."""
    sample = "".join(word for word in text[:_SAMPLE].split() if not word.isascii())
    if sum(sample.count(letter) for letter in "РС") < 0.4 * len(sample):
        return False
    try:
        return len(sample.encode("cp1251").decode()) < len(sample)
    except ValueError:
        return False


# --- neither a mark nor UTF-8 -----------------------------------------------------------------------------


def _detected(content: bytes) -> str:
    """The encoding that reads the whole file and makes sense of it. Raises UnreadableFile."""
    from charset_normalizer import from_bytes  # only such files need it

    sample = _telling(content)
    scores: dict[str, tuple[float, str]] = {}  # by text: encodings that give the same text count as one
    for match in from_bytes(sample, cp_isolation=list(_PROPOSED)):
        for name in (match.encoding, *match.could_be_from_charset):
            try:
                content.decode(name)
                text = sample.decode(name)
            except ValueError:
                continue
            if name in _PROPOSED and (score := _sense(text)) is not None:
                scores.setdefault(text, (score, name))
    ranked = sorted(scores.values(), key=lambda score: (-score[0], _PROPOSED.index(score[1])))
    if not ranked or (len(ranked) > 1 and ranked[0][0] - ranked[1][0] < _CLEARLY):
        names = " or ".join(name.upper().replace("_", "-") for _, name in ranked[:3])
        guess = f": it could be {names}" if names else ""
        raise UnreadableFile(
            f"the file is not UTF-8, and its encoding is not clear{guess}",
            hint="Save it as UTF-8, or name its encoding; usual ones: cp1251, cp866, koi8-r, cp1250.",
        )
    return ranked[0][1]


def _telling(content: bytes) -> bytes:
    """The lines that are not all ASCII, up to the size of the sample: only they tell the encoding."""
    lines, size = [], 0
    for line in re.split(rb"[\r\n]+", content):
        if not line.isascii():
            lines.append(line[:_SAMPLE])
            size += len(line)
            if size > _SAMPLE:
                break
    return b"\n".join(lines)


def _sense(text: str) -> float | None:
    """How well the letters' frequencies fit the languages written here; None if the text makes no sense."""
    beyond = [letter for letter in text if not letter.isascii()]
    odd = sum(
        letter not in _SIGNS and letter.lower() not in _CYRILLIC and letter.lower() not in _LATIN for letter in beyond
    )
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    wrong = sum(not _is_word(word) for word in words)
    if sum(map(len, words)) < _FEWEST or odd > _ODD_SHARE * len(beyond) or wrong > _ODD_SHARE * len(words):
        return None
    letters = [letter for word in words for letter in word.lower() if letter in _CYRILLIC]
    if not letters:
        return 0.0  # Latin letters with marks: hardly any text passes in two encodings
    return 4 + sum(_LOGS[letter] for letter in letters) / len(letters)


def _is_word(word: str) -> bool:
    """Whether the word is in one alphabet, and has capitals only at its beginning or throughout."""
    low = word.lower()
    cyrillic = sum(letter in _CYRILLIC for letter in low)
    if cyrillic not in (0, len(word)):
        return False
    if not cyrillic and sum(letter in _LATIN for letter in low) > max(1, _FOREIGN_SHARE * len(word)) and len(word) > 4:
        return False
    shape = [upper for upper, _ in groupby(word, str.isupper)]
    return shape in ([True], [False], [True, False])
