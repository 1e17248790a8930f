"""Files that a command was told to write. Each is written whole or not at all, and none is overwritten unless the
person says so.

That the place is free is asked before anything else is done: what an export lets out is noted in the cell, and should
not be noted for a file that could not be written.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import click

from cellsync import system
from cellsync.api.contract.problems import USAGE, Problem, Refusal

replace_option: Final = click.option("--replace", is_flag=True, help="Overwrite the file, if it is there already.")


def saving_options(command: Any) -> Any:
    """--to and --replace."""
    to = click.Path(dir_okay=False, path_type=Path)
    return click.option("--to", type=to, help="Write to this file; else to the output.")(replace_option(command))


@contextmanager
def new_file(path: Path, *, replace: bool = False) -> Iterator[Callable[[bytes], None]]:
    """A function that writes the file, which only its owner may read. Raises Refusal, at the beginning where possible.

    A file that is there stays unless `replace`; a pipe or a terminal is written to as it is.
    """
    path = Path(os.path.realpath(path))  # the file that a link names, not the link
    if path.exists() and not path.is_file():
        yield lambda content: _written_into(path, content)
        return
    if path.exists() and not replace:
        raise _taken()
    beside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    with _refusals():
        descriptor = system.files.open_private(beside, new=True)

    def write(content: bytes) -> None:
        with _refusals(), open(descriptor, "wb", closefd=False) as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
            if replace:
                beside.replace(path)
            else:
                _give_name(beside, path)

    try:
        yield write
    finally:
        os.close(descriptor)
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def _give_name(beside: Path, path: Path) -> None:
    """Where the disk knows no second names, somebody else's file of the same moment could be lost."""
    try:
        path.hardlink_to(beside)
    except FileExistsError:
        raise _taken() from None
    except OSError:
        if path.exists():
            raise _taken() from None
        beside.replace(path)


def _written_into(path: Path, content: bytes) -> None:
    with _refusals(), path.open("wb") as file:
        file.write(content)


def _taken() -> Refusal:
    return Refusal(
        Problem("place_taken", "That file is there already; nothing was written.", "Name a new one, or say --replace.",
                USAGE)
    )  # fmt: skip


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"The file cannot be written: {error.strerror or 'the system refused'}."
        raise Refusal(Problem("unwritable_file", message, "Choose another place.", USAGE)) from None
