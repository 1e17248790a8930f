"""Interrupts: a command that has begun to write something says truly how that ended, although Ctrl-C was pressed.

A cell founded, put back, backed up or edited stays so when its command is interrupted a moment later; of a cell that
was just founded, the recovery key would be lost. So from its first write on such a command holds Ctrl-C back, once.
"""

from __future__ import annotations

import signal
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
    came = False

    def note(*_: object) -> None:
        nonlocal came
        if came:
            raise Abandoned
        came = True
        terminal.say(_FINISHING)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler and current_thread() is main_thread():
        signal.signal(signal.SIGINT, note)
        context.call_on_close(lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
