"""Output: results on standard output, everything else on standard error.

What was asked for must arrive, so a full disk behind it is an error of its own. What is said besides keeps no command
from doing what it is for.
"""

from __future__ import annotations

import os
import sys
from typing import Final, TextIO

import click

from cellsync.core.errors import ExternalError

_STORED: Final = "What the command changed is stored all the same. Write to another place, or look: cellsync status"


class Unwritable(ExternalError):
    """The output cannot be written."""

    code = "unwritable_output"


def put(text: str | bytes, *, end: bool = True) -> None:
    """On standard output. Raises Unwritable, BrokenPipeError."""
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
    """On standard error."""
    try:
        click.echo(text, err=True)
    except OSError:
        let_go(sys.stderr)


def let_go(stream: TextIO | None) -> None:
    """Write no more to it, also not what it still holds."""
    if stream is not None:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
