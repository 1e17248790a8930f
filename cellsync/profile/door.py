"""The door: the Unix socket of a profile's daemon. Only its owner can reach it: the folder is 0700, the socket 0600."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cellsync.core.errors import ExternalError
from cellsync.profile.profile import Profile
from cellsync.store.files import file_errors

BACKLOG: Final = 64
_LONGEST: Final = 100  # bytes of a socket's path, on every system


class NoDoor(ExternalError):
    """The daemon's socket cannot be made in this profile's folder."""

    code = "no_door"
    default_hint = "The folder must be yours alone, on a local disk, with a path that is not too long."


def listen(profile: Profile) -> socket.socket:
    """The door, open. The caller is the profile's holder, so a socket that lies there is left over. Raises NoDoor."""
    profile.make_folders()
    with file_errors():
        profile.socket.unlink(missing_ok=True)
        found = profile.socket.parent.stat()
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise NoDoor
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)  # so that there is no moment in which somebody else could connect
    try:
        with _reachable(profile.socket) as path:
            door.bind(path)
        door.listen(BACKLOG)
        door.setblocking(False)
        return door
    except OSError:
        door.close()
        raise NoDoor from None
    finally:
        os.umask(before)


def connect(profile: Profile, timeout: float) -> socket.socket:
    """Raises OSError."""
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    door.settimeout(timeout)
    try:
        with _reachable(profile.socket) as path:
            door.connect(path)
        return door
    except BaseException:
        door.close()
        raise


@contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """A name of the path that is short enough: the kernel has room for about 100 bytes."""
    if len(os.fsencode(path)) <= _LONGEST or not Path("/proc/self/fd").exists():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def take_over(descriptor: int) -> socket.socket:
    """The door that the program before this one left open."""
    found = socket.socket(fileno=descriptor)
    found.setblocking(False)
    return found
