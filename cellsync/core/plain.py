"""Plain text: what people wrote, made safe to show: what could steer a terminal or turn a line around is replaced."""

from __future__ import annotations

from typing import Final
from unicodedata import category

WORTH_A_WORD: Final = 300.0  # seconds that clocks may differ
_UNITS: Final = ((86_400, "days"), (3_600, "hours"), (60, "minutes"))
LONGEST: Final = 40  # characters of one value


def plain_line(text: str, longest: int = LONGEST) -> str:
    """One line of text that only shows characters: no control, format or private ones, and not too long."""
    # What is cut off anyway is not looked at, so that a huge text costs nothing.
    line = " ".join(text[: 4 * longest].split())
    cut = len(line) > longest or len(text) > 4 * longest
    line = shown(line[:longest])
    return line + "…" if cut else line


def shown(text: str) -> str:
    """A text with its line breaks; every other control, format or private character is replaced."""
    return "".join(one if one == "\n" or category(one)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for one in text)


def apart(ahead: float) -> str:
    """What is said of a clock that is so many seconds ahead, before "this device's": "3 days ahead of", "20 minutes
    behind". "" below five minutes: that keeps nobody apart."""
    if abs(ahead) < WORTH_A_WORD:
        return ""
    size, unit = next((size, unit) for size, unit in _UNITS if abs(ahead) >= 2 * size)
    return f"{round(abs(ahead) / size)} {unit} {'ahead of' if ahead > 0 else 'behind'}"
