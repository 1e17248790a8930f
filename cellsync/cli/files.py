"""Files that a command was told to write. Each is written whole or not at all, and none is overwritten unless the user
asks for that.

The command checks first that the path is free: an export is recorded in the cell, and should not be recorded for a file
that could not be written.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator
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
def new_file(path: Path, *, replace: bool = False) -> Iterator[Callable[[Iterable[bytes]], None]]:
    """A function that writes the file, piece by piece. Only its owner may read it. Raises Refusal, before anything is
    written where possible; if making the pieces fails, nothing has changed.

    An existing file is kept unless `replace`. Pipes and terminals are written to directly.
    """
    path = Path(os.path.realpath(path))  # follows a link to the file that it names
    if path.exists() and not path.is_file():
        yield lambda pieces: _written_into(path, pieces)
        return
    if path.exists() and not replace:
        raise _taken()
    beside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    with _refusals():
        descriptor = system.files.open_private(beside, new=True)

    def write(pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            _all_of(descriptor, piece)
        with _refusals():
            os.fsync(descriptor)
            if replace:
                beside.replace(path)
            else:
                _give_name(beside, path)
            _keep_names(path.parent)

    try:
        yield write
    finally:
        os.close(descriptor)
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def _give_name(beside: Path, path: Path) -> None:
    """Give the finished file its name. On a disk without hard links, a file of that name made meanwhile may be lost."""
    try:
        path.hardlink_to(beside)
    except FileExistsError:
        raise _taken() from None
    except OSError:
        if path.exists():
            raise _taken() from None
        beside.replace(path)


def _all_of(descriptor: int, piece: bytes) -> None:
    left = memoryview(piece)
    with _refusals():
        while left:
            left = left[os.write(descriptor, left) :]


def _keep_names(folder: Path) -> None:
    """Make file names survive a power cut too. Some file systems cannot do that on request; the file is written all the
    same."""
    with suppress(OSError):
        system.files.sync_folder(folder)


def _written_into(path: Path, pieces: Iterable[bytes]) -> None:
    with _refusals():
        descriptor = os.open(path, os.O_WRONLY)
    try:
        for piece in pieces:
            _all_of(descriptor, piece)
    finally:
        os.close(descriptor)


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
