"""Mistyped: in which group of a recovery key somebody has slipped who typed it from paper.

The key carries no checksum: its 52 characters are the secret, and nearly everything that looks like a key is one. But
the circle's entries say which keys speak for it. So each slip that fingers make most often is undone in turn, and what
then speaks shows where it was. Whoever lacks one character of the paper finds it as quickly without us.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from cellsync.cell.founding import GROUP, RecoveryKey
from cellsync.core.errors import InvalidValue

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def mistyped_group(key: RecoveryKey, fits: Callable[[RecoveryKey], bool]) -> int | None:
    """The group, from 1, in which one character is wrong, or where two neighbours are exchanged; None: it is not so."""
    typed = key.text.replace("-", "")
    for place, text in _undone(typed):
        try:
            meant = RecoveryKey.read(text)
        except InvalidValue:  # the last character has few values
            continue
        if fits(meant):
            return place // GROUP + 1
    return None


def _undone(typed: str) -> Iterator[tuple[int, str]]:
    """What may have been meant, and where it differs."""
    for place, letter in enumerate(typed):
        before, after = typed[:place], typed[place + 1 :]
        if after and after[0] != letter:
            yield place, before + after[0] + letter + after[1:]
        for other in _LETTERS:
            if other != letter:
                yield place, before + other + after
