"""The machine: everything the checks ask of the operating system, in one place, so tests can supply an invented one."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import ifaddr

from cellsync import system
from cellsync.node.interfaces import Choice, Local, present
from cellsync.node.network import packed

ELSEWHERE: Final = ((socket.AF_INET, "198.51.100.1"), (socket.AF_INET6, "2001:db8::1"))  # for documentation only


def _free(path: Path) -> int:
    """Bytes that this user can still write there."""
    return shutil.disk_usage(path).free


def _own() -> frozenset[bytes]:
    """Every address of this device, including those of interfaces that are down."""
    return frozenset(
        packed(ip.ip if isinstance(ip.ip, str) else ip.ip[0]) for adapter in ifaddr.get_adapters() for ip in adapter.ips
    )


def _ways_out() -> frozenset[str]:
    """The interfaces that route to the rest of the world, by whatever rules. Nothing is sent."""
    interfaces = {
        packed(ip.ip if isinstance(ip.ip, str) else ip.ip[0]): adapter.name
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
    }
    found = set()
    for family, host in ELSEWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((host, 9))
                source = packed(probe.getsockname()[0])
        except OSError:
            continue
        if source in interfaces:
            found.add(interfaces[source])
    return frozenset(found)


class Machine(NamedTuple):
    """A computer and its system. `root` is where its /proc, /sys, /dev and /run are."""

    root: Path = Path("/")
    system: str = system.NAME
    user: Callable[[], int] = lambda: system.files.user()
    now: Callable[[], float] = time.time
    free: Callable[[Path], int] = _free
    is_read_only: Callable[[Path], bool] = lambda path: system.files.is_read_only(path)
    is_synchronised: Callable[[], bool | None] = lambda: system.clock.is_synchronised()
    core_limit: Callable[[], int] = lambda: system.process.core_limit()
    is_dumpable: Callable[[], bool | None] = lambda: system.process.is_dumpable()
    present: Callable[[Choice], tuple[Local, ...]] = present
    own: Callable[[], frozenset[bytes]] = _own
    ways_out: Callable[[], frozenset[str]] = _ways_out
    neighbours: Callable[[], frozenset[bytes]] = lambda: system.interfaces.tables().reachable()

    def read(self, path: str) -> str:
        """The content of a system file, "" if there is none of this name."""
        try:
            return (self.root / path).read_text(errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return ""


REAL: Final = Machine()
