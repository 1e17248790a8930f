"""Interfaces: ioctl(2), and netlink on Linux."""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
from typing import Final

from cellsync.system.port import NO_TABLES, Tables
from cellsync.system.posix import rtnetlink

_UP_AND_RUNNING: Final = 0x1 | 0x40  # IFF_UP, IFF_RUNNING: the same on Linux, macOS and the BSDs
_FLAGS_REQUEST: Final = {"linux": 0x8913, "darwin": 0xC0206911}  # SIOCGIFFLAGS
_LOOPBACK: Final = "lo" if sys.platform == "linux" else "lo0"


def loopback() -> int:
    return socket.if_nametoindex(_LOOPBACK)


def is_up(interface: str) -> bool:
    request = _FLAGS_REQUEST.get(sys.platform)
    if request is None:
        return True  # other systems do not list addresses of interfaces that are down
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            answer = fcntl.ioctl(any_socket, request, struct.pack("16s16x8x", interface.encode()[:15]))
    except OSError:
        return False
    flags: int = struct.unpack_from("H", answer, 16)[0]
    return flags & _UP_AND_RUNNING == _UP_AND_RUNNING


def tables() -> Tables:
    return rtnetlink.read() if sys.platform == "linux" else NO_TABLES
