"""Network sockets: options of setsockopt(2).

Binding to an address does not confine a socket to one link. Linux delivers whatever was sent to its address, over
whichever link it came; and among several sockets on one port it picks the receiver by a hash of the sender.
"""

from __future__ import annotations

import socket
import struct
import sys
from contextlib import suppress
from typing import Final

from cellsync.system.posix.interfaces import loopback

NO_LINGER: Final = struct.pack("ii", 1, 0)
# macOS: IP_BOUND_IF and IPV6_BOUND_IF of <netinet/in.h>, which the socket module does not name
_BOUND_IF: Final = {socket.AF_INET: (socket.IPPROTO_IP, 25), socket.AF_INET6: (socket.IPPROTO_IPV6, 125)}
# Linux, not named by the socket module: IP_FREEBIND, IPV6_FREEBIND; IP_MULTICAST_ALL, IPV6_MULTICAST_ALL
_FREEBIND: Final = {socket.AF_INET: (socket.IPPROTO_IP, 15), socket.AF_INET6: (socket.IPPROTO_IPV6, 78)}
_ON_ALL_LINKS: Final = {
    socket.AF_INET: ((socket.IPPROTO_IP, 49),),
    socket.AF_INET6: ((socket.IPPROTO_IP, 49), (socket.IPPROTO_IPV6, 29)),
}


def bind_to_link(sock: socket.socket, link: int) -> bool:
    """False on other systems, and on Linux before 5.7, which requires a privilege.

    Linux sorts sockets into groups when they are bound to a port: a socket whose interface is set only afterwards stays
    in the wrong group.
    """
    try:
        if sys.platform == "linux":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, socket.if_indextoname(link).encode() + b"\0")
        elif sys.platform == "darwin":
            sock.setsockopt(*_BOUND_IF[socket.AddressFamily(sock.family)], struct.pack("I", link))
        else:
            return False
    except OSError:
        return False
    return True


def listen_on_links() -> bool:
    if sys.platform != "linux":
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return bind_to_link(probe, loopback())


def ready_to_listen(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sys.platform == "linux":
        with suppress(OSError):
            sock.setsockopt(*_FREEBIND[socket.AddressFamily(sock.family)], 1)


def share_port(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with suppress(AttributeError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


def hear_own_groups_only(sock: socket.socket) -> None:
    if sys.platform == "linux":
        for level, option in _ON_ALL_LINKS[socket.AddressFamily(sock.family)]:
            sock.setsockopt(level, option, 0)


def host_of_group(group: str) -> str:
    return group if sys.platform == "linux" else ""
