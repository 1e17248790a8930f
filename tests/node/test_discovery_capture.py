"""Three days of two networks, as somebody records them: five devices rotate, one of them is on both, some come and go.

Outside the service type, the constants of DNS and the addresses of interfaces, no value that was seen with one record
is seen with another. The exception that 60-lan states is the port: for 30 days one device has the same at one site, and
that one there only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from typing import Final, NamedTuple

import pytest
import trio

from cellsync.core import beacon
from cellsync.core.crypto import ratchet
from cellsync.core.ids import CircleId, DeviceId, EpochId, EpochSecret, Millis, day_of
from cellsync.core.membership.epochs import Epochs
from cellsync.core.membership.settings import Setting
from cellsync.ledger.surroundings import Surroundings
from cellsync.node import discovery
from cellsync.node.beacons import Beacons
from cellsync.node.circles import Circles
from cellsync.node.discovery import ROTATE_SECONDS, Discovery
from cellsync.node.interfaces import Local
from cellsync.node.lan import SERVICE_TYPE
from cellsync.node.network import Address, MakeBlob, packed
from cellsync.node.sites import Sites
from cellsync.testing import simulate
from cellsync.testing.home import START
from tests.node.dns import PTR, SRV, TXT, Name, Record, read
from tests.node.mdns import CapturedLink, Lan, Responder, Wires

HOUR: Final = 3_600.0
SHORT: Final = 3 * HOUR
LONG: Final = 72 * HOUR
SPARE: Final = 2.0  # s, in which the next one is shown and this one says goodbye
WINDOW: Final = 8  # bytes: shorter values meet by chance
NEIGHBOUR: Final = "neighbour"
TYPE: Final = tuple(SERVICE_TYPE.rstrip(".").split("."))
NAMES: Final = ("ana", "ben", "cara", "dora", "eva")
PAIRS: Final = {
    ("ana", "home"),
    ("ben", "home"),
    ("eva", "home"),
    ("cara", "office"),
    ("dora", "office"),
    ("eva", "office"),
}
ALWAYS: Final = {("ana", "home"), ("cara", "office"), ("dora", "office"), ("eva", "office")}  # never gone
RECORDS: Final = 5  # of an announcement, an answer, a goodbye
CIRCLE: Final = CircleId(b"c" * 32)
Pair = tuple[str, str]  # a device and a LAN


# --- the devices ---------------------------------------------------------------------------------------------


class Circle:
    """What a beacon takes of a circle, in virtual time."""

    def __init__(self, name: str) -> None:
        self.id = CIRCLE
        self.device = self.named(name)
        self.surroundings = Surroundings(now, Random(name).randbytes, threads=False)
        self.epochs = Epochs(CIRCLE)
        self.epochs.add(EpochId(b"e" * 32), ratchet.branches(EpochSecret(b"r" * 32), day_of(now())))

    @staticmethod
    def named(name: str) -> DeviceId:
        return DeviceId(name.encode().ljust(32, b"."))

    def shift(self) -> int | None:
        return None

    def choice(self, setting: Setting) -> int | None:
        return None


def now() -> Millis:
    return Millis(START + int(trio.current_time() * 1000))


class SitePorts:
    """The ports of one device, as its sites keep them."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        self.sites = Sites(None, None, now, Random(f"sites of {wires.device}").randbytes)

    async def port_on(self, link: int) -> int:
        return await self.sites.port(self.sites.site(self._wires.lans[link].name.encode()))

    async def port_other_than(self, link: int, port: int) -> None:
        while await self.port_on(link) == port:  # noqa: ASYNC110 (sites tell nobody)
            await trio.sleep(HOUR)


Make = Callable[[MakeBlob], MakeBlob]


async def live(wires: Wires, make: Make, nursery: trio.Nursery) -> None:
    """One device: it shows its beacon wherever it is, and looks for others."""
    found, ports = Discovery(wires, SERVICE_TYPE), SitePorts(wires)  # type: ignore[arg-type]
    network = SimpleNamespace(announce=lambda blob: found.announce(ports, make(blob)))
    beacons = Beacons(Circles([Circle(wires.device)]), network)  # type: ignore[list-item]

    async def look() -> None:
        async with found.sightings() as sightings:
            async for _ in sightings:
                pass

    for task in (found.run, beacons.announce, look):
        nursery.start_soon(task)


@contextmanager
def simulated(places: Mapping[tuple[Local, ...], tuple[Lan, str]]) -> Iterator[None]:
    """Within the block, `Discovery` works where these addresses are: on which LAN, and of whom."""
    drawn = Random("names")

    async def opened(addresses: tuple[Local, ...]) -> CapturedLink:
        return CapturedLink(Responder(*places[addresses], addresses[0].host), addresses)

    async def browser(responder: Responder, service_type: str, _: object) -> SimpleNamespace:
        async def cancel() -> None:
            asking.cancel()

        asking = responder.browse(service_type)
        return SimpleNamespace(async_cancel=cancel)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discovery, "_open", opened)
        patch.setattr(discovery, "_register", Responder.show)
        patch.setattr(discovery, "_unregister", Responder.withdraw)
        patch.setattr(discovery, "_browser", browser)
        patch.setattr(discovery, "random", drawn)
        patch.setattr(discovery, "secrets", SimpleNamespace(token_hex=lambda size: drawn.randbytes(size).hex()))
        yield


async def recorded(seconds: float, make: Make = lambda blob: blob) -> list[Lan]:
    """Two LANs, and what was sent there in these seconds."""
    places: dict[tuple[Local, ...], tuple[Lan, str]] = {}
    with simulated(places):
        async with trio.open_nursery() as nursery:
            home, office = lans = [Lan("home", 2, nursery), Lan("office", 3, nursery)]
            where = dict(zip(NAMES, ([home], [home], [office], [office], [home, office]), strict=True))
            devices = {name: Wires(name, number) for number, name in enumerate(where, start=1)}
            places.update({lan.locals(one.number): (lan, one.device) for lan in lans for one in devices.values()})
            for name, wires in devices.items():
                wires.plug(where[name])
                await live(wires, make, nursery)
            for turn in range(int(seconds / HOUR)):
                devices["ben"].plug([] if turn % 3 == 1 else [home])  # comes and goes
                devices["eva"].plug([office] if turn % 5 == 2 else [home, office])  # leaves one of its networks
                neighbour = Responder(home, NEIGHBOUR, "10.9.2.99")  # of another make, who knows nobody yet
                neighbour.ask(SERVICE_TYPE)
                await trio.sleep(HOUR)
                neighbour.leave()
            nursery.cancel_scope.cancel()
    return lans


# --- what is in it ---------------------------------------------------------------------------------------------


class Seen(NamedTuple):
    """One record of the wire, and where it was."""

    at: float
    lan: str
    source: str
    asks: bool  # in a question, as what is known already: its values are somebody else's
    record: Record


@dataclass
class Instance:
    """Everything that was seen with one instance name."""

    owners: set[Pair] = field(default_factory=set)
    lans: set[str] = field(default_factory=set)  # on which anybody has named it
    hosts: set[Name] = field(default_factory=set)
    texts: set[bytes] = field(default_factory=set)
    ports: set[int] = field(default_factory=set)
    times: list[float] = field(default_factory=list)  # when its owner has named it


def everything(lans: Iterable[Lan]) -> Iterator[Seen]:
    for lan in lans:
        for sent in lan.sent:
            message = read(sent.content)
            for record in message.records:
                yield Seen(sent.at, lan.name, sent.source, message.is_question, record)


def by_instance(seen: Iterable[Seen]) -> dict[Name, Instance]:
    found: dict[Name, Instance] = defaultdict(Instance)
    for at, lan, source, asks, record in seen:
        if record.kind == PTR and record.ttl is not None:
            found[record.target].lans.add(lan)
        if record.kind in (SRV, TXT):
            shown = found[record.name]
            assert not asks
            shown.owners.add((source, lan))
            shown.times.append(at)
            shown.texts |= {record.text} - {b""}
            shown.ports |= {record.port} - {0}
            shown.hosts |= {record.target} - {()}
    return found


def recurring(instances: Mapping[Name, Instance]) -> set[bytes | str]:
    """The values that were seen with two instances: labels, and any 8 bytes of a beacon."""
    once: set[bytes | str] = set()
    again: set[bytes | str] = set()
    for instance, shown in instances.items():
        values: set[bytes | str] = set()
        values |= {label for name in (instance, *shown.hosts) for label in name if label not in TYPE}
        for text in shown.texts:
            values |= {text[at : at + WINDOW] for at in range(len(text) - WINDOW + 1)}
        again |= once & values
        once |= values
    return again


def forms(seen: Iterable[Seen]) -> set[frozenset[object]]:
    """For each device all that its records consist of, but for the values; once where devices are alike."""
    found: dict[str, set[object]] = defaultdict(set)
    for one in seen:
        if not one.asks:
            found[one.source].add(one.record.form)
    return {frozenset(of_one) for of_one in found.values()}


def ports(instances: Mapping[Name, Instance]) -> dict[Pair, set[int]]:
    found: dict[Pair, set[int]] = defaultdict(set)
    for shown in instances.values():
        for owner in shown.owners:
            found[owner] |= shown.ports
    return found


@pytest.mark.parametrize("seconds", [SHORT, pytest.param(LONG, marks=pytest.mark.slow)])
def test_no_value_recurs_across_rotations_or_networks(seconds: float) -> None:
    lans = simulate(lambda: recorded(seconds), 1)
    seen = list(everything(lans))
    instances = by_instance(seen)
    assert recurring(instances) == set()

    # Each instance is of one device on one network and for one rotation, with one host, one beacon and one port.
    assert {owner for shown in instances.values() for owner in shown.owners} == PAIRS
    for shown in instances.values():
        parts = (shown.owners, shown.lans, shown.hosts, shown.texts, shown.ports)
        assert [len(part) for part in parts] == [1] * 5
        assert max(shown.times) - min(shown.times) <= ROTATE_SECONDS[1] + SPARE
    for pair in ALWAYS:
        assert sum(shown.owners == {pair} for shown in instances.values()) >= seconds / ROTATE_SECONDS[1]

    # What is not random is the port, of each device one on each network, and addresses of that network.
    chosen = ports(instances)
    assert {len(of_one) for of_one in chosen.values()} == {1}
    assert len(set.union(*chosen.values())) == len(PAIRS)
    for lan in lans:
        own = {packed(local.host) for number in range(1, 6) for local in lan.locals(number)}
        assert {one.record.host for one in seen if one.lan == lan.name} <= own | {b""}

    # All the rest, and every size, is the same for everybody.
    assert len(forms(seen)) == 1
    assert {len(text) for shown in instances.values() for text in shown.texts} == {beacon.SIZE}
    sizes: dict[tuple[bool, int], set[int]] = defaultdict(set)
    for lan in lans:
        for sent in lan.sent:
            message = read(sent.content)
            sizes[message.is_question, len(message.records)].add(len(sent.content))
    assert {len(of_one) for of_one in sizes.values()} == {1}
    assert [number for asks, number in sizes if not asks] == [RECORDS]


def test_what_is_recorded_are_beacons_that_members_recognise() -> None:
    """Noise of the right size would recur as little."""
    lans = simulate(lambda: recorded(HOUR), 1)
    key = ratchet.branches(EpochSecret(b"r" * 32), day_of(Millis(START))).discovery.reveal()
    known = [(key, bytes(Circle.named(name))) for name in NAMES]
    found: dict[str, set[bytes]] = defaultdict(set)
    for lan in lans:
        hosts = [packed(local.host) for number in range(1, 6) for local in lan.locals(number)]
        for sent in lan.sent:
            records = read(sent.content).records
            for text in {record.text for record in records} - {b""}:
                [port] = {record.port for record in records} - {0}
                match = beacon.match(text, known, hosts, port, Millis(START + int(1000 * sent.at)))
                assert match is not None
                found[sent.source].add(match.who)
    assert found == {name: {bytes(Circle.named(name))} for name in NAMES}


def leaking(blob: MakeBlob) -> MakeBlob:
    """Eight bytes of each beacon are the same."""

    def leaks(addresses: tuple[Address, ...]) -> bytes:
        made = blob(addresses)
        return made[:100] + b"laptop-7" + made[108:]

    return leaks


def test_a_value_that_lasts_is_noticed() -> None:
    lans = simulate(lambda: recorded(HOUR, leaking), 1)
    assert b"laptop-7" in recurring(by_instance(everything(lans)))


def test_a_port_that_goes_along_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sites, "site", lambda *_: b"everywhere")
    lans = simulate(lambda: recorded(HOUR), 1)
    assert len(set.union(*ports(by_instance(everything(lans))).values())) == len(PAIRS) - 1
