"""Two daemons in mode asked on networks with routers: they lock, start again, move, and find each other unannounced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from zeroconf import DNSIncoming  # type: ignore[attr-defined]

from tests.end_to_end.idleness import Idleness
from tests.end_to_end.namespaces import Town, run, town
from tests.end_to_end.programs import Program, pair, programs
from tests.end_to_end.scripts import Process
from tests.patience import wait_until

pytestmark = pytest.mark.e2e

ASKED: Final = ("--lan", "asked")
WINDOW: Final = 8  # bytes
SOON: Final = 5.0  # seconds
GATEWAYS: Final = {"home": "10.77.0.1", "office": "10.88.0.1"}
HOSTS: Final = {"ana": 11, "ben": 12}


class Networks:
    """Two networks, two laptops."""

    def __init__(self, made: Town, stack: ExitStack) -> None:
        self._town, self._stack = made, stack
        self.inside = made.inside
        for network, gateway in GATEWAYS.items():
            made.network(network)
            made.router(network, f"{gateway}/24")
        for name in HOSTS:
            made.space(name)
            made.cable(name)

    def move(self, name: str, network: str, hardware: str) -> None:
        """Into a network, with another hardware address there, as phones and laptops do it."""
        self._town.pull_out(name)
        run(*self.inside(name), "ip", "link", "set", "cable", "address", hardware)
        gateway = GATEWAYS[network]
        self._town.plug_in(name, network, f"{gateway[:-1]}{HOSTS[name]}/24", gateway=gateway)

    def pull_out(self, name: str) -> None:
        self._town.pull_out(name)

    def listen(self, name: str, script: str) -> Process:
        tap = Process(self.inside(name), script, "cable")
        self._stack.callback(tap.stop)
        tap.wait_for("ready".__eq__)
        return tap


@pytest.fixture
def networks() -> Iterator[Networks]:
    with town() as made, ExitStack() as stack:
        yield Networks(made, stack)


@pytest.fixture
def laptops(networks: Networks, tmp_path: Path) -> Iterator[list[Program]]:
    """At home, paired, and in step."""
    for number, name in enumerate(HOSTS):
        networks.move(name, "home", f"02:00:00:00:01:{number:02x}")
    with programs(tmp_path, "ana", "ben", inside=networks.inside) as [ana, ben]:
        ana.init(*ASKED)
        ana.start()
        pair(ana, ben, network=ASKED)
        ben.start()
        wait_until(lambda: are_connected(ana, ben), "they meet")
        yield [ana, ben]


def are_connected(*devices: Program) -> bool:
    return all(one.call("peers")["peers"][0]["connected"] for one in devices)


def meet_again(*devices: Program) -> None:
    """Within five seconds, not counting those in which the machine had no time for them."""
    idle = Idleness([one.pid for one in devices])

    def met() -> bool:
        idle.look()
        return are_connected(*devices)

    wait_until(met, "they are connected again")
    assert idle.seconds <= SOON


def announcements(tap: Process) -> list[bytes]:
    """What was told over multicast DNS; questions are allowed."""
    told = [bytes.fromhex(line.split()[1]) for line in tap.rest()[1:]]
    return [content for content in told if not DNSIncoming(content).is_query()]


def test_they_lock_and_start_again_in_any_order(networks: Networks, laptops: list[Program]) -> None:
    ana, ben = laptops
    for one in laptops:  # so that the goodbyes of what the pairing showed are over
        one.run("daemon", "stop")
        one.ended()
    tap = networks.listen("ben", "lan_capture.py")
    for one in laptops:
        one.start()
    ports = [one.call("peers")["port"] for one in laptops]
    for first, second in ((ana, ben), (ben, ana)):
        for one in (first, second):
            assert one.run("lock").exit == 0
        for one in (first, second):
            wait_until(lambda one=one: one.state == "locked", "it is locked")  # type: ignore[misc]
            one.unlock()
        meet_again(ana, ben)
        for one in (first, second):
            one.run("daemon", "stop")
            one.ended()
        for one in (second, first):
            one.start()
        meet_again(ana, ben)
        second.stop()  # killed
        second.start()
        meet_again(ana, ben)
    assert [one.call("peers")["port"] for one in laptops] == ports
    assert announcements(tap) == []


def test_nothing_of_one_network_is_seen_on_another(networks: Networks, laptops: list[Program]) -> None:
    ana, ben = laptops
    frames: dict[str, list[bytes]] = {}
    ports: dict[str, int] = {}
    for number, network in enumerate(("home", "office", "home"), 1):
        if number > 1:
            for place, name in enumerate(HOSTS):
                networks.move(name, network, f"02:00:00:00:{number:02x}:{place:02x}")
        tap = networks.listen("ben", "lan_frames.py")
        expected = {ports[network]} if network in ports else set(range(1 << 16)) - {0, *ports.values()}
        wait_until(lambda expected=expected: ana.call("peers")["port"] in expected, "it moves")  # type: ignore[misc]
        assert ana.run("sync", "--timeout", "20").exit == 0
        port = ana.call("peers")["port"]
        assert ports.setdefault(network, port) == port
        one, other = (ana, ben) if number % 2 else (ben, ana)
        for each in (one, other):  # so that each calls the other at the port that is kept
            assert each.run("lock").exit == 0
            wait_until(lambda each=each: each.state == "locked", "it is locked")  # type: ignore[misc]
            each.unlock()
            wait_until(lambda: are_connected(ana, ben), "they are connected again")
        frames.setdefault(network, []).extend(bytes.fromhex(line) for line in tap.rest()[1:])
        tap.stop()
    assert ports["home"] != ports["office"]
    own = {name: [frame for frame in frames[name] if frame[6:8] == b"\x02\x00"] for name in frames}
    assert all(len(each) > 50 for each in own.values())
    calls = {name: {port for frame in each for port in called(frame)} for name, each in own.items()}
    for network, elsewhere in (("home", "office"), ("office", "home")):
        assert ports[network] in calls[network]  # the recorder would see it
        assert ports[elsewhere] not in calls[network]
    assert not calls["home"] & calls["office"]
    payloads = {name: {window for frame in each for window in windows(payload(frame))} for name, each in own.items()}
    assert payloads["home"]
    assert not payloads["home"] & payloads["office"]


def called(frame: bytes) -> list[int]:
    """The TCP port that is opened by this frame, if it is a call."""
    if frame[12:14] == b"\x08\x00" and frame[23] == 6:
        tcp = frame[14 + (frame[14] & 15) * 4 :]
    elif frame[12:14] == b"\x86\xdd" and frame[20] == 6:
        tcp = frame[54:]
    else:
        return []
    is_call = tcp[13] & 0x12 == 0x02
    return [int.from_bytes(tcp[2:4], "big")] if is_call else []


def payload(frame: bytes) -> bytes:
    """What a TCP segment carries."""
    if frame[12:14] == b"\x08\x00" and frame[23] == 6:
        tcp = frame[14 + (frame[14] & 15) * 4 : 14 + int.from_bytes(frame[16:18], "big")]
    elif frame[12:14] == b"\x86\xdd" and frame[20] == 6:
        tcp = frame[54:]
    else:
        return b""
    return tcp[(tcp[12] >> 4) * 4 :]


def windows(content: bytes) -> set[bytes]:
    return {bytes(window) for window in (content[at : at + WINDOW] for at in range(len(content) - WINDOW + 1))}


def test_the_recorder_sees_a_value_that_lasts() -> None:
    a, b = b"12345678" + bytes(range(40)), bytes(range(100, 140)) + b"12345678"
    assert windows(a) & windows(b) == {b"12345678"}
    assert not any(windows(one) & windows(other) for one, other in pairwise([bytes(range(20)), bytes(range(20, 60))]))
