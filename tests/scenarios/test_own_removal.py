"""A device learns of its own removal: it stops, locks once, and wipes only what two have chosen, by a removal that is
final, after 72 hours that it has lived through. Nobody serves a removed device; so another's entries are carried in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final
from unittest import mock

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell
from cellsync.core.errors import NotFound
from cellsync.core.membership.settings import Setting, WhenRemoved
from cellsync.store.wipe import VaultWiped
from cellsync.testing import MemoryNetwork, SimulatedDevice, level
from tests.cell.cells import DAY, Visit
from tests.cell.test_membership import bring, coordinators, member
from tests.scenarios.test_delivery import until

HOUR: Final = 3_600_000  # ms
WIPE, LOCK = WhenRemoved.WIPE, WhenRemoved.LOCK


class Machine:
    """What a device runs on: its clock shows for how long it has been on."""

    def __init__(self) -> None:
        self.lived, self.boot = 0, b"first"

    def on(self, hours: float) -> None:
        self.lived += int(hours * HOUR)

    def carries(self, device: SimulatedDevice) -> SimulatedDevice:
        surroundings = replace(device.home.surroundings, lived=lambda: self.lived, boot=lambda: self.boot)
        return device.with_home(surroundings=surroundings)


@asynccontextmanager
async def circle(
    net: MemoryNetwork, machine: Machine, chosen: Collection[str] = ()
) -> AsyncIterator[tuple[Cell, Cell, SimulatedDevice]]:
    """Ana and Cara coordinate, and Ben writes. Those who are named have said that removed devices wipe."""
    async with (
        (await net.device("ana").found()).opened() as ana,
        (await net.device("cara").join(ana)).opened() as cara,
    ):
        await coordinators(net, ana, cara)
        for cell in (ana, cara):
            if cell.name_of(cell.device) in chosen:
                await choose(cell, WIPE)
        await level([ana, cara])
        ben = machine.carries(await net.device("ben").join(ana))
        async with ben.opened() as cell:
            await level([ana, cara, cell])
            await cell.create(Visit, title="12 Mill St")
            await level([ana, cara, cell])
            net.partition("ben", ["ana", "cara"])
        yield ana, cara, ben


async def choose(cell: Cell, value: WhenRemoved) -> None:
    await cell.first.membership.choose(Setting.WHEN_REMOVED, value.value)


async def remove(ana: Cell, cara: Cell, who: SimulatedDevice, *, words: int) -> None:
    """Ana removes somebody; with two words Cara agrees, and Ana has seen that."""
    async with who.opened() as cell:
        whom = member(cell)
    await ana.first.membership.remove([whom])
    await level([ana, cara])
    if words == 2:
        await cara.first.membership.endorse(await cara.first.membership.to_endorse(whom))
        await level([ana, cara])
        await ana.first.membership.choose(Setting.KEPT_FOR, 30)  # an entry that has seen Cara's word
        await level([ana, cara])


@pytest.fixture
def machine() -> Machine:
    return Machine()


def due(cell: Cell) -> bool:
    return cell.is_lock_due


def left(cell: Cell) -> float | None:
    """Hours until a wipe."""
    seconds = cell.first.wipes_in
    return None if seconds is None else seconds / 3_600


@pytest.mark.parametrize(
    ("chosen", "words", "wipes"),
    [
        ({"ana", "cara"}, 2, True),
        ({"ana", "cara"}, 1, False),
        ({"ana"}, 2, False),
        ({"cara"}, 2, False),
        ((), 2, False),
    ],
)
async def test_it_locks_and_wipes_only_what_two_have_chosen_by_a_final_removal(
    chosen: Collection[str],
    words: int,
    wipes: bool,
    memory_network: MemoryNetwork,
    machine: Machine,
    autojump_clock: MockClock,
) -> None:
    async with circle(memory_network, machine, chosen) as (ana, cara, ben):
        await remove(ana, cara, ben, words=words)
        async with ben.opened() as cell:
            assert not due(cell)
            await bring(ana, cell)
            assert cell.first.circle.is_removed
            assert due(cell)
            assert left(cell) == (72 if wipes else None)
            await cell.heed_removals()
        machine.on(60)
        async with ben.opened() as cell:
            assert not due(cell), "once"
            assert left(cell) == (12 if wipes else None)
            assert [visit.title for visit in await cell.cases(Visit)] == ["12 Mill St"]
            machine.on(13)
            assert left(cell) == (0 if wipes else None)
            assert due(cell) is wipes, "a wipe takes closing"
        if wipes:
            with pytest.raises(VaultWiped):
                async with ben.opened():
                    pass
            assert {file.name for file in ben.home.path.iterdir()} == {"wiped"}
            return
        machine.on(1_000)
        async with ben.opened() as cell:
            assert [visit.title for visit in await cell.cases(Visit)] == ["12 Mill St"]


async def test_who_was_told_of_one_word_hears_of_the_second_and_no_more_after_that(
    memory_network: MemoryNetwork, machine: Machine, autojump_clock: MockClock
) -> None:
    async with circle(memory_network, machine, {"ana", "cara"}) as (ana, cara, ben):
        await remove(ana, cara, ben, words=1)
        async with ben.opened() as cell:
            whom = member(cell)
            await ana.first.membership.tell(whom)
            memory_network.heal()
            await until(lambda: cell.first.circle.is_removed)
            await trio.sleep(3_600)
            assert left(cell) is None
            assert cell.first.circle.others() == [ana.device], "nobody else tells"
            await cara.first.membership.endorse(await cara.first.membership.to_endorse(whom))
            await level([ana, cara])
            await ana.first.membership.choose(Setting.KEPT_FOR, 30)  # an entry that has seen Cara's word
            await until(lambda: cell.first.circle.is_removed_for_good)
            assert left(cell) == 72
            assert cell.first.circle.others() == []
            await until(lambda: not cell.node.links)


async def test_what_is_due_while_it_is_closed_is_done_before_it_opens(
    memory_network: MemoryNetwork, machine: Machine, autojump_clock: MockClock
) -> None:
    async with circle(memory_network, machine, {"ana", "cara"}) as (ana, cara, ben):
        await remove(ana, cara, ben, words=2)
        async with ben.opened() as cell:
            await bring(ana, cell)
        machine.on(73)
        with pytest.raises(VaultWiped):
            async with ben.opened():
                pass


async def test_a_clock_set_ahead_wipes_nothing_and_time_off_does_not_count(
    memory_network: MemoryNetwork, machine: Machine, autojump_clock: MockClock
) -> None:
    async with circle(memory_network, machine, {"ana", "cara"}) as (ana, cara, ben):
        await remove(ana, cara, ben, words=2)
        async with ben.opened() as cell:
            await bring(ana, cell)
            machine.on(1)
        machine.lived, machine.boot = 9_000 * HOUR, b"second"  # it is carried to another one
        booted = ben.with_clock(400 * DAY)
        async with booted.opened() as cell:
            assert left(cell) == 71, "on a machine that has been on for a year, a year ahead by its own clock"
            machine.on(10)
            assert left(cell) == 61


async def test_what_is_chosen_after_the_removal_wipes_nothing_and_one_takes_it_back(
    memory_network: MemoryNetwork, machine: Machine, autojump_clock: MockClock
) -> None:
    async with circle(memory_network, machine, {"cara"}) as (ana, cara, ben):
        await remove(ana, cara, ben, words=2)
        await choose(ana, WIPE)
        await level([ana, cara])
        async with ben.opened() as cell:
            await bring(ana, cell)
            assert cell.first.choice(Setting.WHEN_REMOVED) == WIPE
            assert left(cell) is None


async def test_one_of_two_who_chose_it_stops_it(
    memory_network: MemoryNetwork, machine: Machine, autojump_clock: MockClock
) -> None:
    async with circle(memory_network, machine, {"ana", "cara"}) as (ana, cara, ben):
        await remove(ana, cara, ben, words=2)
        async with ben.opened() as cell:
            await bring(ana, cell)
            assert left(cell) == 72
            machine.on(70)
            await choose(cara, LOCK)
            await bring(cara, cell)
            assert left(cell) is None
            machine.on(3)
        async with ben.opened() as cell:
            assert left(cell) is None


async def test_a_contest_that_leaves_it_undecided_stops_it(
    memory_network: MemoryNetwork, machine: Machine, autojump_clock: MockClock
) -> None:
    """Ben coordinates as well. His answer alone weighs less than two words; with Dan's it is two to two."""
    async with circle(memory_network, machine, {"ana", "cara"}) as (ana, cara, ben):
        memory_network.heal()
        async with ben.opened() as cell, (await memory_network.device("dan").join(ana)).opened() as dan:
            everyone = [ana, cara, cell, dan]
            await coordinators(memory_network, ana, cell, dan)
            for new in (cell, dan):
                await level(everyone)
                await cara.first.membership.endorse(await cara.first.membership.to_endorse(member(new)))
            await level(everyone)
            for one in ("ben", "dan"):
                memory_network.partition(one, ["ana", "cara"])
            await ana.first.membership.remove([member(cell)])
            await level([ana, cara])
            await cara.first.membership.endorse(await cara.first.membership.to_endorse(member(cell)))
            await level([ana, cara])
            await ana.first.membership.choose(Setting.KEPT_FOR, 30)
            await bring(ana, cell)
            assert left(cell) == 72
            [removal] = await cell.first.membership.to_contest()
            contest = await cell.first.membership.contest(removal.entry)
            assert left(cell) == 72, "one word against two"
            await bring(cell, dan)
            await dan.first.membership.endorse([contest])
            await bring(dan, cell)
            assert left(cell) is None
            assert (await cell.first.membership.roster()).own.removal is None


async def test_of_two_circles_only_the_one_is_wiped(
    memory_network: MemoryNetwork, machine: Machine, autojump_clock: MockClock
) -> None:
    async with circle(memory_network, machine, {"ana", "cara"}) as (ana, cara, ben):
        async with ben.opened() as cell:
            other, _ = await cell.create_circle("Lawyers")
            await other.create(Visit, title="stays")
        await remove(ana, cara, ben, words=2)
        async with ben.opened() as cell:
            await bring(ana, cell)
            assert [one.name for one in cell.circles] == [ana.name, "Lawyers"]
        machine.on(73)
        async with ben.opened() as cell:
            assert [one.name for one in cell.circles] == ["Lawyers"]
            assert [visit.title for visit in await cell.cases(Visit)] == ["stays"]
            assert not due(cell)


async def test_the_first_is_wiped_also_if_all_that_stays_is_locked(
    memory_network: MemoryNetwork, machine: Machine, autojump_clock: MockClock
) -> None:
    async with circle(memory_network, machine, {"ana", "cara"}) as (ana, cara, ben):
        async with ben.opened() as cell:
            other, _ = await cell.create_circle("Lawyers")
            await other.create(Visit, title="stays")
            await cell.change_circle_passphrase("Lawyers", old=ben.passphrase, new="another circle's own words")
        await remove(ana, cara, ben, words=2)
        async with ben.opened() as cell:
            await bring(ana, cell)
            machine.on(73)
        for _ in range(2):
            async with ben.opened() as cell:
                assert cell.circles == []
                assert len(cell.locked_circles) == 1
                await cell.unlock_circle("another circle's own words")
                assert [visit.title for visit in await cell.cases(Visit)] == ["stays"]


async def test_a_locked_circle_whose_time_has_come_is_wiped_before_it_is_shown(
    memory_network: MemoryNetwork, machine: Machine, autojump_clock: MockClock
) -> None:
    """Which are due is found as for the others; here it is said."""
    async with circle(memory_network, machine) as (ana, _, ben):
        async with ben.opened() as cell:
            await cell.create_circle("Lawyers")
            await cell.change_circle_passphrase("Lawyers", old=ben.passphrase, new="another circle's own words")
        with mock.patch("cellsync.ledger.circles.doomed", lambda circles, *, opened: [one.id for one in circles]):
            async with ben.opened() as cell:
                with pytest.raises(NotFound, match="has wiped it"):
                    await cell.unlock_circle("another circle's own words")
                assert cell.locked_circles == []
        async with ben.opened() as cell:
            assert [one.name for one in cell.circles] == [ana.name]


async def test_with_the_last_circle_that_is_unlocked_when_its_time_has_come_the_vault_goes(
    memory_network: MemoryNetwork, machine: Machine, autojump_clock: MockClock
) -> None:
    async with circle(memory_network, machine) as (_, __, ben):
        async with ben.opened() as cell:
            await cell.change_circle_passphrase(None, old=ben.passphrase, new="another circle's own words")
        with mock.patch("cellsync.ledger.circles.doomed", lambda circles, *, opened: [one.id for one in circles]):
            async with ben.opened() as cell:
                with pytest.raises(VaultWiped):
                    await cell.unlock_circle("another circle's own words")
                assert (cell.circles, cell.locked_circles) == ([], [])
        with pytest.raises(VaultWiped):
            async with ben.opened():
                pass


async def test_what_is_done_here_by_hand_is_no_reason_to_lock(
    memory_network: MemoryNetwork, machine: Machine, autojump_clock: MockClock
) -> None:
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        assert await ana.first.membership.require()
        await level([ana, ben])
        await ben.first.membership.leave()
        assert ben.first.circle.is_removed
        assert not ben.is_lock_due


async def test_who_leaves_says_so_to_all_and_then_calls_nobody(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cellsync.ledger.members.LEAVING", HOUR)  # in place of a week
    async with memory_network.cells("ana", "ben", "cara") as among:
        ana, ben, cara = among
        assert await ana.first.membership.require()
        await level(among)
        memory_network.partition("ben", ["ana", "cara"])
        await ben.first.membership.leave()
        await trio.sleep(60)
        assert ben.first.circle.device in [one.device for one in ana.members()], "she has not heard of it"
        memory_network.heal()
        await trio.sleep(120)
        for other in (ana, cara):
            assert not other.first.circle.replica.circle.is_active(ben.first.circle.device)
            assert all(link.device_in(other.first.circle) != ben.first.circle.device for link in other.node.links.all())
        assert ben.first.circle.others()
        await trio.sleep(2 * 3_600)
        assert ben.first.circle.others() == []
        assert not ben.node.links
