"""Streams over TCP: listen and dial where permitted, and let no stranger take the process down."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Container, Sequence
from ipaddress import ip_address
from typing import Any, Final

import trio

from cellsync import system
from cellsync.core.errors import ExternalError, NoPeer
from cellsync.node.network import Address, Ends, Handler, packed

CONNECTIONS: Final = 768  # at the same time: 48 devices, strangers (node/strangers.py), and some in transition
BACKLOG: Final = 1024  # connections that arrive while we are busy: half a second of a flood
DIAL_SECONDS: Final = 10.0
PORT_TRIES: Final = 16

log = logging.getLogger(__name__)


def listen(hosts: Sequence[str] | None, port: int = 0) -> list[trio.SocketListener]:
    """Listeners on one common port of the given IP literals, or of the whole device if None.

    An address that this device does not have at the moment, on a laptop without network, say, is listened on once it
    appears; where the system cannot do that (only Linux can) it is left out. `ExternalError` if none remains or the
    port is taken.
    """
    try:
        return _listen_everywhere(port) if hosts is None else _listen_on(hosts, port)
    except OSError as error:
        raise ExternalError(
            f"cannot listen: {errno.errorcode.get(error.errno or 0, 'unknown')}",
            hint="Choose another port, or an address that this device has.",
        ) from None


class Entrance:
    """Runs a handler for each connection, at most 768 at once over all listeners."""

    def __init__(self, handler: Handler, nursery: trio.Nursery) -> None:
        self._handler = handler
        self._nursery = nursery  # in which connections outlive their listener
        self._most = min(CONNECTIONS, system.process.descriptors() * 3 // 4)
        self._open_now = 0

    async def serve(self, listeners: list[trio.SocketListener]) -> None:
        """Accept connections until cancelled; then the listeners are closed, and the connections continue."""
        # It continues after EMFILE, ENFILE, ENOMEM and ENOBUFS, and ignores connections that died in the backlog.
        await trio.serve_listeners(self._guarded, listeners, handler_nursery=self._nursery)

    async def _guarded(self, stream: trio.SocketStream) -> None:
        if self._open_now >= self._most:
            return  # closed at once by `serve_listeners`
        self._open_now += 1
        try:
            await self._handler(stream)
        except Exception as error:
            # Only the type: a message may quote what the peer sent.
            log.warning("a connection ended with %s", type(error).__name__)
        finally:
            self._open_now -= 1


async def serve(listeners: list[trio.SocketListener], handler: Handler) -> None:
    """Run `handler` for each connection, at most 768 at once, until cancelled."""
    async with trio.open_nursery() as nursery:
        await Entrance(handler, nursery).serve(listeners)


async def dial(address: Address, only: Sequence[str] | None = None) -> trio.SocketStream:
    """Connect to `address`, from one of the hosts in `only` if given. `NoPeer` if that fails or takes over 10 s."""
    try:
        host, _, scope = address.host.partition("%")
        link = link_of(scope)
        family, where = _resolve(host if link is None or ":" not in host else f"{host}%{link}", address.port)
        if only is not None and _source(family, where) not in {packed(host) for host in only}:
            raise NoPeer("that address is not on a network that may be used")
        with trio.fail_after(DIAL_SECONDS):
            return await _connect(family, where, link)
    except (OSError, OverflowError, UnicodeError, trio.TooSlowError):
        raise NoPeer("nobody answers at that address") from None


async def _connect(family: int, where: tuple[Any, ...], link: int | None) -> trio.SocketStream:
    plain = socket.socket(family, socket.SOCK_STREAM)
    try:
        if link is not None and not _is_our_own(family, where):
            system.sockets.bind_to_link(plain, link)  # two networks may have the same addresses
        sock = trio.socket.from_stdlib_socket(plain)
        await sock.connect(where)
    except BaseException:
        plain.close()
        raise
    return trio.SocketStream(sock)


def link_of(scope: str) -> int | None:
    """The index of an interface, given as such or by name; None without a scope. Raises OSError if it is gone."""
    if not scope:
        return None
    return int(scope) if scope.isdecimal() else socket.if_nametoindex(scope)


def _is_our_own(family: int, where: tuple[Any, ...]) -> bool:
    """Whether this is an address of this device: then the way there is the loopback interface."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((where[0], 0, *where[2:]))
    except OSError:
        return False
    return True


def ends(stream: trio.SocketStream) -> Ends | None:
    """The addresses of a stream, IPv4 ones as such; None if it is over."""
    try:
        here, there = stream.socket.getsockname()[0], stream.socket.getpeername()[0]
    except OSError:
        return None
    return Ends(str(ip_address(packed(here))), str(ip_address(packed(there))))


def _source(family: int, where: tuple[Any, ...]) -> bytes:
    """The address that the kernel would call from. Connecting a datagram socket sends nothing."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(where)
        return packed(probe.getsockname()[0])


def is_stranded(stream: trio.SocketStream, idle: Container[bytes] = ()) -> bool:
    """Whether this device no longer has the address from which the stream was opened, or it is one of these."""
    try:
        host, _, *rest = stream.socket.getsockname()
    except OSError:  # closed
        return False
    if packed(host) in idle:
        return True
    try:
        with socket.socket(stream.socket.family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0, *rest))
    except OSError as error:
        return error.errno == errno.EADDRNOTAVAIL
    return False


def _listen_everywhere(port: int) -> list[trio.SocketListener]:
    try:
        return [_bound("::", port, dual=True)]
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise
        return [_bound("0.0.0.0", port)]  # noqa: S104  no IPv6 here; "everywhere" is what was asked


def _listen_on(hosts: Sequence[str], port: int) -> list[trio.SocketListener]:
    """All hosts must share one port: it stands once in the beacon. A free one on the first may be taken on others."""
    for attempt in range(PORT_TRIES):
        listeners: list[trio.SocketListener] = []
        common = port
        absent = OSError(errno.EADDRNOTAVAIL, "no such address")
        try:
            for host in hosts:
                try:
                    listeners.append(_bound(host, common))
                except OSError as error:
                    if error.errno not in (errno.EADDRNOTAVAIL, errno.ENODEV, errno.EAFNOSUPPORT):
                        raise
                    absent = error
                else:
                    common = port_of(listeners)
            if not listeners:
                raise absent
            return listeners
        except OSError as error:
            for listener in listeners:
                listener.socket.close()
            if error.errno != errno.EADDRINUSE or port or attempt == PORT_TRIES - 1:
                raise
    raise AssertionError("unreachable")


def port_of(listeners: Sequence[trio.SocketListener]) -> int:
    """The port that all of them share."""
    port: int = listeners[0].socket.getsockname()[1]
    return port


def listen_on_link(link: int, host: str, port: int) -> trio.SocketListener:
    """A listener on one link, at one of its addresses, or "" for all that it has and will have.

    `link` 0 is any, for a system that cannot bind sockets to links. Raises OSError.
    """
    if host:
        return _bound(host, port, link=link)
    try:
        return _bound("::", port, dual=True, link=link)
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EPERM):
            raise
        return _bound("0.0.0.0", port, link=link)  # noqa: S104  no IPv6 here; the link's own addresses are meant


def _bound(host: str, port: int, *, dual: bool = False, link: int = 0) -> trio.SocketListener:
    family, where = _resolve(host, port)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if link and not system.sockets.bind_to_link(sock, link):
            raise OSError(errno.EPERM, "cannot be bound to this link")
        system.sockets.ready_to_listen(sock)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if dual else 1)
        sock.bind(where)
        sock.listen(BACKLOG)
        return trio.SocketListener(trio.socket.from_stdlib_socket(sock))
    except BaseException:
        sock.close()
        raise


def _resolve(host: str, port: int) -> tuple[int, tuple[Any, ...]]:
    """Literals only: a name would be looked up in the DNS, in plain sight."""
    family, _, _, _, where = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    )[0]
    return family, where
