"""Binding a socket to one link, so that nothing of other networks reaches it and it sends to no other.

An address is not enough. Linux delivers to a socket whatever was sent to its address, over whichever link it came; and
of several sockets on one port it picks the receiver by a hash of the sender.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import Final

# of macOS: IP_BOUND_IF and IPV6_BOUND_IF of <netinet/in.h>, which the socket module does not name
BOUND_IF: Final = {socket.AF_INET: (socket.IPPROTO_IP, 25), socket.AF_INET6: (socket.IPPROTO_IPV6, 125)}


def bind_to_link(sock: socket.socket, link: int) -> bool:
    """Bind an unbound socket to the interface with this index, *before* it is bound to an address.

    False where that cannot be done: another system, an interface that is gone, or a Linux before 5.7, which asks for a
    privilege. Linux sorts sockets into groups when they are bound to a port: a socket that learns of its interface only
    then stays in the wrong one.
    """
    try:
        if sys.platform == "linux":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, socket.if_indextoname(link).encode() + b"\0")
        elif sys.platform == "darwin":
            sock.setsockopt(*BOUND_IF[socket.AddressFamily(sock.family)], struct.pack("I", link))
        else:
            return False
    except OSError:
        return False
    return True
