"""LAN: whether this network lets the devices on it reach each other. Guest Wi-Fi often does not, and does not say so.

Two kinds of evidence: other hosts can be heard, and devices that should be here can be called. The router alone proves
nothing: a network that isolates its clients still lets each of them talk to the router.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

import trio

from cellsync.doctor import calls, multicast
from cellsync.doctor.calls import CalledDevice, Reach
from cellsync.doctor.finding import Finding, bad, good, unknown, warning
from cellsync.doctor.machine import Machine
from cellsync.doctor.multicast import Heard, Known
from cellsync.doctor.subject import Visit

BLOCKED: Final = "lan_blocked"
MULTICAST: Final = "multicast"
DEVICE: Final = "device"

ADD: Final = "cellsync peers add NAME ADDRESS:PORT"
AROUND: Final = "use a phone's hotspot or a cable"
WITHOUT_ANNOUNCEMENTS: Final = (
    f"cellsync sync on another device here at the same time. If that does not help: {ADD}, or {AROUND}."
)
FIREWALL: Final = "sudo ufw allow 5353/udp, or with firewalld: sudo firewall-cmd --add-service=mdns"
FIREWALL_OF_MACOS: Final = (
    "Allow the terminal in System Settings > Privacy & Security > Local Network, and look at Network > Firewall."
)


class Evidence(NamedTuple):
    """The evidence about the links that this device is on."""

    heard: Heard | None  # None: did not listen
    called: Sequence[CalledDevice]
    seconds: float

    @property
    def reached(self) -> bool:
        return any(call.reach <= Reach.REFUSED for call in self.called)

    @property
    def silent(self) -> set[int]:
        """Links with devices that should answer and do not."""
        return {link for call in self.called if call.reach > Reach.REFUSED for link in call.links}


async def local_network(visit: Visit) -> list[Finding]:
    """Listen and call at the same time."""
    machine, subject = visit.machine, visit.subject
    here, known = machine.present(subject.interfaces), Known(machine.own(), routers(machine))
    if not here:
        return [unknown(BLOCKED, "There is no network to listen on.")]
    heard: Heard | None = None
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def listen() -> None:
            nonlocal heard
            if subject.mode != "off":
                heard = await multicast.listen(here, known, subject.service_type, visit.seconds)

        called = await calls.call(visit, here, known.own)
    evidence = Evidence(heard, called, visit.seconds)
    return [*_multicast(evidence, machine.system), *_blocked(evidence), *_devices(evidence, visit.redact)]


def _multicast(evidence: Evidence, system: str) -> list[Finding]:
    """The effect of this machine itself on announcements."""
    heard = evidence.heard
    if heard is None:
        return []
    hint = FIREWALL_OF_MACOS if system == "darwin" else FIREWALL
    if heard.itself or heard.others or heard.routers:
        return [good(MULTICAST, "No firewall on this machine stops LAN announcements.")]
    if heard.asked:
        return [warning(MULTICAST, "A firewall on this machine seems to stop LAN announcements (UDP port 5353).", hint)]
    errors = ", ".join(sorted(map(multicast.name_of, heard.errors)))
    if "EADDRINUSE" in errors:
        text = "Another program keeps the port of LAN announcements (UDP 5353) to itself."
        return [warning(MULTICAST, text, "End it; this shows which it is: sudo lsof -i UDP:5353")]
    return [warning(MULTICAST, f"This machine cannot send LAN announcements ({errors}).", hint)]


def _blocked(evidence: Evidence) -> list[Finding]:
    """The verdict on the network."""
    heard, within = evidence.heard, f"in {evidence.seconds:g} s"
    if heard is None:
        if evidence.reached:
            return [good(BLOCKED, "Other devices on this network can be reached.")]
        return [unknown(BLOCKED, "Did not listen for other devices: LAN discovery is off here.")]
    if evidence.silent - heard.others and heard.itself and not evidence.reached:
        text = (
            "This LAN blocks device-to-device traffic, or the others are off: "
            f"{within} nobody was heard, and nobody answered who should be here."
        )
        return [bad(BLOCKED, text, f"If the others are on: {AROUND}; at a new address: {ADD}.")]
    if heard.others:
        return [good(BLOCKED, "Other devices on this network can be heard.")]
    if evidence.reached:
        return [good(BLOCKED, f"Other devices on this network can be reached, though none was heard {within}.")]
    if heard.routers:
        text = f"Only the router was heard {within}: this Wi-Fi may block device-to-device traffic."
        return [warning(BLOCKED, text, WITHOUT_ANNOUNCEMENTS)]
    if not heard.itself:
        text = f"No LAN announcements heard {within}, but this machine itself may be why."
        return [unknown(BLOCKED, text)]
    text = f"No LAN announcements heard {within}: this Wi-Fi may block device-to-device traffic."
    return [warning(BLOCKED, text, WITHOUT_ANNOUNCEMENTS)]


def _devices(evidence: Evidence, redact: bool) -> list[Finding]:
    return [
        _device(call.reach, f"Known device {call.number}" if redact else call.device.label) for call in evidence.called
    ]


def _device(reach: Reach, who: str) -> Finding:
    match reach:
        case Reach.ANSWERED:
            return warning(DEVICE, f"{who} can be reached, but is not connected.", "cellsync sync --wait")
        case Reach.REFUSED:
            text = f"{who} is there, but cellsync does not run there or is locked."
            hint = f"There: cellsync unlock. If it is unlocked, its port is a new one: {ADD}"
            return warning(DEVICE, text, hint)
        case Reach.DROPPED:
            text = f"{who} is there, but its firewall or this network drops what we send."
            return warning(DEVICE, text, f"Let cellsync through the firewall there, or {AROUND}.")
        case Reach.SILENT:
            text = f"{who} does not answer: it is off, elsewhere, or kept apart by this network."
            return warning(DEVICE, text, f"If it is on and here: {AROUND}; at a new address: {ADD}.")


def routers(machine: Machine) -> frozenset[bytes]:
    """The addresses of routers, as far as the system lists them."""
    found = set()
    for line in machine.read("proc/net/route").splitlines()[1:]:
        gateway = int(line.split()[2], 16)
        if gateway:
            found.add(struct.pack("=I", gateway))
    for line in machine.read("proc/net/ipv6_route").splitlines():
        gateway6 = bytes.fromhex(line.split()[4])
        if any(gateway6):
            found.add(gateway6)
    return frozenset(found)
