"""Files that only their owner can read, written atomically."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from cellsync import system
from cellsync.core.errors import DiskFull, StorageFailed, VaultExists, VaultInUse

_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_CHUNK: Final = 1 << 20  # bytes


class ReadOnlyDisk(StorageFailed):
    """The disk is read-only; nothing was written."""

    code = "read_only_disk"
    default_hint = "Make it writable, or choose a folder on another disk."


@contextlib.contextmanager
def file_errors() -> Iterator[None]:
    """Translate OSError into DiskFull, ReadOnlyDisk or StorageFailed, without the path."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull from None
        raise ReadOnlyDisk() if error.errno == errno.EROFS else StorageFailed() from None


def claim(folder: Path, own: Collection[str]) -> None:
    """Make a folder that only its owner can enter, or take one that already has a vault, or holds only `own` names.

    A link is followed, and the mode of its target stays as it is. Raises VaultExists, changing nothing, for a folder
    with other files.
    """
    with file_errors():
        if not folder.exists():
            system.files.make_folder(folder, parents=True, exist_ok=True)
        elif not (folder / "vault").exists() and any(path.name not in own for path in folder.iterdir()):
            raise VaultExists("This folder holds other files; nothing was changed.", hint="Choose an empty folder.")
    make_private(folder)


def make_private(folder: Path) -> None:
    """Close an existing folder to other users. The target of a link was not made by us, and stays as it is."""
    with file_errors():
        if not folder.is_symlink():
            system.files.make_private(folder)


def create_private(path: Path) -> None:
    """An empty file. Raises StorageFailed if the name is taken."""
    with file_errors():
        os.close(system.files.open_private(path, new=True))


def replace_private(path: Path, temporary: Path, content: bytes) -> None:
    """Write `path` so that after a crash at any moment it holds the old content or the new one, durably.

    The caller holds the directory's lock, so an existing `temporary` is left over from a crash.
    """
    with file_errors():
        temporary.unlink(missing_ok=True)
    write_private(temporary, content)
    with file_errors():
        temporary.replace(path)
    sync_directory(path.parent)


def write_private(path: Path, content: bytes) -> None:
    """A new file, synced except for its name. Raises StorageFailed if the name is taken."""
    with file_errors():
        descriptor = system.files.open_private(path, new=True)
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            system.files.sync(file.fileno())


def destroy(path: Path) -> None:
    """Delete a file, if it is there. Its content is overwritten first: that helps on disks that write in place."""
    with file_errors():
        with (
            contextlib.suppress(FileNotFoundError),
            path.open("r+b", buffering=0) as file,
            contextlib.suppress(OSError),
        ):
            left = os.fstat(file.fileno()).st_size
            while left > 0:
                left -= file.write(bytes(min(left, _CHUNK))) or left
            system.files.sync(file.fileno())
        path.unlink(missing_ok=True)


def sync_file(path: Path) -> None:
    """Make a file's content durable. No process may have it open as a database: see `sqlite`, rule 3."""
    with file_errors():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            system.files.sync(descriptor)
        finally:
            os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    with file_errors():
        system.files.sync_folder(path)


def lock_directory(path: Path) -> int:
    """A descriptor that holds the directory's exclusive lock until it is closed, or its process ends.

    Raises VaultInUse if another process holds it.
    """
    with file_errors():
        descriptor = system.files.lock_folder(path)
    if descriptor is None:
        raise VaultInUse
    return descriptor
