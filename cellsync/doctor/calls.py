"""Calls: whether other devices can be reached at their known addresses, and if not, how it fails.

Only addresses on a network that this device is on are tried: the route to others says nothing about this network. The
call is closed immediately; the other side sees a silent stranger.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from enum import IntEnum
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

import trio

from cellsync import system
from cellsync.core import caps
from cellsync.doctor.subject import OtherDevice, Visit
from cellsync.node.interfaces import Local
from cellsync.node.network import Address

SECONDS: Final = 2.0
ADDRESSES: Final = 2  # tried per device


class Reach(IntEnum):
    """The outcome of a call, the best first."""

    ANSWERED = 0
    REFUSED = 1  # a device is there, but does not listen
    DROPPED = 2  # a device is there, but our call gets no answer
    SILENT = 3  # no device answers, or even has the address


class CalledDevice(NamedTuple):
    """One device that was called, and the links on which it was."""

    number: int  # its place among the others, from 1
    device: OtherDevice
    reach: Reach
    links: frozenset[int]


async def call(visit: Visit, here: Sequence[Local], own: frozenset[bytes]) -> list[CalledDevice]:
    """Call, concurrently, all devices that are not connected and have an address on one of our links."""
    called: list[CalledDevice] = []

    async def call_one(number: int, device: OtherDevice, ways: list[tuple[Address, Local]]) -> None:
        reached: list[Reach] = []
        async with trio.open_nursery() as nursery:
            for address, local in ways:
                nursery.start_soon(_try, visit, address, local, reached)
        if reached:
            called.append(CalledDevice(number, device, min(reached), frozenset(local.link for _, local in ways)))

    async with trio.open_nursery() as nursery:
        for number, device in enumerate(visit.subject.others[: caps.DEVICES], 1):
            ways = [] if device.connected else _ways(device, here, own)
            if ways:
                nursery.start_soon(call_one, number, device, ways)
    return sorted(called)


def _ways(device: OtherDevice, here: Sequence[Local], own: frozenset[bytes]) -> list[tuple[Address, Local]]:
    found = []
    for address in device.addresses:
        wanted = ip_address(address.packed)
        local = next((local for local in here if wanted in local.network and _same_scope(address, local)), None)
        if local is not None and address.packed not in own:
            found.append((address, local))
    return found[:ADDRESSES]


def _same_scope(address: Address, local: Local) -> bool:
    """The link-local network exists on every link; the scope says which is meant."""
    scope = address.host.partition("%")[2]
    return not scope or scope == str(local.link) or scope == _name(local.link)


def _name(link: int) -> str:
    try:
        return socket.if_indextoname(link)
    except OSError:
        return ""


async def _try(visit: Visit, address: Address, local: Local, reached: list[Reach]) -> None:
    """Note the outcome of a call; nothing if it could not be made."""
    # Like the node: from an address that may be used, or from any.
    source = None if visit.subject.interfaces == "all" else local.host
    error = await _connect(address, source)
    if error == 0:
        reached.append(Reach.ANSWERED)
    elif error == errno.ECONNREFUSED:
        reached.append(Reach.REFUSED)
    elif error in (errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.EHOSTDOWN):
        is_there = error == errno.ETIMEDOUT and address.packed in visit.machine.neighbours()
        reached.append(Reach.DROPPED if is_there else Reach.SILENT)


async def _connect(address: Address, source: str | None) -> int:
    """The number of the error, 0 for none."""
    family, where = _resolve(address)
    with trio.socket.socket(family, socket.SOCK_STREAM) as sock:
        try:
            if source is not None:
                await sock.bind(_resolve(Address(source, 0))[1])
            with trio.fail_after(SECONDS):
                await sock.connect(where)
        except trio.TooSlowError:
            return errno.ETIMEDOUT
        except OSError as error:
            return error.errno or -1
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, system.sockets.NO_LINGER)
        return 0


def _resolve(address: Address) -> tuple[int, tuple[Any, ...]]:
    family, _, _, _, where = socket.getaddrinfo(
        *address, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    )[0]
    return family, where
