"""Doors on real sockets: the kept port, another one if it is taken, and listeners that come and go."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio

from cellsync import system
from cellsync.core.errors import NoPeer
from cellsync.node import doors, tcp
from cellsync.node.lan import LanNetwork, open_lan
from cellsync.node.network import Address, Ends
from cellsync.node.recognition import Recogniser
from cellsync.node.sites import Sites
from tests.patience import PATIENCE

LOOPBACK = ["127.0.0.1"]


async def echo(stream: trio.abc.Stream) -> None:
    async for chunk in stream:
        await stream.send_all(chunk)


@asynccontextmanager
async def listening(sites: Sites, hosts: list[str] = LOOPBACK, port: int = 0) -> AsyncIterator[LanNetwork]:
    async with open_lan(hosts, mode="off", port=port) as network, trio.open_nursery() as nursery:
        assert await nursery.start(network.serve, echo, sites) == network.here()[0].addresses[0].port
        yield network
        nursery.cancel_scope.cancel()


async def until(network: LanNetwork, ready: Callable[[], bool]) -> None:
    async with network.changes() as changes:
        with trio.fail_after(PATIENCE):
            while not ready():
                await changes.receive()


async def answers(host: str, port: int) -> bool:
    try:
        async with await tcp.dial(Address(host, port)) as stream:
            await stream.send_all(b"x")
            return bool(await stream.receive_some(1))
    except (NoPeer, trio.BrokenResourceError):  # also one that was still in the queue of a listener that has gone
        return False


async def test_the_port_is_the_same_when_it_listens_again() -> None:
    sites = Sites()
    ports = set()
    for _ in range(3):
        async with listening(sites) as network:
            [here] = network.here()
            ports.add(here.addresses[0].port)
            assert await answers(*here.addresses[0])
    assert len(ports) == 1
    assert not await answers("127.0.0.1", ports.pop())


async def test_if_the_kept_port_is_taken_another_one_is_used_and_kept() -> None:
    sites = Sites()
    async with listening(sites) as network:
        [here] = network.here()
        kept = here.addresses[0].port
    with socket.socket() as other:
        other.bind(("127.0.0.1", kept))
        other.listen()
        async with listening(sites) as network:
            [again] = network.here()
            assert again.site == here.site
            assert again.addresses[0].port != kept
            assert await answers(*again.addresses[0])
    assert await sites.port(here.site) == again.addresses[0].port


async def test_a_port_that_was_fixed_is_used_whatever_is_kept() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    async with listening(Sites(), port=port) as network:
        assert network.here()[0].addresses == (Address("127.0.0.1", port),)
        assert await answers("127.0.0.1", port)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is recognised")
async def test_the_port_before_is_answered_too_and_a_connection_outlives_its_listener(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doors, "LOOK_EVERY", 0.01)
    before: list[int | None] = [None]
    sites = Sites()
    monkeypatch.setattr(sites, "port_before", lambda _: before[0])
    async with listening(sites) as network:
        [here] = network.here()
        first = here.addresses[0].port
        async with await tcp.dial(Address("127.0.0.1", first)) as stream:
            before[0] = first
            await sites.another(here.site)
            with trio.fail_after(PATIENCE):
                async with network.changes() as changes:
                    while network.here()[0].addresses[0].port == first:
                        await changes.receive()
            second = network.here()[0].addresses[0].port  # or yet another one, if somebody has taken it meanwhile
            assert await answers("127.0.0.1", first)
            assert await answers("127.0.0.1", second)
            before[0] = None
            with trio.fail_after(PATIENCE):
                while await answers("127.0.0.1", first):
                    await trio.lowlevel.checkpoint()
            await stream.send_all(b"x")
            assert await stream.receive_some(1) == b"x"
            assert network.ends(stream) == Ends("127.0.0.1", "127.0.0.1")


async def test_a_network_that_changes_is_left_until_it_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a peer on the new network is told the port of the old one, calls it there, and keeps it."""
    described: list[bytes | None] = [b"home"]
    monkeypatch.setattr(Recogniser, "describe", lambda _, here, *__: {one.link: described[0] for one in here})
    monkeypatch.setattr(doors, "LOOK_EVERY", 0.01)
    sites = Sites()
    async with listening(sites) as network:
        [at_home] = network.here()
        described[0] = None
        await until(network, lambda: not network.here())
        assert not await answers(*at_home.addresses[0])
        described[0] = b"office"
        await until(network, lambda: bool(network.here()))
        [at_the_office] = network.here()
        assert at_the_office.site != at_home.site
        assert at_the_office.addresses[0].port != at_home.addresses[0].port
        assert await answers(*at_the_office.addresses[0])
        assert not await answers(*at_home.addresses[0])
        described[0] = b"home"
        await until(network, lambda: network.here() == (at_home,))


async def test_without_leave_to_bind_to_links_each_address_has_a_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system.sockets, "listen_on_links", lambda: False)
    async with listening(Sites(), ["127.0.0.1", "127.0.0.1"]) as network:
        assert await answers(*network.here()[0].addresses[0])
