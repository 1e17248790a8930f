"""Typing that is not shown."""

from __future__ import annotations

import os
import select
import termios
from collections.abc import Iterator

import pytest

from cellsync.system.posix import terminal
from tests.patience import PATIENCE


@pytest.fixture
def typed() -> Iterator[tuple[int, int]]:
    """The keyboard and the program's side of a terminal."""
    pair = os.openpty()
    yield pair
    for descriptor in pair:
        os.close(descriptor)


def shows(descriptor: int) -> bool:
    flags: int = termios.tcgetattr(descriptor)[3]
    return bool(flags & termios.ECHO)


def test_what_is_typed_is_not_shown_and_what_was_not_read_is_dropped(typed: tuple[int, int]) -> None:
    keyboard, program = typed
    assert shows(program)
    with terminal.unseen(program):
        assert not shows(program)
        os.write(keyboard, b"pasted, line two\n")
        assert select.select([program], [], [], PATIENCE)[0]  # it has come across
    assert shows(program)
    os.set_blocking(program, False)
    with pytest.raises(BlockingIOError):
        os.read(program, 99)


def test_it_is_shown_again_whatever_happens(typed: tuple[int, int]) -> None:
    with pytest.raises(KeyboardInterrupt), terminal.unseen(typed[1]):
        raise KeyboardInterrupt
    assert shows(typed[1])


def test_a_terminal_of_others_is_not_worked_with(typed: tuple[int, int]) -> None:
    with pytest.raises(OSError, match="ioctl"):
        terminal.in_front(typed[1])
