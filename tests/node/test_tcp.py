from __future__ import annotations

import errno
import logging
import socket
import sys
from contextlib import AsyncExitStack
from ipaddress import ip_address

import pytest
import trio
import trio.testing

from cellsync.core.errors import ExternalError, NoPeer
from cellsync.node import tcp
from cellsync.node.network import Address, Handler, packed

LOOPBACK = ["127.0.0.1"]


async def echo(stream: trio.abc.Stream) -> None:
    async for chunk in stream:
        await stream.send_all(chunk)


def start(nursery: trio.Nursery, handler: Handler, hosts: list[str] | None = LOOPBACK) -> int:
    listeners = tcp.listen(hosts)
    nursery.start_soon(tcp.serve, listeners, handler)
    return tcp.port_of(listeners)


async def answer(host: str, port: int, sent: bytes = b"hello") -> bytes:
    stream = await tcp.dial(Address(host, port))
    async with stream:
        await stream.send_all(sent)
        return await stream.receive_some(100)


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


async def test_what_is_sent_comes_back() -> None:
    async with trio.open_nursery() as nursery:
        port = start(nursery, echo)
        assert await answer("127.0.0.1", port) == b"hello"
        nursery.cancel_scope.cancel()


async def test_everywhere_means_both_families_on_one_port() -> None:
    async with trio.open_nursery() as nursery:
        port = start(nursery, echo, None)
        assert await answer("127.0.0.1", port) == b"hello"
        if has_ipv6():
            assert await answer("::1", port) == b"hello"
        nursery.cancel_scope.cancel()


async def test_given_hosts_share_a_port_and_nothing_else_listens() -> None:
    async with trio.open_nursery() as nursery:
        port = start(nursery, echo, ["127.0.0.1", "127.0.0.2"])
        assert await answer("127.0.0.1", port) == b"hello"
        assert await answer("127.0.0.2", port) == b"hello"
        with pytest.raises(NoPeer):
            await answer("127.0.0.3", port)
        nursery.cancel_scope.cancel()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can")
async def test_a_host_that_is_not_here_yet_is_listened_on_all_the_same() -> None:
    """A laptop that was told which of its addresses to use, and is on no network now."""
    listeners = tcp.listen(["192.0.2.1", "2001:db8::1"])
    assert [listener.socket.getsockname()[0] for listener in listeners] == ["192.0.2.1", "2001:db8::1"]
    for listener in listeners:
        await listener.aclose()


async def test_elsewhere_a_host_that_is_not_here_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    listeners = tcp.listen(["192.0.2.1", "127.0.0.1"])
    assert [listener.socket.getsockname()[0] for listener in listeners] == ["127.0.0.1"]
    for listener in listeners:
        await listener.aclose()
    with pytest.raises(ExternalError):
        tcp.listen(["192.0.2.1"])


async def test_a_taken_port_is_said_so() -> None:
    (first,) = tcp.listen(LOOPBACK)
    with pytest.raises(ExternalError, match="EADDRINUSE"):
        tcp.listen(LOOPBACK, tcp.port_of([first]))
    await first.aclose()


async def test_a_handler_that_fails_ends_only_its_own_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(stream: trio.abc.Stream) -> None:
        chunk = await stream.receive_some(100)
        if chunk == b"secret words":
            raise RuntimeError(chunk.decode())
        await stream.send_all(chunk)
        await echo(stream)

    async with trio.open_nursery() as nursery:
        port = start(nursery, handler)
        async with await tcp.dial(Address("127.0.0.1", port)) as bystander:
            await bystander.send_all(b"1")
            assert await bystander.receive_some(1) == b"1"
            with caplog.at_level(logging.DEBUG):
                assert await answer("127.0.0.1", port, b"secret words") == b""
            await bystander.send_all(b"2")
            assert await bystander.receive_some(1) == b"2"
        nursery.cancel_scope.cancel()
    assert "RuntimeError" in caplog.text
    assert "secret words" not in caplog.text


async def served(stream: trio.abc.Stream) -> bool:
    try:
        await stream.send_all(b"x")
        return await stream.receive_some(1) == b"x"
    except trio.BrokenResourceError:
        return False


async def test_beyond_the_cap_new_ones_are_closed_and_a_free_place_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "CONNECTIONS", 96)  # here both ends take descriptors of one process
    async with trio.open_nursery() as nursery, AsyncExitStack() as crowd:
        port = start(nursery, echo)
        for _ in range(tcp.CONNECTIONS - 1):
            assert await served(await crowd.enter_async_context(await tcp.dial(Address("127.0.0.1", port))))
        async with await tcp.dial(Address("127.0.0.1", port)) as last:
            assert await served(last)
            async with await tcp.dial(Address("127.0.0.1", port)) as late:
                assert not await served(late)
        while True:  # until the server has noticed that `last` left
            async with await tcp.dial(Address("127.0.0.1", port)) as next_one:
                if await served(next_one):
                    break
        nursery.cancel_scope.cancel()


async def test_it_goes_on_after_running_out_of_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    accept = trio.SocketListener.accept
    failures = iter([errno.EMFILE, errno.ENFILE, errno.ENOBUFS])

    async def failing(self: trio.SocketListener) -> trio.SocketStream:
        number = next(failures, None)
        if number is not None:
            raise OSError(number, "no more")
        return await accept(self)

    monkeypatch.setattr(trio.SocketListener, "accept", failing)
    async with trio.open_nursery() as nursery:
        port = start(nursery, echo)
        assert await answer("127.0.0.1", port) == b"hello"
        nursery.cancel_scope.cancel()
    assert next(failures, None) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "not an address", "", "::ffff:300.1.1.1", "a" * 300])
async def test_nobody_there_is_no_peer(host: str) -> None:
    with pytest.raises(NoPeer):
        await tcp.dial(Address(host, 1))


async def test_only_the_chosen_networks_are_dialled() -> None:
    async with trio.open_nursery() as nursery:
        port = start(nursery, echo)
        with pytest.raises(NoPeer, match="may be used"):
            await tcp.dial(Address("127.0.0.1", port), only=["192.0.2.1"])
        await (await tcp.dial(Address("127.0.0.1", port), only=LOOPBACK)).aclose()
        nursery.cancel_scope.cancel()


async def test_a_dial_gives_up(autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> trio.SocketStream:
        return await trio.sleep_forever()

    monkeypatch.setattr(tcp, "_connect", never)
    with pytest.raises(NoPeer):
        await tcp.dial(Address("127.0.0.1", 9))


def test_addresses_are_packed_without_scope() -> None:
    assert packed("fe80::1%7") == ip_address("fe80::1").packed
    assert packed("::ffff:10.0.0.1") == packed("10.0.0.1") == bytes([10, 0, 0, 1])
    assert Address("10.0.0.1", 5).packed == bytes([10, 0, 0, 1])
