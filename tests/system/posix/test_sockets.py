"""Options of a socket that are set before it is bound."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest

from cellsync.system.posix import interfaces, sockets

LINUX = sys.platform == "linux"
only_linux = pytest.mark.skipif(not LINUX, reason="reads Linux's socket options")


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6], ids=["4", "6"])
def sock(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    with socket.socket(request.param, socket.SOCK_DGRAM) as made:
        yield made


@only_linux
def test_a_socket_is_bound_to_the_link_of_this_number_only(sock: socket.socket) -> None:
    assert not sockets.bind_to_link(sock, 1 << 30)
    assert sockets.bind_to_link(sock, interfaces.loopback())
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") == b"lo"


@only_linux
def test_groups_of_other_programs_are_not_heard(sock: socket.socket) -> None:
    option = (socket.IPPROTO_IP, 49) if sock.family == socket.AF_INET else (socket.IPPROTO_IPV6, 29)
    assert sock.getsockopt(*option) == 1
    sockets.hear_own_groups_only(sock)
    assert sock.getsockopt(*option) == 0


@only_linux
def test_a_listener_may_wait_for_an_address_that_is_not_here_yet() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
        sockets.ready_to_listen(made)
        made.bind(("192.0.2.7", 0))
        assert made.getsockname()[0] == "192.0.2.7"


def test_two_may_share_a_port() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
    ):
        for each in (one, two):
            sockets.share_port(each)
        one.bind(("127.0.0.1", 0))
        two.bind(one.getsockname())
        assert one.getsockname() == two.getsockname()


def test_a_connection_is_over_at_once_without_lingering() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        caller = socket.create_connection(server.getsockname())
        with server.accept()[0] as inside:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, sockets.NO_LINGER)
            caller.close()
            with pytest.raises(ConnectionResetError):
                inside.recv(1)
