"""Local sockets: Unix sockets, of mode 0600."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_LONGEST: Final = 100  # bytes of a socket's path, on every system


def listen(path: Path, backlog: int) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)  # so there is no moment in which another user could connect
    try:
        with _reachable(path) as name:
            listening.bind(name)
        listening.listen(backlog)
        listening.setblocking(False)
        return listening
    except OSError:
        listening.close()
        raise
    finally:
        os.umask(before)


def connect(path: Path, timeout: float) -> socket.socket:
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connected.settimeout(timeout)
    try:
        with _reachable(path) as name:
            connected.connect(name)
        return connected
    except BaseException:
        connected.close()
        raise


@contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """A name for the path that is short enough: the kernel has room for about 100 bytes."""
    if len(os.fsencode(path)) <= _LONGEST or not Path("/proc/self/fd").exists():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
