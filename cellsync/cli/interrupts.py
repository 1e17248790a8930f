"""Interrupts: a command that has begun to write something says truly how that ended, although Ctrl-C was pressed.

A cell founded, put back, backed up or edited stays so when its command is interrupted a moment later; of a cell that
was just founded, the recovery key would be lost. So from its first write on such a command holds Ctrl-C back, once.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import current_thread, main_thread
from typing import Final

import click

from cellsync.cli.terminal import Terminal

_FINISHING: Final = "Finishing what has begun. Ctrl-C once more does not wait for it."
UNKNOWN: Final = "What was begun may have been done all the same: cellsync status shows what is here."


class Abandoned(KeyboardInterrupt):
    """Ctrl-C was pressed a second time, so how the command ended is not known."""


def see_through(context: click.Context, terminal: Terminal) -> None:
    """Hold Ctrl-C back from here to the end of the command; a second one raises Abandoned."""
    context.with_resource(seen_through(terminal))


def seen_through(terminal: Terminal) -> AbstractContextManager[object]:
    """The same for a block."""
    return held_back(lambda: terminal.say(_FINISHING), Abandoned)


@contextmanager
def held_back(
    told: Callable[[], object] = lambda: None, second: type[BaseException] = KeyboardInterrupt
) -> Iterator[Callable[[], bool]]:
    """Hold Ctrl-C back until the end of the block, and call `told` when it comes; another one raises `second`.

    Gives a function that tells whether Ctrl-C came. Where it does not interrupt anyway, nothing is held back.
    """
    came = False

    def note(*_: object) -> None:
        nonlocal came
        if came:
            raise second
        came = True
        told()

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler or current_thread() is not main_thread():
        yield lambda: False
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: came
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
