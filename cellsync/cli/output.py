"""Output: results on standard output, everything else on standard error.

A result must arrive, so a full disk behind standard output is an error of its own. A message that cannot be written
never keeps a command from its work.
"""

from __future__ import annotations

import os
import sys
from typing import Final, TextIO

import click

from cellsync import system
from cellsync.core.errors import ExternalError

_STORED: Final = "What the command changed is stored all the same. Write to another place, or look: cellsync status"


class Unwritable(ExternalError):
    """The output cannot be written."""

    code = "unwritable_output"


def put(text: str | bytes, *, end: bool = True, fit: bool = False) -> None:
    """Write to standard output; with `fit`, broken for the window if it is one. Raises Unwritable, BrokenPipeError."""
    if fit and isinstance(text, str):
        text = fit_into(sys.stdout, text)
    try:
        click.echo(text, nl=end)
    except BrokenPipeError:
        raise
    except OSError as error:
        let_go(sys.stdout)
        raise Unwritable(
            f"The output cannot be written: {error.strerror or 'the system refused'}.", hint=_STORED
        ) from None


def say(text: str) -> None:
    """Write to standard error."""
    try:
        click.echo(fit_into(sys.stderr, text), err=True)
    except OSError:
        let_go(sys.stderr)


def fit_into(stream: TextIO | None, text: str) -> str:
    """The text, broken between words if the stream is a terminal that is too narrow for it."""
    wide = width_of(stream)
    if wide <= 0 or len(text) * 2 < wide:
        return text
    from cellsync.cli.lines import fitted

    return fitted(text, wide)


def width_of(stream: TextIO | None) -> int:
    """The width of the terminal behind a stream; 0 if it is no terminal, or does not report one."""
    try:
        return os.get_terminal_size(stream.fileno()).columns if stream is not None and stream.isatty() else 0
    except (OSError, ValueError):
        return 0


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal, on which a person may read."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def in_front() -> bool:
    """Whether results go to a terminal in which this program runs in the foreground."""
    try:
        return sys.stdout is not None and sys.stdout.isatty() and system.terminal.in_front(sys.stdout.fileno())
    except (OSError, ValueError):
        return False


def let_go(stream: TextIO | None) -> None:
    """Write nothing more to a stream, not even what it has buffered."""
    if stream is not None:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
