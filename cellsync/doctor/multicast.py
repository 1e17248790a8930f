"""Multicast: ask a network which hosts are there, and note which are heard.

Sends only a multicast DNS question (RFC 6762): for all types of services, which any printer or phone answers, and for
ours, as any listener asks. It says nothing else about this device.

The sockets are plain ones, because zeroconf does not tell who sent what. They are bound to the group, so they take
nothing meant for a responder on this machine. Our own question comes back to us, unless a firewall is in the way.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import trio

from cellsync import system
from cellsync.node.interfaces import Local
from cellsync.node.network import packed

GROUPS: Final = {socket.AF_INET: "224.0.0.251", socket.AF_INET6: "ff02::fb"}
PORT: Final = 5353
ALL_SERVICES: Final = "_services._dns-sd._udp.local."
ASK_AT: Final = (0.0, 1.0, 3.0)  # seconds; a lost packet is not a blocked network
LONGEST: Final = 9000  # bytes of a message
HEADER: Final = 12
PTR, INTERNET = 12, 1


@dataclass
class Heard:
    """The result of listening once: numbers of links, and of errors."""

    listened: set[int] = field(default_factory=set)
    asked: set[int] = field(default_factory=set)
    itself: set[int] = field(default_factory=set)  # where our own question came back
    routers: set[int] = field(default_factory=set)  # where a router was heard
    others: set[int] = field(default_factory=set)  # where any other host was heard
    errors: set[int] = field(default_factory=set)

    @property
    def is_complete(self) -> bool:
        """Whether listening longer would add nothing."""
        return self.listened <= self.itself & self.others


class Known(NamedTuple):
    """Known addresses, for telling senders apart."""

    own: frozenset[bytes]
    routers: frozenset[bytes]


class _Ear(NamedTuple):
    link: int
    family: int
    socket: trio.socket.SocketType

    async def ask(self, question: bytes) -> None:
        scope = (0, self.link) if self.family == socket.AF_INET6 else ()
        await self.socket.sendto(question, (GROUPS[socket.AddressFamily(self.family)], PORT, *scope))


async def listen(here: Sequence[Local], known: Known, service_type: str, seconds: float) -> Heard:
    """Ask on each link, and listen for at most `seconds`. The links of `here` only."""
    heard = Heard()
    question = _question(ALL_SERVICES, service_type)
    with ExitStack() as stack:
        ears = _ears(here, heard, stack)
        heard.listened = {ear.link for ear in ears}
        if not ears:
            return heard
        with trio.move_on_after(seconds) as scope:
            async with trio.open_nursery() as nursery:
                for ear in ears:
                    nursery.start_soon(_hear, ear, known, heard, scope)
                for before, at in zip((0.0, *ASK_AT), ASK_AT, strict=False):
                    await trio.sleep(at - before)
                    for ear in ears:
                        await _ask(ear, question, heard)
    return heard


async def _ask(ear: _Ear, question: bytes, heard: Heard) -> None:
    try:
        await ear.ask(question)
        heard.asked.add(ear.link)
    except OSError as error:
        heard.errors.add(error.errno or 0)


async def _hear(ear: _Ear, known: Known, heard: Heard, scope: trio.CancelScope) -> None:
    with suppress(OSError):  # the interface is gone: keep what was heard
        while not heard.is_complete:
            message, (host, *_) = await ear.socket.recvfrom(LONGEST)
            source = packed(host)
            if source in known.own:
                heard.itself.add(ear.link)
            elif len(message) >= HEADER:
                (heard.routers if source in known.routers else heard.others).add(ear.link)
        scope.cancel()


def _ears(here: Sequence[Local], heard: Heard, stack: ExitStack) -> list[_Ear]:
    """One socket for each link and family."""
    ears: dict[tuple[int, int], _Ear] = {}
    for local in here:
        family = socket.AF_INET6 if ":" in local.host else socket.AF_INET
        if (local.link, family) in ears:
            continue
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            _join(sock, local)
        except OSError as error:
            sock.close()
            heard.errors.add(error.errno or 0)
            continue
        ear = _Ear(local.link, family, trio.socket.from_stdlib_socket(sock))
        stack.callback(ear.socket.close)
        ears[local.link, family] = ear
    return list(ears.values())


def _join(sock: socket.socket, local: Local) -> None:
    """Hear one group on one link, and ask there."""
    group = GROUPS[sock.family]
    own = system.sockets.host_of_group(group)
    system.sockets.share_port(sock)
    system.sockets.hear_own_groups_only(sock)
    if sock.family == socket.AF_INET:
        sock.bind((own, PORT))
        host = packed(local.host)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, packed(group) + host)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, host)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((own, PORT, 0, local.link) if own else ("::", PORT))
        link = struct.pack("I", local.link)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, packed(group) + link)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, link)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 1)


def _question(*names: str) -> bytes:
    """A question for each of these names, to be answered by multicast (RFC 1035, section 4.1)."""
    asked = [_labels(name) + struct.pack(">HH", PTR, INTERNET) for name in names]
    return struct.pack(">6H", 0, 0, len(asked), 0, 0, 0) + b"".join(asked)


def _labels(name: str) -> bytes:
    labels = name.rstrip(".").encode("ascii").split(b".")
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def name_of(number: int) -> str:
    """The name of an error number, such as `EPERM`."""
    return errno.errorcode.get(number, "unknown")
