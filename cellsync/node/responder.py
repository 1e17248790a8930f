"""The responder of one link: zeroconf on sockets of our own making, each bound to the link's interface.

The sockets that zeroconf makes are bound to addresses only. Two responders in one process then share the port, and
Linux hands each IPv4 question to one of them by a hash of the sender: an answer goes missing, and a name heard on one
network is repeated on the other as a known answer. Bound to their interfaces they never meet.

zeroconf takes no sockets from outside: `Zeroconf.__init__` calls `create_sockets(interfaces, …)`, a name of its module,
and hands the result to its engine. That name is the one place where sockets can be put in without repeating what the
constructor does. So the function is wrapped, once: for our `Sockets`, given as `interfaces`, it returns them; any other
call goes through as it came. If a release of zeroconf goes another way, `LinkResponder` raises instead of answering
on the wrong network, and `tests/node/test_responder.py` is red.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final, cast

import zeroconf
from zeroconf import IPVersion, Zeroconf
from zeroconf import _core as zeroconf_core

from cellsync import system
from cellsync.node.interfaces import Local
from cellsync.node.network import packed

PORT: Final = 5353
GROUPS: Final = {4: packed("224.0.0.251"), 16: packed("ff02::fb")}  # by the length of an address
HOPS: Final = 255  # RFC 6762, section 11

CreatedSockets = tuple[socket.socket | None, list[socket.socket]]


@dataclass
class Sockets:
    """What a responder works on: one socket that hears, and one that speaks for each family."""

    listening: socket.socket
    speaking: list[socket.socket]
    taken: bool = False  # by a responder, which closes them

    def close(self) -> None:
        for sock in (self.listening, *self.speaking):
            sock.close()


class LinkResponder(Zeroconf):
    """zeroconf on one link, deaf to unicast questions from beyond it. Raises OSError if the link is gone."""

    def __init__(self, addresses: Sequence[Local]) -> None:
        self._networks = [local.network for local in addresses]
        self._scopes = {0, *(local.link for local in addresses)}
        sockets = open_sockets(addresses)
        try:
            super().__init__(interfaces=cast(Any, sockets), ip_version=IPVersion.All, use_asyncio=False)
            if not sockets.taken:
                self.close()
                raise RuntimeError(f"zeroconf {zeroconf.__version__} takes no sockets from us")
        finally:
            if not sockets.taken:
                sockets.close()

    def async_send(
        self,
        out: Any,
        addr: str | None = None,
        port: int = PORT,
        v6_flow_scope: tuple[()] | tuple[int, int] = (),
        transport: Any = None,
    ) -> None:
        scope = v6_flow_scope[1] if v6_flow_scope else 0
        if addr is None or (scope in self._scopes and self._is_on_link(addr)):
            super().async_send(out, addr, port, v6_flow_scope, transport)

    def _is_on_link(self, addr: str) -> bool:
        address = ip_address(packed(addr))
        return any(address in network for network in self._networks)


def open_sockets(addresses: Sequence[Local]) -> Sockets:
    """The sockets for the addresses of one link. Raises OSError."""
    first = {length: local for local in reversed(addresses) if (length := len(packed(local.host)))}
    with ExitStack() as stack:
        listening = _new(socket.AF_INET6 if 16 in first else socket.AF_INET, addresses[0].link)
        stack.callback(listening.close)
        if 16 in first:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if 4 in first else 1)
        listening.bind(("", PORT))
        speaking = []
        for length, local in sorted(first.items()):
            _join(listening, length, local)
            sock = _new(socket.AF_INET6 if length == 16 else socket.AF_INET, local.link)
            stack.callback(sock.close)
            _speak(sock, local)
            speaking.append(sock)
        stack.pop_all()
        return Sockets(listening, speaking)


def _new(family: socket.AddressFamily, link: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        system.sockets.share_port(sock)
        if not system.sockets.bind_to_link(sock, link):
            with suppress(OSError):  # the second best: at least no group that others have joined on another link
                system.sockets.hear_own_groups_only(sock)
    except BaseException:
        sock.close()
        raise
    return sock


def _join(sock: socket.socket, length: int, local: Local) -> None:
    if length == 4:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, GROUPS[4] + packed(local.host))
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, GROUPS[16] + struct.pack("@I", local.link))


def _speak(sock: socket.socket, local: Local) -> None:
    """Send multicast from this address, and take what is sent to it alone."""
    host = local.host.partition("%")[0]
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, packed(host))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, HOPS)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        sock.bind((host, PORT))
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, struct.pack("@I", local.link))
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOPS)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 1)
        scope = local.link if ip_address(host).is_link_local else 0
        sock.bind((host, PORT, 0, scope))


_names: Final = vars(zeroconf_core)
_theirs: Final[Callable[..., CreatedSockets]] = _names["create_sockets"]


def _create_sockets(interfaces: Any = zeroconf.InterfaceChoice.All, *others: Any, **more: Any) -> CreatedSockets:
    if not isinstance(interfaces, Sockets):
        return _theirs(interfaces, *others, **more)
    interfaces.taken = True
    return interfaces.listening, list(interfaces.speaking)


_names["create_sockets"] = _create_sockets
