"""Recognition: describing the network of a link uniquely (protocol/60-lan.md, Sites and ports)."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from itertools import groupby
from typing import Final, NamedTuple

from cellsync import system
from cellsync.node.interfaces import Local
from cellsync.node.network import packed
from cellsync.system.port import NO_TABLES, Interface, Tables

BY_GATEWAY, BY_ADDRESSES = b"\1", b"\2"
WAIT: Final = 2.0  # seconds for a gateway to answer, and for a new link to get all of its addresses
ASK_EVERY: Final = 0.5
DISCARD: Final = 9  # port (RFC 863): everything sent there is thrown away

Ask = Callable[[int, bytes], None]


class _State(NamedTuple):
    """The state for which a description was made: while it stays the same, so does the description."""

    ipv4: tuple[bytes, ...]
    gateways: tuple[bytes, ...]
    carrier_changes: int


class _Description(NamedTuple):
    state: _State
    text: bytes
    gateway: bytes  # the one by which it was recognised; nothing if there was none
    hardware: bytes


class Recogniser:
    """Describes the networks of this device's links, and keeps each description while nothing changes there."""

    def __init__(self, ask: Ask | None = None) -> None:
        self._ask = ask or ask_gateway
        self._described: dict[int, _Description] = {}
        self._waiting: dict[int, tuple[_State, float]] = {}  # since when
        self._asked: dict[int, float] = {}
        self._first = True

    def describe(self, here: Sequence[Local], tables: Tables, now: float) -> dict[int, bytes | None]:
        """A description of the network of each link in `here`; None while that has to wait for a moment."""
        found: dict[int, bytes | None] = {}
        if tables == NO_TABLES:
            return {local.link: b"" for local in here}
        for link, group in groupby(here, lambda local: local.link):
            found[link] = self._one(link, tuple(group), tables, now)
        for memory in (self._described, self._waiting, self._asked):
            for link in memory.keys() - found.keys():
                memory.pop(link, None)
        self._first = False
        return found

    def _one(self, link: int, addresses: tuple[Local, ...], tables: Tables, now: float) -> bytes | None:
        gateways = tuple(gateway.address for gateway in tables.gateways.get(link, ()))
        hardware = {
            address: found.hardware
            for address in gateways
            if (found := tables.neighbours.get((link, address))) is not None and found.hardware
        }
        device = tables.links.get(link, Interface(b"", 0))
        ipv4 = tuple(packed(local.host) for local in addresses if ":" not in local.host)
        state = _State(ipv4, gateways, device.carrier_changes)

        before = self._described.get(link)
        if before is not None and before.state == state:
            by = before.gateway or next(iter(hardware), b"")
            if before.gateway and hardware.get(by, before.hardware) == before.hardware:
                return before.text  # a silent gateway is still the same one
            if not by:
                return before.text
            return self._keep(link, state, by, hardware[by])

        if not gateways or gateways[0] not in hardware:
            began = self._waiting.get(link)
            if began is None or began[0] != state:
                # Links present at the start have all their addresses; only a gateway may need a moment.
                began = self._waiting[link] = state, now if gateways or not self._first else now - WAIT
            if now - began[1] < WAIT:
                if gateways and now - self._asked.get(link, -ASK_EVERY) >= ASK_EVERY:
                    self._asked[link] = now
                    self._ask(link, gateways[0])
                return None
        self._waiting.pop(link, None)
        for address in gateways:
            if address in hardware:
                return self._keep(link, state, address, hardware[address])
        text = BY_ADDRESSES + _sized(device.hardware) + _of_addresses(addresses)
        self._described[link] = _Description(state, text, b"", b"")
        return text

    def _keep(self, link: int, state: _State, gateway: bytes, hardware: bytes) -> bytes:
        text = BY_GATEWAY + _sized(gateway) + hardware
        self._described[link] = _Description(state, text, gateway, hardware)
        return text


def _of_addresses(addresses: Sequence[Local]) -> bytes:
    ipv4 = [local for local in addresses if ":" not in local.host]
    of_the_link = [local for local in addresses if ip_address(packed(local.host)).is_link_local]
    rows = {bytes([local.prefix]) + _sized(packed(local.host)) for local in ipv4 or of_the_link or addresses}
    return b"".join(sorted(rows))


def _sized(data: bytes) -> bytes:
    return bytes([len(data)]) + data


def ask_gateway(link: int, address: bytes) -> None:
    """Make the system resolve the hardware address of a gateway, by sending an empty datagram."""
    family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
    where = (str(ip_address(address)), DISCARD, *((0, link) if family == socket.AF_INET6 else ()))
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        system.sockets.bind_to_link(sock, link)
        sock.sendto(b"", where)
