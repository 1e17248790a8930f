"""What the checks ask of the operating system, in one place, so that tests can give them a machine that is made up."""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import ifaddr

from cellsync.node.interfaces import Choice, Local, present
from cellsync.node.network import packed
from cellsync.node.rtnetlink import reachable

UNSYNCHRONISED: Final = 0x40  # STA_UNSYNC
GET_DUMPABLE: Final = 3  # PR_GET_DUMPABLE
ELSEWHERE: Final = ((socket.AF_INET, "198.51.100.1"), (socket.AF_INET6, "2001:db8::1"))  # for documentation only


class _Timex(ctypes.Structure):
    """The beginning of what adjtimex(2) fills, and more room than the rest of it needs."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("greatest_error", ctypes.c_long),
        ("estimated_error", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 512),
    )


def _free(path: Path) -> int:
    """Bytes that this user can still write there."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def _is_synchronised() -> bool | None:
    """What the kernel says of its clock; None where it says nothing."""
    timex = _Timex(modes=0)  # ask, and set nothing
    try:
        state: int = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    except (AttributeError, OSError):
        return None
    return None if state < 0 else not timex.status & UNSYNCHRONISED


def _core_limit() -> int:
    return resource.getrlimit(resource.RLIMIT_CORE)[0]


def _is_dumpable() -> bool | None:
    """Whether this process's memory can be dumped, and read by others of the same user; None where nobody knows."""
    if sys.platform != "linux":
        return None
    answer: int = ctypes.CDLL(None).prctl(GET_DUMPABLE, 0, 0, 0, 0)
    return None if answer < 0 else answer != 0


def _own() -> frozenset[bytes]:
    """Every address of this device, of interfaces that are down too."""
    return frozenset(
        packed(ip.ip if isinstance(ip.ip, str) else ip.ip[0]) for adapter in ifaddr.get_adapters() for ip in adapter.ips
    )


def _ways_out() -> frozenset[str]:
    """The interfaces that lead to the rest of the world, whatever rules say so. Nothing is sent."""
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
    system: str = sys.platform
    user: Callable[[], int] = os.geteuid
    now: Callable[[], float] = time.time
    free: Callable[[Path], int] = _free
    is_synchronised: Callable[[], bool | None] = _is_synchronised
    core_limit: Callable[[], int] = _core_limit
    is_dumpable: Callable[[], bool | None] = _is_dumpable
    present: Callable[[Choice], tuple[Local, ...]] = present
    own: Callable[[], frozenset[bytes]] = _own
    ways_out: Callable[[], frozenset[str]] = _ways_out
    neighbours: Callable[[], frozenset[bytes]] = reachable

    def read(self, path: str) -> str:
        """A file of the system, "" if it has none of this name."""
        try:
            return (self.root / path).read_text(errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return ""


REAL: Final = Machine()
