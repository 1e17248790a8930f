"""Choices: the one of a few that a typed word means.

Capitals do not matter, and spaces, underscores and dashes are equal: "In absentia" is `in_absentia`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final, TypeVar

T = TypeVar("T", bound=str | int)

_BETWEEN: Final = re.compile(r"[\s_-]+")


def chosen(typed: str, choices: Iterable[T]) -> T | None:
    """The choice that was typed; None if it is none of them. "?" is `unknown`, if there is such a choice."""
    choices = list(choices)
    word = "unknown" if typed.strip() == "?" else _word(typed)
    alike = [choice for choice in choices if str(choice) == typed] or [
        choice for choice in choices if _word(str(choice)) == word
    ]
    return min(alike, key=lambda choice: not isinstance(choice, str), default=None)  # "1" rather than 1


def offer(typed: str, choices: Iterable[str | int]) -> str:
    """A hint: the choice that was probably meant, and all choices."""
    by_word = {_word(str(choice)): str(choice) for choice in choices}
    close = get_close_matches(_word(typed), by_word, n=1)
    guess = f"Did you mean {by_word[close[0]]!r}? " if close else ""
    return f"{guess}There are: {', '.join(by_word.values())}."


def _word(text: str) -> str:
    return _BETWEEN.sub("_", text.strip()).casefold()
