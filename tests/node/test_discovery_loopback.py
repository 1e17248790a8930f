from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from inspect import signature
from ipaddress import ip_address
from pathlib import Path

import pytest
import trio
import zeroconf
from zeroconf._dns import DNSAddress, DNSPointer, DNSService, DNSText
from zeroconf._protocol.outgoing import DNSOutgoing

from cellsync import Home, found_cell, open_cell
from cellsync.core.errors import InvalidValue
from cellsync.node import discovery, interfaces
from cellsync.node.interfaces import Local
from cellsync.node.lan import LanNetwork, Mode, open_lan, shows
from cellsync.node.network import Address, AskedFor, Sighting
from cellsync.node.responder import LinkResponder
from cellsync.profile.profile import Settings
from cellsync.store.header import Kdf
from tests.patience import PATIENCE

LOOPBACK = ["127.0.0.1"]
# Of this test run only, so that two runs on one machine do not see each other.
TYPE = f"_cs-test-{os.getpid() % 100_000}._tcp.local."


@asynccontextmanager
async def lan(mode: Mode = "announce") -> AsyncIterator[LanNetwork]:
    async with open_lan(LOOPBACK, mode=mode, service_type=TYPE) as network:
        yield network


def beacon(name: str) -> Callable[[tuple[Address, ...]], bytes]:
    return lambda addresses: f"{name} at {addresses[0].host}".encode().ljust(208, b".")


async def silent(stream: trio.abc.Stream) -> None:
    await stream.send_all(b"here")


async def seen(sightings: trio.MemoryReceiveChannel[Sighting], wanted: int) -> dict[bytes, tuple[Address, ...]]:
    found: dict[bytes, tuple[Address, ...]] = {}
    with trio.fail_after(PATIENCE):
        while len(found) < wanted:
            sighting = await sightings.receive()
            found[sighting.blob.split(b" ")[0]] = sighting.addresses
    return found


async def test_three_devices_see_and_reach_each_other_on_loopback_only() -> None:
    async with AsyncExitStack() as stack:
        nursery = await stack.enter_async_context(trio.open_nursery())
        ports: dict[bytes, int] = {}
        watchers = []
        for name in ("ada", "ben", "cleo"):
            network = await stack.enter_async_context(lan())
            ports[name.encode()] = await nursery.start(network.serve, silent)
            watchers.append((name, network, await stack.enter_async_context(network.sightings())))
            nursery.start_soon(network.announce, beacon(name))
        for name, network, sightings in watchers:
            others = await seen(sightings, 2)
            assert others == {
                other: (Address("127.0.0.1", port),) for other, port in ports.items() if other != name.encode()
            }
            for (address,) in others.values():
                async with await network.dial(address) as stream:
                    assert await stream.receive_some(10) == b"here"
        nursery.cancel_scope.cancel()


async def test_who_looks_later_sees_what_is_there_and_a_rotation_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(discovery, "ROTATE_SECONDS", (0.01, 0.02))
    turns = iter(range(1000))
    async with lan() as ada, lan("listen") as ben, trio.open_nursery() as nursery:
        await nursery.start(ada.serve, silent)
        nursery.start_soon(ada.announce, lambda addresses: b"%d " % next(turns))
        async with ben.sightings() as sightings:
            assert len(await seen(sightings, 2)) == 2
        async with ben.sightings() as sightings:
            assert await seen(sightings, 1)
        nursery.cancel_scope.cancel()


async def test_who_listens_is_not_seen() -> None:
    async with lan("listen") as quiet, lan() as loud, trio.open_nursery() as nursery:
        await nursery.start(quiet.serve, silent)
        await nursery.start(loud.serve, silent)
        await quiet.announce(beacon("quiet"))  # returns: this mode never announces
        async with quiet.sightings() as from_quiet, loud.sightings() as from_loud:
            nursery.start_soon(loud.announce, beacon("loud"))
            assert await seen(from_quiet, 1)
            with pytest.raises(trio.WouldBlock):
                from_loud.receive_nowait()
        nursery.cancel_scope.cancel()


async def test_asked_looks_always_and_is_seen_only_while_somebody_asks() -> None:
    async with lan("asked") as shy, lan() as loud, trio.open_nursery() as nursery:
        await nursery.start(shy.serve, silent)
        await nursery.start(loud.serve, silent)
        await shy.announce(beacon("shy"))  # returns: nobody asked
        async with shy.sightings() as from_shy, loud.sightings() as from_loud:
            nursery.start_soon(loud.announce, beacon("loud"))
            assert await seen(from_shy, 1)
            with pytest.raises(trio.WouldBlock):
                from_loud.receive_nowait()
            with trio.CancelScope() as asking:

                @nursery.start_soon
                async def stop() -> None:
                    assert b"shy" in await seen(from_loud, 1)
                    asking.cancel()

                await shy.announce(AskedFor(beacon("shy")))
            assert asking.cancelled_caught
        async with loud.sightings() as later, lan() as third:
            await nursery.start(third.serve, silent)
            nursery.start_soon(third.announce, beacon("third"))
            assert set(await seen(later, 1)) == {b"third"}  # the shy one has said goodbye
        nursery.cancel_scope.cancel()


async def test_off_opens_no_multicast_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(addresses: tuple[Local, ...]) -> None:
        raise AssertionError("a responder was opened")

    monkeypatch.setattr(discovery, "LinkResponder", forbidden)
    async with lan("off") as network, trio.open_nursery() as nursery:
        port = await nursery.start(network.serve, silent)
        await network.announce(beacon("nobody"))
        async with network.sightings() as sightings:
            with pytest.raises(trio.WouldBlock):
                sightings.receive_nowait()
        await (await network.dial(Address("127.0.0.1", port))).aclose()
        nursery.cancel_scope.cancel()


def udp_sockets() -> int:
    """Those of this process: others on this machine may speak mDNS, too."""
    ours = set()
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that lists them
            ours.add(os.readlink(link))
    rows = [line.split() for line in Path("/proc/self/net/udp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(":14E9") and f"socket:[{row[9]}]" in ours for row in rows)


@pytest.mark.skipif(not Path("/proc/self/net/udp").exists(), reason="reads Linux's socket table")
async def test_on_one_address_only_that_one_sends_and_closing_closes_all() -> None:
    before = udp_sockets()
    async with lan() as network, trio.open_nursery() as nursery:
        await nursery.start(network.serve, silent)
        nursery.start_soon(network.announce, beacon("ada"))
        async with lan("listen") as other, other.sightings() as sightings:
            await seen(sightings, 1)
            assert network._discovery is not None
            (link,) = network._discovery._links
            senders = {sender.sock_name[0] for sender in link.zeroconf.engine.senders}
            assert senders == {"127.0.0.1"}
        nursery.cancel_scope.cancel()
    assert udp_sockets() == before


class Bare(LinkResponder):
    """One that knows its networks and opens no socket."""

    def __init__(self) -> None:
        self._networks = [Local(3, "10.9.0.1", 24).network, Local(3, "fe80::1%3", 64).network]
        self._scopes = {0, 3}


@pytest.mark.parametrize(
    ("asker", "scope", "answered"),
    [
        (None, (), True),  # multicast
        ("10.9.0.7", (), True),
        ("::ffff:10.9.0.8", (0, 0), True),
        ("192.0.2.1", (), False),
        ("127.0.0.1", (), False),
        ("fe80::9", (0, 3), True),
        ("fe80::9", (0, 4), False),
        ("2001:db8::1", (0, 0), False),
    ],
)
def test_strangers_beyond_the_link_get_no_unicast_answer(
    monkeypatch: pytest.MonkeyPatch, asker: str | None, scope: tuple[()] | tuple[int, int], answered: bool
) -> None:
    sent: list[object] = []
    monkeypatch.setattr(zeroconf.Zeroconf, "async_send", lambda self, *call: sent.append(call))
    Bare().async_send(None, asker, 5353, scope)
    assert bool(sent) == answered


async def test_a_flood_is_bounded_and_the_true_one_is_still_seen() -> None:
    """Names without records fill the queue of questions; a complete record does not wait behind them."""
    async with lan() as ada, lan("listen") as ben, trio.open_nursery() as nursery:
        await nursery.start(ada.serve, silent)
        async with ben.sightings() as sightings:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flooder:
                flooder.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
                for number in range(500):
                    flooder.sendto(pointer(f"n{number:05}"), ("224.0.0.251", 5353))
            nursery.start_soon(ada.announce, beacon("ada"))
            assert b"ada" in await seen(sightings, 1)
            assert sightings.statistics().current_buffer_used <= discovery.WAITING
        nursery.cancel_scope.cancel()


def pointer(name: str) -> bytes:
    """A response with one PTR record: an instance without anything behind it."""

    def wire(labels: list[str]) -> bytes:
        return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"

    kind = TYPE.rstrip(".").split(".")
    target = wire([name, *kind])
    record = wire(kind) + b"\0\x0c\0\1" + (4500).to_bytes(4, "big") + len(target).to_bytes(2, "big") + target
    return b"\0\0\x84\0\0\0\0\1\0\0\0\0" + record


def record(name: str, blob: bytes, *hosts: str) -> bytes:
    """All that a service says of itself, in one packet."""
    service, server = f"{name}.{TYPE}", f"{name}.local."
    text = b"t=" + blob
    out = DNSOutgoing(0x8400)
    for one in (
        DNSPointer(TYPE, 12, 1, 600, service),
        DNSService(service, 33, 0x8001, 120, 0, 0, 4_000, server),
        DNSText(service, 16, 0x8001, 600, bytes([len(text)]) + text),
        *(DNSAddress(server, 28 if ":" in host else 1, 0x8001, 120, ip_address(host).packed) for host in hosts),
    ):
        out.add_answer_at_time(one, 0)
    return bytes(out.packets()[0])


async def test_a_record_makes_nobody_call_beyond_its_link() -> None:
    """Whoever has a key of beacons can show any address as a member's, and who knows the number of a short code, as the
    inviter's: the device called it, wherever it was."""
    elsewhere = ["192.0.2.7", "224.0.0.1", "0.0.0.0", "127.255.255.255", "2001:db8::7", "::1", "ff02::1"]  # noqa: S104
    async with lan("listen") as ben, ben.sightings() as sightings:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as liar:
            liar.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            with trio.fail_after(PATIENCE):
                found: dict[bytes, tuple[Address, ...]] = {}
                for number in range(10_000):  # it may not be listening yet
                    for name, hosts in (("none", elsewhere), ("one", [*elsewhere, "127.0.0.9"])):
                        packet = record(f"{name}{number}", name.encode().ljust(208, b"."), *hosts)
                        liar.sendto(packet, ("224.0.0.251", 5353))
                    with trio.move_on_after(0.2):
                        sighting = await sightings.receive()
                        found[sighting.blob.rstrip(b".")] = sighting.addresses
                    if b"one" in found:
                        break
        assert found == {b"one": (Address("127.0.0.9", 4_000),)}


async def test_without_an_interface_it_waits_and_starts_when_one_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, here = interfaces.present, [False]
    monkeypatch.setattr(interfaces, "present", lambda choice: real(choice) if here[0] else ())
    monkeypatch.setattr(interfaces, "POLL_SECONDS", (0.02, 0.03))
    async with lan() as ada, lan("listen") as ben, trio.open_nursery() as nursery:
        await nursery.start(ada.serve, silent)
        nursery.start_soon(ada.announce, beacon("ada"))
        async with ben.sightings() as sightings, ben.changes() as changes:
            for _ in range(2):
                here[0] = True
                with trio.fail_after(PATIENCE):
                    await changes.receive()
                assert await seen(sightings, 1)
                here[0] = False
                with trio.fail_after(PATIENCE):
                    await changes.receive()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "service_type", ["", "_x", "x._tcp.local.", "_waytoolongforaname._tcp.local.", "_12._tcp.local."]
)
async def test_a_bad_service_type_is_refused(service_type: str) -> None:
    with pytest.raises(InvalidValue):
        async with open_lan(LOOPBACK, service_type=service_type):
            pass


@pytest.mark.parametrize("choice", ["127.0.0.1", ["localhost"], []])
async def test_bad_addresses_are_refused(choice: str | list[str]) -> None:
    with pytest.raises(InvalidValue):
        async with open_lan(choice):
            pass


async def test_nothing_is_announced_unless_that_was_asked_for() -> None:
    """The same in the library and in the command line."""
    usual = signature(open_lan).parameters["mode"].default
    assert (usual, Settings().lan) == ("asked", "asked")
    assert not shows(usual, beacon("nobody"))
    assert shows(usual, AskedFor(beacon("somebody")))


async def test_a_cell_opens_without_any_interface_and_is_seen_when_one_comes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A laptop without network."""
    real, here = interfaces.present, [False]
    monkeypatch.setattr(interfaces, "present", lambda choice: real(LOOPBACK) if here[0] else ())
    monkeypatch.setattr(interfaces, "POLL_SECONDS", (0.02, 0.03))
    home = Home(tmp_path / "vault", partial(open_lan, mode="asked", service_type=TYPE), kdf=Kdf.CHEAP)
    await found_cell(home, "Mill Street", name="Ana", passphrase="words")
    async with open_cell(home, passphrase="words") as cell:
        assert cell.port == 0  # there is nothing to listen on
        with cell.showing():
            here[0] = True
            async with lan("listen") as other, other.sightings() as sightings:
                with trio.fail_after(PATIENCE):
                    assert (await sightings.receive()).addresses == (Address("127.0.0.1", cell.port),)
                await (await other.dial(Address("127.0.0.1", cell.port))).aclose()
