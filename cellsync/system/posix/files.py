"""Files: modes, flock(2), fsync(2), read-only mounts and file systems in memory."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from cellsync.system.port import Memory

_FILE: Final = 0o600
_FOLDER: Final = 0o700
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 (where Linux has it; macOS has none)
_MOUNTS: Final = Path("/proc/self/mounts")
_KEPT_IN_MEMORY: Final = {"tmpfs", "ramfs"}
_AVAILABLE: Final = re.compile(r"^MemAvailable:\s+(\d+) kB$", re.MULTILINE)


def user() -> int:
    return os.geteuid()


def make_folder(path: Path, *, parents: bool = False, exist_ok: bool = False) -> None:
    path.mkdir(_FOLDER, parents, exist_ok)


def make_private(folder: Path) -> None:
    folder.chmod(_FOLDER)


def is_private(folder: Path) -> bool:
    found = folder.stat()
    return found.st_uid == user() and not found.st_mode & _OTHERS


def open_private(path: Path, *, new: bool) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | (os.O_EXCL if new else 0), _FILE)


def sync(descriptor: int) -> None:
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is None:
        os.fsync(descriptor)
    else:  # macOS: fsync alone leaves the data in the drive's cache
        fcntl.fcntl(descriptor, full)


def sync_folder(path: Path) -> None:
    descriptor = _opened(path)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_folder(path: Path) -> int | None:
    descriptor = _opened(path)
    locked = False
    try:
        locked = lock(descriptor)
    finally:
        if not locked:
            os.close(descriptor)
    return descriptor if locked else None


def is_read_only(path: Path) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def memory() -> Memory | None:
    with suppress(OSError):
        folder = _SHARED_MEMORY.resolve()
        kinds = [line.split()[2] for line in _MOUNTS.read_text().splitlines() if line.split()[1] == str(folder)]
        available = _AVAILABLE.search(Path("/proc/meminfo").read_text())
        if kinds and kinds[-1] in _KEPT_IN_MEMORY and available and os.access(folder, os.W_OK | os.X_OK):
            return Memory(folder, min(shutil.disk_usage(folder).free, int(available[1]) << 10))
    return None


def _opened(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
