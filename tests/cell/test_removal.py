"""One removal over several circles: who is found by keys, what is written where, and whom nobody but a person tells."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import trio
from trio.testing import MockClock

from cellsync import Cell
from cellsync.cell.circle import CellCircle
from cellsync.cell.removal import Presence, presences
from cellsync.cell.standing import MemberStanding
from cellsync.core.membership.control import Role
from cellsync.testing import MemoryNetwork, level


class Cells(NamedTuple):
    """Ana and Ben coordinate Mill Street, Ana and Lea the lawyers; Ana and Cara are in both."""

    net: MemoryNetwork
    ana: Cell
    ben: Cell
    cara: Cell
    lea: Cell


@asynccontextmanager
async def cells() -> AsyncIterator[Cells]:
    net = MemoryNetwork(7)
    async with net.cells("ana", "ben", "cara") as [ana, ben, cara]:
        await ana.create_circle("Lawyers")
        await net.device("cara").join(ana, circle="Lawyers")
        lea_device = await net.device("lea").join(ana, circle="Lawyers")
        async with lea_device.opened() as lea:
            everyone = Cells(net, ana, ben, cara, lea)
            for circle, other in (("Mill Street", ben), ("Lawyers", lea)):
                await level([ana, other])
                inside = [cell.circle(circle) for cell in (ana, other)]
                await inside[0].membership.set_role((await standing(inside[0], other)).member, Role.COORDINATOR)
                await until_required(*inside)
            yield everyone
    net.check_failures()


async def until_required(one: CellCircle, other: CellCircle) -> None:
    with trio.fail_after(1200):
        while not all(circle.circle.replica.floor >= 2 for circle in (one, other)):
            await one.node.links.changed.wait()


async def standing(circle: CellCircle, cell: Cell) -> MemberStanding:
    """How the member behind a cell stands in a circle."""
    device = cell.circle(circle.id).device
    members = (await circle.membership.roster()).members
    return next(one for one in members if any(owned.device == device for owned in one.devices))


async def everywhere(by: Cell, circle: str, whom: Cell) -> list[Presence]:
    at = by.circle(circle)
    return await presences(by.circles, at, await standing(at, whom))


def said(found: list[Presence]) -> list[tuple[str, bool, tuple[str, ...], tuple[str, ...]]]:
    return [(one.circle.name, one.covered, one.coordinators, one.tell) for one in found]


def flagged(cell: Cell) -> list[tuple[str, tuple[str, ...], str]]:
    return [
        (flag.author, flag.about, cell.circle(flag.circle).name)
        for flag in cell.flags
        if flag.reason.value == "removed_elsewhere"
    ]


async def test_who_coordinates_both_circles_removes_from_both(autojump_clock: MockClock) -> None:
    async with cells() as (_, ana, ben, cara, lea):
        found = await everywhere(ana, "Lawyers", cara)
        assert said(found) == [("Lawyers", True, ("lea",), ()), ("Mill Street", True, ("ben",), ())]
        entries = {one.circle.name: await one.remove() for one in found}
        for name, entry in entries.items():
            circle = ana.circle(name)
            assert (await standing(circle, cara)).status == "removed"
            assert bytes(circle.circle.epochs.newest) == bytes(entry)  # it rotates in the same entry
        await level([ana, ben])
        await level([ana, lea])
        assert flagged(ana) == flagged(ben) == flagged(lea) == []  # who removed her knows, the others see one circle


async def test_where_one_does_not_coordinate_nothing_is_written_and_it_is_said_whom_to_tell(
    autojump_clock: MockClock,
) -> None:
    """Ana hears of it in Mill Street, and her own device says so. Lea is in the other circle alone."""
    async with cells() as (_, ana, ben, cara, lea):
        await ben.circle("Mill Street").membership.remove([(await standing(ben.first, cara)).member])
        assert [one.name for one in ben.circles] == ["Mill Street"]
        with trio.fail_after(1200):
            while not flagged(ana):
                await ana.node.links.changed.wait()
        assert flagged(ana) == [("cara", ("Mill Street",), "Lawyers")]
        await level([ana, lea])
        assert flagged(lea) == []
        [there] = [one for one in await everywhere(ana, "Lawyers", cara) if one.covered]
        await there.remove()
        assert flagged(ana) == []


async def test_a_coordinator_of_one_circle_names_those_of_the_other(autojump_clock: MockClock) -> None:
    async with cells() as (net, ana, ben, cara, _):
        await net.device("ben").join(ana, circle="Lawyers")
        await level([ana, ben])
        found = await everywhere(ben, "Mill Street", cara)
        assert said(found) == [("Mill Street", True, ("ana",), ()), ("Lawyers", False, ("ana", "lea"), ("lea",))]
        device = await presences(ben.circles, ben.first, await standing(ben.first, cara), [cara.first.device])
        assert [(one.circle.name, one.devices) for one in device] == [
            ("Mill Street", (cara.first.device,)), ("Lawyers", (cara.circle("Lawyers").device,)),
        ]  # fmt: skip


async def test_keys_that_were_entered_under_another_name_take_nobody_along(autojump_clock: MockClock) -> None:
    async with cells() as (_, ana, _, cara, _):
        trap, _ = await ana.create_circle("Trap")
        await trap.circle.admit(ana.secrets.signing, cara.secrets.public, "Max", Role.WRITER)
        members = {one.name: one for one in (await trap.membership.roster()).members}
        found = await presences(ana.circles, trap, members["Max"])
        assert [(one.circle.name, one.alike, one.covered) for one in found] == [
            ("Trap", True, True), ("Mill Street", False, False), ("Lawyers", False, False),
        ]  # fmt: skip
        assert [one.circle.name for one in await everywhere(ana, "Lawyers", cara) if one.covered] == [
            "Lawyers", "Mill Street",
        ]  # fmt: skip
        own = await presences(ana.circles, trap, members["ana"])
        assert [one.circle.name for one in own] == ["Trap"]  # leaving is said circle by circle
