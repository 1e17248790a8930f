"""The links, gateways and neighbours that Linux knows (rtnetlink(7)). Nothing is sent to the network."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator
from typing import Final

from cellsync.system.port import NO_TABLES, Gateway, Interface, Neighbour, Tables

GET_LINK, NEW_LINK = 18, 16
GET_ROUTE, NEW_ROUTE = 26, 24
GET_NEIGHBOUR, NEW_NEIGHBOUR = 30, 28
ERROR, DONE = 2, 3  # NLMSG_ERROR, NLMSG_DONE
ALL_OF_THEM: Final = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
REACHABLE: Final = 0x02  # NUD_REACHABLE: confirmed within half a minute; an older entry says nothing about now
USABLE: Final = 0x02 | 0x04 | 0x08 | 0x10 | 0x80  # … STALE, DELAY, PROBE, PERMANENT: its hardware address is known
UNICAST: Final = 1  # RTN_UNICAST
MAIN_TABLE: Final = 254
HEADER: Final = struct.Struct("=IHHII")
LINK: Final = struct.Struct("=BxHiII")
ROUTE: Final = struct.Struct("=BBBBBBBBI")
NEIGHBOUR: Final = struct.Struct("=BxxxiHBB")
ATTRIBUTE: Final = struct.Struct("=HH")
LINK_ADDRESS, LINK_CARRIER_CHANGES = 1, 35
ROUTE_LINK, ROUTE_GATEWAY, ROUTE_METRIC = 4, 5, 6
NEIGHBOUR_ADDRESS, NEIGHBOUR_HARDWARE = 1, 2
LONGEST: Final = 1 << 16
SECONDS: Final = 1.0


def read() -> Tables:
    """The tables; empty where the system does not tell."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
            kernel.settimeout(SECONDS)
            return Tables(
                dict(map(_link, _ask(kernel, GET_LINK, NEW_LINK, LINK))),
                _gateways(_ask(kernel, GET_ROUTE, NEW_ROUTE, ROUTE)),
                dict(filter(None, map(_neighbour, _ask(kernel, GET_NEIGHBOUR, NEW_NEIGHBOUR, NEIGHBOUR)))),
            )
    except (OSError, struct.error):  # a container may forbid it
        return NO_TABLES


def _ask(kernel: socket.socket, question: int, answer: int, form: struct.Struct) -> list[bytes]:
    asked = bytes(form.size)  # every family
    kernel.send(HEADER.pack(HEADER.size + len(asked), question, ALL_OF_THEM, 1, 0) + asked)
    found: list[bytes] = []
    while True:
        for kind, content in messages(kernel.recv(LONGEST)):
            if kind in (ERROR, DONE):
                return found
            if kind == answer:
                found.append(content)


def _link(content: bytes) -> tuple[int, Interface]:
    told = dict(attributes(content[LINK.size :]))
    carrier = told.get(LINK_CARRIER_CHANGES, bytes(4))
    return LINK.unpack_from(content)[2], Interface(told.get(LINK_ADDRESS, b""), int.from_bytes(carrier, sys.byteorder))


def _gateways(routes: list[bytes]) -> dict[int, list[Gateway]]:
    found: dict[int, list[Gateway]] = {}
    for content in routes:
        family, bits, _, _, table, _, _, kind, _ = ROUTE.unpack_from(content)
        told = dict(attributes(content[ROUTE.size :]))
        if bits == 0 and table == MAIN_TABLE and kind == UNICAST and ROUTE_GATEWAY in told and ROUTE_LINK in told:
            metric, link = (
                int.from_bytes(told.get(name, bytes(4)), sys.byteorder) for name in (ROUTE_METRIC, ROUTE_LINK)
            )
            version = 4 if family == socket.AF_INET else 6
            found.setdefault(link, []).append(Gateway(version, metric, told[ROUTE_GATEWAY]))
    return {link: sorted(gateways) for link, gateways in found.items()}


def _neighbour(content: bytes) -> tuple[tuple[int, bytes], Neighbour] | None:
    _, link, state, _, _ = NEIGHBOUR.unpack_from(content)
    told = dict(attributes(content[NEIGHBOUR.size :]))
    address, hardware = told.get(NEIGHBOUR_ADDRESS), told.get(NEIGHBOUR_HARDWARE, b"")
    if address is None or not state & USABLE:
        return None
    return (link, address), Neighbour(hardware, bool(state & REACHABLE))


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The kinds and contents of the messages in one datagram."""
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
