"""Devices in mode asked that lock, start again, change networks and come back find each other, and show nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, ip_address
from random import Random
from typing import Final

import pytest
import trio
import trio.testing
from msgspec import to_builtins
from trio.testing import MockClock

from cellsync import Register, Schema
from cellsync.api.operations.people import shape_of
from cellsync.cli.words import presence
from cellsync.core.errors import NoPeer
from cellsync.core.ids import CaseId
from cellsync.node.network import Address, Sighting
from cellsync.node.spots import Basis
from cellsync.testing import MemoryNetwork, SimulatedDevice
from cellsync.testing.network import MemoryHost

SOON: Final = 5.0  # seconds
HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
WHAT_HAPPENS: Final = (
    "lock", "unlock", "unlock", "restart", "away", "sleep", "home", "home", "office", "address",
    "write", "write", "write",
)  # fmt: skip
HOME, OFFICE, CAFE = "usual", "office", "café"


class Note(Schema, kind="org.example.note", version=1):
    title: Register[str]


class Laptop(SimulatedDevice):
    """A device whose cell is opened and closed as its user unlocks and locks it."""

    def __init__(self, net: MemoryNetwork, name: str, nursery: trio.Nursery) -> None:
        super().__init__(name, net.home(name))
        self._nursery = nursery
        self.host = net.host(name)
        self.host.mode = "asked"
        self._held: set[CaseId] = set()  # when it was locked
        self.wrote: set[CaseId] = set()

    @property
    def held(self) -> set[CaseId]:
        """The cases held here, even while it is locked."""
        return set(self.cell.first.circle.replica.held.cases) if self.is_open else self._held

    @property
    def at(self) -> Address:
        return Address(self.host.host, self.cell.port)

    async def unlock(self) -> None:
        await self.open(self._nursery)

    async def lock(self) -> None:
        self._held = self.held
        await self.close()

    async def restart(self) -> None:
        await self.lock()
        await self.unlock()

    def is_with(self, other: Laptop) -> bool:
        return other.cell.device in self.cell.node.links

    async def finds(self, other: Laptop, within: float = SOON) -> None:
        await trio.testing.wait_all_tasks_blocked()  # so that what broke off is noticed
        with trio.fail_after(within):
            while not (self.is_with(other) and other.is_with(self)):
                with trio.move_on_after(0.1):  # or it changes for the other
                    await self.cell.node.links.changed.wait()


@pytest.fixture
def net() -> MemoryNetwork:
    return MemoryNetwork(7)


@pytest.fixture
def shown(net: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The devices that showed a beacon since the list was last cleared."""
    names: list[str] = []
    real = net.show

    def show(source: MemoryHost, sighting: Sighting) -> None:
        names.append(source.name)
        real(source, sighting)

    monkeypatch.setattr(net, "show", show)
    return names


@asynccontextmanager
async def laptops(net: MemoryNetwork, *names: str) -> AsyncIterator[list[Laptop]]:
    """Laptops that are unlocked, at home, and have been connected once, as after joining the first."""
    async with trio.open_nursery() as nursery:
        made = [Laptop(net, name, nursery) for name in names]
        first = made[0]
        await first.found()
        await first.unlock()
        for other in made[1:]:
            await other.join(first.cell)
            await other.unlock()
            await first.finds(other)
        await trio.sleep(1)  # to tell each other where they are
        yield made
        for one in made:
            if one.is_open:
                await one.lock()
    assert net.failures == []


async def test_lock_and_start_again_in_any_order(
    autojump_clock: MockClock, net: MemoryNetwork, shown: list[str]
) -> None:
    async with laptops(net, "ana", "ben") as [ana, ben]:
        shown.clear()
        ports = ana.at, ben.at
        for steps in ("ab", "ba", "aab", "bba", "abab"):
            for step in steps:
                await (ana if step == "a" else ben).restart()
            await ana.finds(ben)
        for first, second in ((ana, ben), (ben, ana)):
            for pause in (0, 60, HOUR, 8 * HOUR):
                await ana.lock()
                await ben.lock()
                await trio.sleep(pause)
                await first.unlock()
                await trio.sleep(pause)
                await second.unlock()
                await ana.finds(ben)
        assert (ana.at, ben.at) == ports
        assert shown == []


async def test_a_new_address_is_told_and_the_others_are_called(
    autojump_clock: MockClock, net: MemoryNetwork, shown: list[str]
) -> None:
    async with laptops(net, "ana", "ben") as [ana, ben]:
        shown.clear()
        before = ana.at
        ana.host.change_address()
        await ana.finds(ben)
        assert ana.at != before
        await trio.sleep(1)
        assert ben.cell.addresses_of(ana.cell.device) == [ana.at]
        # Ben, who starts again, calls where she is now.
        await ben.lock()
        await ben.unlock()
        await ana.finds(ben)
        # Each is somewhere else while the other is locked.
        for one, other in ((ana, ben), (ben, ana)):
            await other.lock()
            one.host.change_address()
            await trio.sleep(HOUR)
            await one.restart()
            await other.unlock()
            await ana.finds(ben, within=400)  # it calls every few minutes; who unlocks does not know where
            await trio.sleep(1)  # to tell each other where they are
        assert shown == []


async def test_each_network_has_a_port_of_its_own(autojump_clock: MockClock, net: MemoryNetwork) -> None:
    async with laptops(net, "ana", "ben") as [ana, _]:
        ports: dict[str, int] = {}
        for lan in (HOME, OFFICE, CAFE, HOME, CAFE, OFFICE):
            ana.host.move(lan)
            await trio.sleep(1)
            assert ports.setdefault(lan, ana.cell.port) == ana.cell.port
            await ana.restart()
            assert ana.cell.port == ports[lan]
        assert len(set(ports.values())) == 3


async def test_a_port_is_renewed_after_thirty_days(autojump_clock: MockClock, net: MemoryNetwork) -> None:
    async with laptops(net, "ana", "ben") as [ana, ben]:
        first = ana.cell.port
        for one in (ana, ben):
            await one.lock()
        await trio.sleep(29 * DAY)
        for one in (ana, ben):
            await one.unlock()
        await ana.finds(ben)
        assert ana.cell.port == first
        await ben.lock()
        await trio.sleep(2 * DAY)  # while it runs
        second = ana.cell.port
        assert second != first
        await ana.restart()
        assert ana.cell.port == second
        await ben.unlock()
        await ana.finds(ben)  # his is renewed, too; for a week each listens on the old one as well
        await trio.sleep(11)
        assert second in [at.port for at in ben.cell.addresses_of(ana.cell.device)]
        await ben.lock()
        await trio.sleep(8 * DAY)
        with pytest.raises(NoPeer):
            await net.host("ben").dial(Address(ana.host.host, first))
        await ben.unlock()
        await ana.finds(ben)


async def test_who_met_one_hears_of_the_others_on_this_network_only(
    autojump_clock: MockClock, net: MemoryNetwork, shown: list[str]
) -> None:
    async with laptops(net, "ana", "ben", "cleo") as [ana, ben, cleo]:
        await ben.finds(cleo, within=15)
        for one in (ana, ben, cleo):  # at the office, Ben and Cleo have each met Ana, and not one another
            one.host.move(OFFICE)
        net.partition("ben", "cleo")
        with ana.cell.showing():
            await ana.finds(ben)
            await ana.finds(cleo)
        shown.clear()
        for one in (ana, ben, cleo):
            one.host.dialled.clear()
        assert not ben.is_with(cleo)
        await trio.sleep(15)
        net.heal()
        net.host("cleo").change_address()
        await ben.finds(cleo, within=90)  # at once only once a minute, whatever is said
        assert shown == []
        # Nobody called an address of the other network meanwhile.
        office = net.network_of(OFFICE)
        assert all(ip(at) in office for one in (ana, ben, cleo) for at in one.host.dialled)


def ip(at: Address) -> object:
    return ip_address(at.host.partition("%")[0])


async def test_nobody_is_called_on_a_network_where_they_never_were(
    autojump_clock: MockClock, net: MemoryNetwork
) -> None:
    """Other machines may have their home addresses there."""
    async with laptops(net, "ana", "ben") as [ana, ben]:
        await ben.lock()
        ana.host.move(CAFE)
        await trio.sleep(1)
        ana.host.dialled.clear()
        await trio.sleep(DAY)
        ana.cell.node.calls.now()
        await trio.sleep(HOUR)
        assert ana.host.dialled == []
        ana.host.move(HOME)
        await trio.sleep(HOUR)
        assert ana.host.dialled
        await ben.unlock()
        await ana.finds(ben)


async def test_a_member_that_lies_about_others_causes_few_calls(autojump_clock: MockClock, net: MemoryNetwork) -> None:
    """Ana says every few seconds that Cleo is somewhere else on this network."""
    async with laptops(net, "ana", "ben", "cleo") as [ana, ben, cleo]:
        gone = cleo.cell.device
        await cleo.lock()
        await trio.sleep(HOUR)
        ben.host.dialled.clear()
        link = ana.cell.node.links[ben.cell.device]
        for number in range(200):
            lie = [(IPv4Address(f"10.0.{number}.{at}").packed, 445) for at in range(100, 108)]
            link.locate(ana.cell.first.circle.id, {gone: [*lie]})
            await trio.sleep(6)
        victims = [at for at in ben.host.dialled if at.port == 445]
        assert victims
        assert len(victims) <= (2 + 2) * 200 * 6 / 60  # two addresses, once a minute at once, and again as all others
        assert ana.is_with(ben)
        # What she said is not passed on, and Cleo is found where she is.
        known = ana.cell.node.whereabouts[ana.cell.first.circle.id].spots.known
        assert all(spot.source is not Basis.HEARD for spot in known[gone])
        await cleo.unlock()
        await ben.finds(cleo)


@pytest.mark.parametrize("seed", range(6))
async def test_a_day_of_two_laptops_without_a_command(
    autojump_clock: MockClock, net: MemoryNetwork, shown: list[str], seed: int
) -> None:
    """They lock, sleep, change networks, write and come back. Open where they met before, they are soon in step.

    All statements about the other are true all day: it holds what it is said to hold, and is in step only if present.
    """
    random = Random(seed)
    async with laptops(net, "ana", "ben") as [ana, ben]:
        both = (ana, ben)
        for one in both:
            one.host.move(OFFICE)
        with ana.cell.showing():  # they have met there before, because somebody said `sync`
            await ana.finds(ben)
            await trio.sleep(1)
        for one in both:
            one.host.move(HOME)
        await ana.finds(ben)
        await trio.sleep(1)
        shown.clear()

        async def write(one: Laptop) -> None:
            one.wrote.add((await one.cell.create(Note, title=f"{trio.current_time():.0f}")).id)

        async def come_in_step() -> None:
            await ana.finds(ben)
            with trio.fail_after(SOON):
                while not all(peer.in_step_now for one in both for peer in one.cell.peers()):
                    with trio.move_on_after(0.1):
                        await ana.cell.node.links.changed.wait()
            assert await ana.cell.state_digest() == await ben.cell.state_digest()

        meetings, met = 0, trio.current_time()
        end = trio.current_time() + DAY
        while trio.current_time() < end:
            one = random.choice(both)
            match random.choice(WHAT_HAPPENS):
                case "lock" if one.is_open:
                    await one.lock()
                case "unlock" if not one.is_open:
                    await one.unlock()
                case "restart" if one.is_open:
                    await one.restart()
                case "away":
                    one.host.move(CAFE)
                case "sleep":
                    one.host.move(None)
                case "home":
                    one.host.move(HOME)
                case "office":
                    one.host.move(OFFICE)
                case "address" if one.is_open and together(ana, ben):
                    one.host.change_address()
                case "write" if one.is_open:
                    await write(one)
            check_words(ana, ben, trio.current_time() - met)
            if together(ana, ben):
                await come_in_step()
                meetings, met = meetings + 1, trio.current_time()
            check_words(ana, ben, trio.current_time() - met)
            pause = random.choice((1, 20, 45, 300, 900))
            await trio.sleep(pause)
            if together(ana, ben):
                met += pause
        assert meetings > 5
        for one in both:
            one.host.move(HOME)
            if not one.is_open:
                await one.unlock()
        await come_in_step()
        assert ana.cell.first.circle.digest() == ben.cell.first.circle.digest()
        assert all(one.wrote and one.wrote <= other.held for one in both for other in both)
        for one in both:
            [peer] = one.cell.peers()
            assert presence(to_builtins(shape_of(peer))) == "LAN, connected · in step"
            assert (one.cell.only_here(), one.cell.flags) == (0, [])
        assert shown == []


def check_words(ana: Laptop, ben: Laptop, apart: float) -> None:
    """Check the statements of each open laptop about the other. `apart`: for how many seconds they have been apart."""
    for one, other in ((ana, ben), (ben, ana)):
        if one.is_open:
            [peer] = one.cell.peers()
            mine = one.wrote & one.held
            assert one.wrote == mine
            assert peer.lacks or mine <= other.held, "what is said to be there is"
            assert peer.lacks >= len(mine - other.held)
            assert peer.lacks == one.cell.only_here()
            assert not peer.in_step_now or apart < 40
            assert not (peer.in_step_now or peer.in_step) or not peer.lacks
            assert not peer.connected or apart < 150
            assert one.cell.flags == []


def together(ana: Laptop, ben: Laptop) -> bool:
    return ana.is_open and ben.is_open and ana.host.lan == ben.host.lan and ana.host.lan in (HOME, OFFICE)
