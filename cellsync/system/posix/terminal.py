"""The terminal: termios(3), and which group of processes is in front."""

from __future__ import annotations

import os
import termios
from collections.abc import Iterator
from contextlib import contextmanager


def in_front(descriptor: int) -> bool:
    return os.tcgetpgrp(descriptor) == os.getpgrp()


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
