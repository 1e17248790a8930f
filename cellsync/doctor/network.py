"""Network: whether this device is on one, and whether a VPN covers it."""

from __future__ import annotations

import re
from typing import Final

from cellsync.doctor.finding import Finding, bad, good, warning
from cellsync.doctor.subject import Visit

NETWORK: Final = "network"
VPN: Final = "vpn"
TUNNEL: Final = re.compile(r"(tun|tap|wg|utun|ipsec|nordlynx|proton|mullvad|cscotun|tailscale|zt)[^ ]*")
CONNECT: Final = "Join a Wi-Fi, plug in a cable, or use a phone's hotspot."
CHOOSE: Final = "cellsync daemon run --interface ADDRESS, with an address that this device has now"


def network(visit: Visit) -> list[Finding]:
    choice = visit.subject.interfaces
    hosts = [local.host for local in visit.machine.present(choice)]
    if hosts:
        return [good(NETWORK, "This device is on a network" + _named(visit, hosts) + ".")]
    elsewhere = [] if choice == "all" else [local.host for local in visit.machine.present("all")]
    if elsewhere:
        return [
            bad(NETWORK, "The addresses that cellsync may use are not on this device now.",
                CHOOSE + _named(visit, elsewhere) + ".")
        ]  # fmt: skip
    return [bad(NETWORK, "There is no network.", CONNECT)]


def vpn(visit: Visit) -> list[Finding]:
    if any(TUNNEL.fullmatch(name) for name in visit.machine.ways_out()):
        text = "A VPN carries this machine's traffic: it may hide the devices next to you."
        return [warning(VPN, text, "Allow access to the local network in the VPN's settings; it can stay on.")]
    return [good(VPN, "No VPN hides the devices next to you.")]


def _named(visit: Visit, hosts: list[str]) -> str:
    return "" if visit.redact else f": {', '.join(hosts)}"
