"""A look: a cell on a read-only disk, opened in a copy that is kept in memory.

Rules:

1. **Nothing on the disk changes.** Nobody else may write to the vault while it is copied; then it is let go.
2. **No other disk holds the copy.** It is in a folder that only its owner may enter, on a file system that is kept in
   memory, and is encrypted there as it was. Where a system has none, or not enough memory, nothing is copied.
3. **It meets nobody, and writes no entry**: the device would sign twice in one place (a fork). A service that looks
   does what reads, and nothing else (`Operation.reads`).
4. **A circle that is to be wiped is not shown**: of the copy it is gone, as it would be of the vault. But the vault has
   it still, and nobody is told that it was wiped: `Unlocked.wiped` counts what is not shown.
5. **The copy is gone at the end**, also when the process is told to end, or its terminal is closed. What one that was
   killed has left is taken away by the next look.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Final, NoReturn

from cellsync import system
from cellsync.api.direct import DirectClient
from cellsync.core.errors import DiskFull, ExternalError
from cellsync.profile.profile import Profile
from cellsync.store.files import ReadOnlyDisk, file_errors, lock_directory
from cellsync.store.vault import DATABASE_NAME, HEADER_NAME
from cellsync.store.wipe import VaultWiped

_NAME: Final = "cellsync-look-"
_BESIDE: Final = 32 << 20  # bytes, for what is worked out of the copy: lists, an older layout brought up to date
_CHUNK: Final = 1 << 20


class NoMemory(ExternalError):
    """There is not enough free memory to look at this cell."""

    code = "no_memory"
    default_hint = "Close other programs, then try again."


@contextmanager
def looking(profile: Profile) -> Iterator[tuple[DirectClient, datetime]]:
    """A client that only reads, and when the cell was last written to. Raises ReadOnlyDisk, NoMemory, VaultInUse."""
    with (
        _told_to_end(),
        _not_wiped(),
        _copied(profile.vault) as (copy, as_of),
        DirectClient(copy, online=False, as_of=as_of) as client,
    ):
        yield client, as_of


@contextmanager
def _not_wiped() -> Iterator[None]:
    """What has been wiped is the copy."""
    try:
        yield
    except VaultWiped:
        raise ReadOnlyDisk(
            "This device was removed, and what it holds is to be wiped: that was chosen. So it is not shown any more. "
            "But it is still there: this disk is read-only.",
            hint="Make the disk writable, and open the cell there once: that wipes it. Or destroy the disk.",
        ) from None


@contextmanager
def _told_to_end() -> Iterator[None]:
    """What ends a process ends the block first. In the main thread."""
    before = {number: signal.signal(number, _leave) for number in system.signals.that_end(at_keyboard=False)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)


@contextmanager
def _copied(vault: Path) -> Iterator[tuple[Profile, datetime]]:
    memory = system.files.memory()
    if memory is None:
        raise ReadOnlyDisk("On this system a cell cannot be read on a read-only disk.")
    _tidy(memory.folder)
    with file_errors():
        folder = Path(mkdtemp(prefix=_NAME, dir=memory.folder))
    try:
        lock = lock_directory(folder)
        try:
            copy = Profile(folder)
            yield copy, _copy(vault, copy.vault, memory.free)
        finally:
            os.close(lock)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(vault: Path, to: Path, free: int) -> datetime:
    """When the newest file was written."""
    lock = lock_directory(vault)
    try:
        with file_errors():
            files = [path for path in vault.iterdir() if path.name == HEADER_NAME or DATABASE_NAME.fullmatch(path.name)]
            known = [path.stat() for path in files]
        size = sum(entry.st_size for entry in known)
        if size + size // 2 + _BESIDE > free:
            raise NoMemory(f"This cell has {_mb(size)}, and {_mb(free)} of memory are free: too little to look at it.")
        try:
            with file_errors():
                system.files.make_folder(to)
                for path in files:
                    _copy_file(path, to / path.name)
        except DiskFull:
            raise NoMemory from None
        return datetime.fromtimestamp(max((entry.st_mtime for entry in known), default=0.0), UTC)
    finally:
        os.close(lock)


def _copy_file(path: Path, to: Path) -> None:
    with path.open("rb") as reading, open(system.files.open_private(to, new=True), "wb") as writing:
        shutil.copyfileobj(reading, writing, _CHUNK)


def _tidy(shelf: Path) -> None:
    """Take away our own copies that no process holds any more."""
    for left in shelf.glob(f"{_NAME}*"):
        with suppress(OSError):
            if left.is_symlink() or not system.files.is_private(left) or not any(left.iterdir()):
                continue  # an empty one may have been made just now
            lock = system.files.lock_folder(left)
            if lock is not None:
                shutil.rmtree(left, ignore_errors=True)
                os.close(lock)


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
