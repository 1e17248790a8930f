"""Two devices in network namespaces joined by a cable, with real multicast DNS, and an observer that records it all."""

from __future__ import annotations

import getpass
import json
import os
import random
import shutil
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from typing import Final

import pytest
from zeroconf import DNSIncoming, DNSOutgoing, DNSText  # type: ignore[attr-defined]

from tests.end_to_end.scripts import Process

WINDOW: Final = 8  # bytes; a value this long that stays the same tells a device from others
ROTATIONS: Final = 4

Packets = list[tuple[str, bytes]]  # source MAC in hex, DNS message


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Cable:
    """Two namespaces and a cable between them."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        mark = f"{os.getpid() % 100_000}"
        self.spaces = (f"cs{mark}a", f"cs{mark}b")
        self.plugs = (f"v{mark}a", f"v{mark}b")

    def lay(self, ipv4: bool) -> None:
        for space in self.spaces:
            run("ip", "netns", "add", space)
            self._stack.callback(run, "ip", "netns", "delete", space)  # the cable goes with it
        run("ip", "link", "add", self.plugs[0], "netns", self.spaces[0], "type", "veth",
            "peer", "name", self.plugs[1], "netns", self.spaces[1])  # fmt: skip
        for number in (0, 1):
            self.ip(number, "link", "set", "lo", "up")
            if ipv4:
                self.ip(number, "addr", "add", f"10.99.0.{number + 1}/24", "dev", self.plugs[number])
            self.plug_in(number)

    def ip(self, number: int, *arguments: str) -> str:
        return run("ip", "-n", self.spaces[number], *arguments)

    def plug_in(self, number: int) -> None:
        self.ip(number, "link", "set", self.plugs[number], "up")

    def pull_out(self, number: int) -> None:
        self.ip(number, "link", "set", self.plugs[number], "down")

    def mac(self, number: int) -> str:
        address: str = json.loads(self.ip(number, "-j", "link", "show", self.plugs[number]))[0]["address"]
        return address.replace(":", "")

    def start(self, number: int, script: str, *arguments: str) -> Process:
        process = Process(("ip", "netns", "exec", self.spaces[number]), script, *arguments)
        self._stack.callback(process.stop)
        return process


@contextmanager
def cable(*, ipv4: bool) -> Iterator[Cable]:
    if shutil.which("ip") is None:
        pytest.fail("this test needs `ip`: apt-get install iproute2")
    if os.geteuid() != 0:
        pytest.fail("this test makes network namespaces and needs root: run it with sudo")
    with ExitStack() as stack:
        laid = Cable(stack)
        laid.lay(ipv4)
        yield laid


@pytest.mark.e2e
@pytest.mark.parametrize("ipv4", [True, False], ids=["ipv4 and ipv6", "ipv6 only"])
def test_two_devices_meet_also_after_the_cable_was_out(ipv4: bool) -> None:
    with cable(ipv4=ipv4) as laid:
        ada, ben = laid.start(0, "lan_host.py", "ada", "30"), laid.start(1, "lan_host.py", "ben", "30")
        for device, other in ((ada, "ben"), (ben, "ada")):
            meeting = device.event("met")
            assert meeting["met"] == other
            if not ipv4:
                assert ip_address(meeting["at"]).version == 6
        laid.pull_out(0)
        ada.event("changed")
        laid.plug_in(0)
        ada.event("changed")
        assert ada.event("met")["met"] == "ben"
        assert ben.event("met")["met"] == "ada"
        assert not any("stranger" in line for line in ada.rest() + ben.rest())


@pytest.mark.e2e
def test_a_device_without_a_network_waits_for_one() -> None:
    with cable(ipv4=True) as laid:
        laid.pull_out(0)
        laid.pull_out(1)
        ada, ben = laid.start(0, "lan_host.py", "ada", "30"), laid.start(1, "lan_host.py", "ben", "30")
        ada.event("ready")
        ben.event("ready")
        laid.plug_in(0)
        laid.plug_in(1)
        assert ada.event("met")["met"] == "ben"


@pytest.mark.e2e
def test_who_records_the_lan_learns_no_name_and_nothing_that_lasts() -> None:
    with cable(ipv4=True) as laid:
        devices = [laid.start(0, "lan_host.py", "ada", "1"), laid.start(1, "lan_host.py", "ben", "1")]
        for device in devices:  # IPv6 comes up after IPv4, and each change of address is a rotation out of turn
            while not any(":" in host for host in device.event("announces")["announces"]):
                pass
        tap = laid.start(1, "lan_capture.py", laid.plugs[1])
        tap.wait_for("ready".__eq__)
        for device in devices:
            for _ in range(ROTATIONS + 2):
                device.event("announces")
        packets = [(mac, bytes.fromhex(content)) for mac, content in (line.split() for line in tap.rest()[1:])]
        macs = [laid.mac(0), laid.mac(1)]

    assert {mac for mac, _ in packets} == set(macs)
    everything = b"".join(content for _, content in packets).lower()
    for name in {socket.gethostname(), getpass.getuser(), "cellsync-", *os.environ.get("USER", "").split()}:
        assert len(name) < 4 or name.lower().encode() not in everything
    for mac, other in (macs, macs[::-1]):
        assert len(epochs_of(packets, mac)) >= ROTATIONS
        assert lasting(packets, mac, other) == set()
    # The beacon always has the same size.
    sizes = {len(value) for _, content in packets for value in values(content) if value.startswith(b"\xd2t=")}
    assert sizes == {1 + 2 + 208}


def epochs_of(packets: Packets, mac: str) -> list[list[bytes]]:
    """The messages of one device, parted where it first shows a new instance name."""
    epochs: list[list[bytes]] = [[]]
    seen = set[str]()
    for source, content in packets:
        if source != mac:
            continue
        message = DNSIncoming(content)
        names = {record.name for record in message.answers() if record.type == 16 and record.ttl}
        if not message.is_query() and names - seen:
            seen |= names
            epochs.append([])
        epochs[-1].append(content)
    return epochs[1:]


def lasting(packets: Packets, mac: str, other: str) -> set[bytes]:
    """Every 8 bytes that come again after two rotations of one device and never come from the other.

    After one rotation the old name may come once more: it says goodbye.
    """
    common = windows(content for source, content in packets if source == other)
    epochs = [windows(epoch) for epoch in epochs_of(packets, mac)]
    return {
        window
        for place, epoch in enumerate(epochs)
        for later in epochs[place + 2 :]
        for window in (epoch & later) - common
    }


def windows(messages: Iterable[bytes]) -> set[bytes]:
    return {
        value[at : at + WINDOW]
        for message in messages
        for value in values(message)
        for at in range(len(value) - WINDOW + 1)
    }


def values(content: bytes) -> list[bytes]:
    """What a message says: names label by label, and texts. Addresses and port any LAN shows; the rest is form."""
    message = DNSIncoming(content)
    assert message.valid
    records = message.answers()
    names = [entry.name for entry in [*message.questions, *records]]
    for attribute in ("alias", "server", "next_name"):
        names += [getattr(record, attribute) for record in records if hasattr(record, attribute)]
    texts = [record.text for record in records if isinstance(record, DNSText)]
    return [label.encode() for name in names for label in name.split(".")] + texts


def test_the_recorder_would_notice_a_value_that_lasts() -> None:
    dice = random.Random(8)

    def message(name: str, text: bytes) -> bytes:
        out = DNSOutgoing(0x8400)
        out.add_answer_at_time(DNSText(f"{name}._x._tcp.local.", 16, 1, 600, text), 0)
        return bytes(out.packets()[0])

    def recording(leak: bytes) -> Packets:
        return [
            (mac, message(dice.randbytes(8).hex(), dice.randbytes(40) + (leak if mac == "a" else dice.randbytes(8))))
            for _ in range(4)
            for mac in ("a", "b")
        ]

    assert lasting(recording(b"laptop-7"), "a", "b") == {b"laptop-7"}
    assert lasting(recording(b""), "a", "b") == set()
