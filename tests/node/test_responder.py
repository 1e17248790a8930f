"""The sockets of a responder, each on one link only; and how long its records live."""

from __future__ import annotations

import os
import socket
import sys

import pytest
import trio
import zeroconf
from zeroconf import _core as zeroconf_core
from zeroconf.const import _DNS_PTR_MIN_TTL

from cellsync.node import discovery, responder
from cellsync.node.interfaces import Local, present
from cellsync.node.lan import open_lan
from cellsync.node.responder import LinkResponder, open_sockets
from tests.patience import PATIENCE

TYPE = f"_cs-ttl-{os.getpid() % 100_000}._tcp.local."


def loopback() -> tuple[Local, ...]:
    return present(["127.0.0.1"])


def device_of(sock: socket.socket) -> bytes:
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0")


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's socket option")
def test_every_socket_of_a_responder_is_bound_to_its_link() -> None:
    made = LinkResponder(loopback())
    try:
        assert {device_of(wrapped.sock) for wrapped in made.engine.readers} == {b"lo"}
        assert [wrapped.sock_name[0] for wrapped in made.engine.senders] == ["127.0.0.1"]
        assert len(made.engine.readers) == 2
    finally:
        made.close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's socket option")
def test_a_socket_is_bound_to_its_link_before_it_is_bound_to_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux sorts sockets into groups when they get their port; what they learn later comes too late."""
    seen: list[bytes] = []

    class Watched(socket.socket):
        def bind(self, address: object) -> None:
            seen.append(device_of(self))
            super().bind(address)  # type: ignore[arg-type]

    addresses = loopback()
    monkeypatch.setattr(socket, "socket", Watched)
    open_sockets(addresses).close()
    assert seen == [b"lo", b"lo"]


def test_another_program_s_responder_gets_the_sockets_it_asked_for() -> None:
    theirs = zeroconf.Zeroconf(interfaces=["127.0.0.1"], use_asyncio=False)
    try:
        if sys.platform == "linux":
            assert {device_of(wrapped.sock) for wrapped in theirs.engine.readers} == {b""}
    finally:
        theirs.close()


def test_a_zeroconf_that_goes_another_way_is_refused_and_nothing_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[responder.Sockets] = []

    def noted(addresses: tuple[Local, ...]) -> responder.Sockets:
        opened.append(open_sockets(addresses))
        return opened[-1]

    monkeypatch.setattr(responder, "open_sockets", noted)
    monkeypatch.setattr(zeroconf_core, "create_sockets", lambda *_, **__: (None, []))
    with pytest.raises(RuntimeError, match="takes no sockets"):
        LinkResponder(loopback())
    assert opened[0].listening.fileno() == -1


async def test_what_is_sent_as_a_lifetime_is_what_peers_keep() -> None:
    """zeroconf lengthens the lives of pointers; a smaller number would only look like one."""

    async def nothing(stream: trio.abc.Stream) -> None: ...

    async with (
        open_lan(["127.0.0.1"], service_type=TYPE, mode="announce") as shown,
        open_lan(["127.0.0.1"], service_type=TYPE, mode="listen") as other,
        trio.open_nursery() as nursery,
    ):
        await nursery.start(shown.serve, nothing)
        nursery.start_soon(shown.announce, lambda _: bytes(208))
        async with other.sightings() as sightings:
            with trio.fail_after(PATIENCE):
                await sightings.receive()
            assert other._discovery is not None
            (link,) = other._discovery._links
            pointers = link.zeroconf.cache.entries_with_name(TYPE)
            assert {record.ttl for record in pointers} == {discovery.RECORD_TTL} == {_DNS_PTR_MIN_TTL}
        nursery.cancel_scope.cancel()
