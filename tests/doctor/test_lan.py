"""The doctor's conclusions from what it hears and whom it reaches; on 127.0.0.1, with 127.0.0.2 as another machine."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio
from zeroconf import DNSIncoming  # type: ignore[attr-defined]

from cellsync.doctor import Finding, Grade, OtherDevice, Subject, calls, lan, multicast
from cellsync.doctor.calls import CalledDevice, Reach
from cellsync.doctor.lan import Evidence, local_network, routers
from cellsync.doctor.machine import Machine
from cellsync.doctor.multicast import Heard, Known, listen
from cellsync.doctor.subject import Visit
from cellsync.node.interfaces import Choice, Local
from cellsync.node.network import Address, packed
from tests.patience import PATIENCE

LOOPBACK = Local(socket.if_nametoindex("lo" if sys.platform == "linux" else "lo0"), "127.0.0.1", 8)
OWN = frozenset({packed("127.0.0.1")})
KEEPS_APART = (
    "This LAN blocks device-to-device traffic, or the others are off: "
    "in 5 s nobody was heard, and nobody answered who should be here."
)
TYPE = f"_cs-doc-{os.getpid() % 100_000}._tcp.local."

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs 127.0.0.2")


def called(reach: Reach, *links: int) -> CalledDevice:
    return CalledDevice(1, OtherDevice("ben-laptop", False), reach, frozenset(links or {2}))


def heard(**sets: set[int]) -> Heard:
    return Heard(**({"listened": {2}, "asked": {2}, "itself": {2}} | sets))


def verdict(heard: Heard | None, *reaches: CalledDevice) -> Finding:
    [found] = lan._blocked(Evidence(heard, reaches, 5.0))
    return found


@pytest.mark.parametrize(
    ("heard", "called", "grade", "text"),
    [
        (heard(others={2}), [], Grade.GOOD, "Other devices on this network can be heard."),
        (heard(others={2}), [called(Reach.SILENT)], Grade.GOOD, "Other devices on this network can be heard."),
        (heard(), [], Grade.WARNING,
         "No LAN announcements heard in 5 s: this Wi-Fi may block device-to-device traffic."),
        (heard(routers={2}), [], Grade.WARNING,
         "Only the router was heard in 5 s: this Wi-Fi may block device-to-device traffic."),
        (heard(itself=set()), [], Grade.UNKNOWN,
         "No LAN announcements heard in 5 s, but this machine itself may be why."),
        (heard(), [called(Reach.REFUSED)], Grade.GOOD,
         "Other devices on this network can be reached, though none was heard in 5 s."),
        (heard(), [called(Reach.SILENT)], Grade.BAD,
         KEEPS_APART),
        (heard(routers={2}), [called(Reach.DROPPED)], Grade.BAD,
         KEEPS_APART),
        # Containers on a link of this machine's own say nothing about the Wi-Fi.
        (heard(listened={2, 3}, others={3}), [called(Reach.SILENT, 2)], Grade.BAD,
         KEEPS_APART),
        (None, [], Grade.UNKNOWN, "Did not listen for other devices: LAN discovery is off here."),
        (None, [called(Reach.SILENT)], Grade.UNKNOWN, "Did not listen for other devices: LAN discovery is off here."),
        (None, [called(Reach.ANSWERED)], Grade.GOOD, "Other devices on this network can be reached."),
    ],
)  # fmt: skip
def test_the_verdict_on_a_network(heard: Heard | None, called: Sequence[CalledDevice], grade: Grade, text: str) -> None:
    found = verdict(heard, *called)
    assert (found.check, found.grade, found.text) == ("lan_blocked", grade, text)
    if grade in (Grade.WARNING, Grade.BAD):
        assert "cellsync peers add NAME ADDRESS:PORT" in found.hint
        assert "a phone's hotspot or a cable" in found.hint


@pytest.mark.parametrize(
    ("heard", "grade", "text"),
    [
        (heard(), Grade.GOOD, "No firewall on this machine stops LAN announcements."),
        (heard(itself=set(), others={2}), Grade.GOOD, "No firewall on this machine stops LAN announcements."),
        (heard(itself=set()), Grade.WARNING,
         "A firewall on this machine seems to stop LAN announcements (UDP port 5353)."),
        (Heard(errors={errno.EADDRINUSE}), Grade.WARNING,
         "Another program keeps the port of LAN announcements (UDP 5353) to itself."),
        (Heard(listened={2}, errors={errno.EPERM}), Grade.WARNING,
         "This machine cannot send LAN announcements (EPERM)."),
    ],
)  # fmt: skip
def test_what_this_machine_does_to_announcements(heard: Heard, grade: Grade, text: str) -> None:
    for system, word in (("linux", "sudo "), ("darwin", "")):
        [found] = lan._multicast(Evidence(heard, (), 5.0), system)
        assert (found.check, found.grade, found.text) == ("multicast", grade, text)
        assert (grade is Grade.WARNING) == bool(found.hint)
        assert not found.hint or word in found.hint
    assert lan._multicast(Evidence(None, (), 5.0), "linux") == []


@pytest.mark.parametrize(
    ("reach", "text"),
    [
        (Reach.ANSWERED, "can be reached, but is not connected."),
        (Reach.REFUSED, "is there, but cellsync does not run there or is locked."),
        (Reach.DROPPED, "is there, but its firewall or this network drops what we send."),
        (Reach.SILENT, "does not answer: it is off, elsewhere, or kept apart by this network."),
    ],
)
def test_a_device_that_is_not_connected(reach: Reach, text: str) -> None:
    evidence = Evidence(None, [called(reach)], 5.0)
    [redacted] = lan._devices(evidence, redact=True)
    [named] = lan._devices(evidence, redact=False)
    assert redacted[:3] == ("device", Grade.WARNING, f"Known device 1 {text}")
    assert named.text == f"ben-laptop {text}"
    assert "ben" not in str(redacted)
    assert redacted.hint == named.hint != ""


def test_routers_as_the_kernel_lists_them(tmp_path: Path) -> None:
    folder = tmp_path / "proc/net"
    folder.mkdir(parents=True)
    machine = Machine(tmp_path)
    assert routers(machine) == frozenset()

    first = int.from_bytes(packed("10.9.0.1"), sys.byteorder)
    (folder / "route").write_text(
        f"Iface\tDestination\tGateway \tFlags\nwlan0\t00000000\t{first:08X}\t0003\nwlan0\t0009000A\t00000000\t0001\n"
    )
    beyond = f"{packed('fe80::1').hex()} 00000400 00000001 00000000 00000003 wlan0\n"
    direct = f"{bytes(16).hex()} 00000100 00000001 00000000 00000001 wlan0\n"
    (folder / "ipv6_route").write_text(f"{'0' * 32} 00 {'0' * 32} 00 {beyond}{'fe8':0<32} 40 {'0' * 32} 00 {direct}")
    assert routers(machine) == {packed("10.9.0.1"), packed("fe80::1")}


def visit(*others: OtherDevice, mode: str = "off", here: tuple[Local, ...] = (LOOPBACK,)) -> Visit:
    def present(_: Choice) -> tuple[Local, ...]:
        return here

    subject = Subject(Path("/no"), Path("/no/vault"), mode="off" if mode == "off" else "listen", others=others)
    return Visit(subject, Machine(Path("/no"), present=present, own=lambda: OWN), seconds=0.2)


def port_of(sock: socket.socket) -> int:
    port: int = sock.getsockname()[1]
    return port


@only_linux
async def test_calls_to_devices_that_are_there_or_are_not() -> None:
    with socket.create_server(("127.0.0.2", 0)) as server, socket.socket() as bound:
        bound.bind(("127.0.0.2", 0))  # and does not listen
        open_one, closed = Address("127.0.0.2", port_of(server)), Address("127.0.0.2", port_of(bound))
        others = [
            OtherDevice("listens", False, [open_one]),
            OtherDevice("does not", False, [closed]),
            OtherDevice("one of two", False, [closed, open_one]),
            OtherDevice("connected", True, [open_one]),
            OtherDevice("elsewhere", False, [Address("192.0.2.1", 1), Address("2001:db8::1", 1)]),
            OtherDevice("with our address", False, [Address("127.0.0.1", port_of(server))]),
            OtherDevice("without address", False),
        ]
        found = await calls.call(visit(*others), [LOOPBACK], OWN)
    assert [(one.device.label, one.reach) for one in found] == [
        ("listens", Reach.ANSWERED), ("does not", Reach.REFUSED), ("one of two", Reach.ANSWERED),
    ]  # fmt: skip


@only_linux
async def test_calls_come_from_an_address_that_may_be_used() -> None:
    with socket.create_server(("127.0.0.2", 0)) as server:
        server.setblocking(False)
        subject = Subject(Path("/no"), Path("/no"), None, ["127.0.0.3"], "off")
        other = OtherDevice("ben", False, [Address("127.0.0.2", port_of(server))])
        asked = visit()._replace(subject=subject._replace(others=[other]))
        [found] = await calls.call(asked, [LOOPBACK._replace(host="127.0.0.3")], OWN)
        assert found.reach is Reach.ANSWERED
        stream, (host, _) = server.accept()
        stream.close()
        assert host == "127.0.0.3"


@pytest.mark.parametrize(
    ("error", "is_neighbour", "reach"),
    [
        (errno.ETIMEDOUT, True, Reach.DROPPED),
        (errno.ETIMEDOUT, False, Reach.SILENT),
        (errno.EHOSTUNREACH, False, Reach.SILENT),
        (errno.ENETUNREACH, False, None),  # it is this machine that did not call
    ],
)
async def test_calls_that_nobody_takes(
    error: int, is_neighbour: bool, reach: Reach | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connect(address: Address, source: str | None) -> int:
        return error

    monkeypatch.setattr(calls, "_connect", connect)
    asked = visit(OtherDevice("ben", False, [Address("127.0.0.2", 9)]))
    there = frozenset({packed("127.0.0.2")} if is_neighbour else ())
    found = await calls.call(asked._replace(machine=asked.machine._replace(neighbours=lambda: there)), [LOOPBACK], OWN)
    assert [one.reach for one in found] == ([] if reach is None else [reach])


async def test_a_link_local_address_is_called_on_its_own_link_only() -> None:
    here = [Local(98, "fe80::1%98", 64), Local(99, "fe80::1%99", 64)]
    [(_, local)] = calls._ways(OtherDevice("ben", False, [Address("fe80::2%99", 1)]), here, OWN)
    assert local.link == 99
    assert calls._ways(OtherDevice("ben", False, [Address("fe80::2%97", 1)]), here, OWN) == []


def speaker(host: str) -> socket.socket:
    """Somebody else on the loopback link."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, packed("127.0.0.1"))
    return sock


async def speak(message: bytes, host: str = "127.0.0.2", after: float = 0.0) -> None:
    with speaker(host) as sock:
        await trio.sleep(after)
        while True:
            sock.sendto(message, ("224.0.0.251", 5353))
            await trio.sleep(0.02)


@only_linux
async def test_who_speaks_is_told_from_ourselves_and_from_the_router() -> None:
    alone, router = Known(OWN, frozenset()), Known(OWN, frozenset({packed("127.0.0.2")}))
    link = {LOOPBACK.link}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(speak, bytes(12))
        with trio.fail_after(PATIENCE):  # it ends when it has heard enough
            found = await listen([LOOPBACK], alone, TYPE, 60)
        assert (found.asked, found.itself, found.others, found.routers) == (link, link, link, set())
        found = await listen([LOOPBACK], router, TYPE, 0.2)
        assert (found.others, found.routers) == (set(), link)
        nursery.start_soon(speak, bytes(12), "127.0.0.4", 0.3)
        with trio.fail_after(PATIENCE):  # the router alone was not enough to end
            found = await listen([LOOPBACK], router, TYPE, 60)
        assert (found.others, found.routers) == (link, link)
        nursery.cancel_scope.cancel()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(speak, b"no message")
        found = await listen([LOOPBACK], alone, TYPE, 0.2)
        assert (found.itself, found.others) == (link, set())
        nursery.cancel_scope.cancel()


async def test_a_port_that_another_program_keeps_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multicast, "PORT", 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as greedy:
        greedy.bind(("", 0))
        monkeypatch.setattr(multicast, "PORT", port_of(greedy))
        found = await listen([LOOPBACK], Known(OWN, frozenset()), TYPE, 60)
    assert (found.listened, found.errors) == (set(), {errno.EADDRINUSE})


def test_the_question() -> None:
    message = DNSIncoming(multicast._question(multicast.ALL_SERVICES, TYPE))
    assert message.valid
    assert message.is_query()
    assert [question.name for question in message.questions] == ["_services._dns-sd._udp.local.", TYPE]
    assert not any(question.unique for question in message.questions)  # the answers go to all: that is what is tested


async def test_without_a_network_nobody_listens() -> None:
    assert await local_network(visit(mode="listen", here=())) == [
        Finding("lan_blocked", Grade.UNKNOWN, "There is no network to listen on.")
    ]


@only_linux
async def test_in_mode_off_nothing_is_asked_and_devices_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forbidden(*_: object) -> Heard:
        raise AssertionError("somebody listened")

    with socket.create_server(("127.0.0.2", 0)) as server:
        other = OtherDevice("ben", False, [Address("127.0.0.2", port_of(server))])
        both = {one.check: one for one in await local_network(visit(other, mode="listen"))}
        assert both.keys() == {"multicast", "lan_blocked", "device"}
        monkeypatch.setattr(multicast, "listen", forbidden)
        quiet = {one.check: one for one in await local_network(visit(other))}
    assert quiet.keys() == {"lan_blocked", "device"}
    assert quiet["device"].text == "Known device 1 can be reached, but is not connected."
