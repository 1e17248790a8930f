"""Plain text: user text made safe to show. Whatever could control a terminal or reverse a line is replaced.

plain_line     one short line, for lists
shown          a text of several lines, for a terminal
settled        a text for a file that other programs read: joiners and direction marks, which belong to writing, stay;
               mere control characters go
steady_json    JSON without such characters, and without loss
"""

from __future__ import annotations

import json
import re
from typing import Any, Final
from unicodedata import category

WORTH_A_WORD: Final = 300.0  # seconds that clocks may differ
_UNITS: Final = ((86_400, "days"), (3_600, "hours"), (60, "minutes"))
LONGEST: Final = 40  # characters of one value
REPLACED: Final = "\N{REPLACEMENT CHARACTER}"
_LINE_END: Final = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")  # besides the line feed
_STEERS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # controls but tab and line feed


def plain_line(text: str, longest: int = LONGEST) -> str:
    """One line of printable text: no control, format or private characters, and not too long."""
    # The part that is cut off anyway is not looked at, so a huge text costs nothing.
    line = " ".join(text[: 4 * longest].split())
    cut = len(line) > longest or len(text) > 4 * longest
    line = shown(line[:longest])
    return line + "…" if cut else line


def shown(text: str) -> str:
    """A text with its line breaks; every other control, format or private character is replaced."""
    return "".join(letter if letter == "\n" or not _is_odd(letter) else REPLACED for letter in text)


def unified(text: str) -> str:
    """A text in which every line ends in a line feed, whatever line ending it was written with."""
    return _LINE_END.sub("\n", text)


def settled(text: str) -> str:
    """A text of lines and tabs, in which every other control character is replaced."""
    return _STEERS.sub(REPLACED, unified(text))


def steady_json(value: Any, *, indent: int | None = None) -> str:
    """JSON in which control, format, private and separating characters are escaped; letters of any script are not.

    So it is safe to print, and decodes to the same value.
    """
    whole = json.dumps(value, ensure_ascii=False, indent=indent)
    if whole.isascii() and "\x7f" not in whole:
        return whole
    # Such characters occur only inside strings, so an escape is valid wherever one is found.
    return "".join(letter if letter == "\n" or not _is_odd(letter) else _escaped(letter) for letter in whole)


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else json.dumps(character)[1:-1]


def _is_odd(character: str) -> bool:
    return category(character) in _ODD


_ODD: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def apart(ahead: float) -> str:
    """A phrase for a clock that is this many seconds ahead, to precede "this device's": "3 days ahead of", "20 minutes
    behind". "" below five minutes: so small a difference does not keep devices apart."""
    if abs(ahead) < WORTH_A_WORD:
        return ""
    size, unit = next((size, unit) for size, unit in _UNITS if abs(ahead) >= 2 * size)
    return f"{round(abs(ahead) / size)} {unit} {'ahead of' if ahead > 0 else 'behind'}"
