"""The terminal: termios(3)."""

from __future__ import annotations

import termios
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unseen(descriptor: int) -> Iterator[None]:
    before = termios.tcgetattr(descriptor)
    silent = [*before]
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)  # with what has not been read
