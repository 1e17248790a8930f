"""Neighbours: whose hardware has just answered on this network, as Linux keeps it (rtnetlink(7))."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator
from typing import Final

GET: Final = 30  # RTM_GETNEIGH
NEW: Final = 28  # RTM_NEWNEIGH, in an answer
ERROR, DONE = 2, 3  # NLMSG_ERROR, NLMSG_DONE
ALL_OF_THEM: Final = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
REACHABLE: Final = 0x02  # NUD_REACHABLE: confirmed within half a minute; an older entry says nothing about now
ADDRESS: Final = 1  # NDA_DST
HEADER: Final = struct.Struct("=IHHII")
NEIGHBOUR: Final = struct.Struct("=BxxxiHBB")
ATTRIBUTE: Final = struct.Struct("=HH")
LONGEST: Final = 1 << 16
SECONDS: Final = 1.0


def reachable() -> frozenset[bytes]:
    """The addresses of neighbours that are there; none where the system does not say."""
    if sys.platform != "linux":
        return frozenset()
    try:
        return frozenset(_ask())
    except OSError:  # a container may forbid it
        return frozenset()


def _ask() -> set[bytes]:
    found: set[bytes] = set()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.settimeout(SECONDS)
        asked = NEIGHBOUR.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        kernel.send(HEADER.pack(HEADER.size + len(asked), GET, ALL_OF_THEM, 1, 0) + asked)
        while True:
            for kind, content in messages(kernel.recv(LONGEST)):
                if kind in (ERROR, DONE):
                    return found
                if kind == NEW and NEIGHBOUR.unpack_from(content)[2] & REACHABLE:
                    found |= {value for name, value in attributes(content[NEIGHBOUR.size :]) if name == ADDRESS}


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The kinds and contents of what came at once."""
    while len(data) >= HEADER.size:
        length, kind, *_ = HEADER.unpack_from(data)
        yield kind, data[HEADER.size : length]
        data = data[max(_aligned(length), HEADER.size) :]


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= ATTRIBUTE.size:
        length, name = ATTRIBUTE.unpack_from(data)
        yield name, data[ATTRIBUTE.size : length]
        data = data[max(_aligned(length), ATTRIBUTE.size) :]


def _aligned(length: int) -> int:
    return (length + 3) & ~3
