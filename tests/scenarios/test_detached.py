"""Cells, and a removal that goes ahead of its history: who is sent what, what people are told, and what ends it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from trio.testing import MockClock

from cellsync import Cell
from cellsync.api.operations.people import _flag, _who_were
from cellsync.cell.flag import Reason
from cellsync.core.ids import CaseId
from cellsync.core.membership import removal
from cellsync.core.membership.removal import Remove
from cellsync.core.replica.planner import Intention
from cellsync.core.wire.tags import Kind
from cellsync.testing import MemoryNetwork, SimulatedDevice, level
from tests.cell.cells import DAY, Visit


async def remove(cell: Cell, *others: Cell) -> None:
    """Only the announcement leaves: what it rests on is not handed out."""
    shape, content = removal.encode(Remove(tuple(other.device for other in others)), bytes(16))
    circle = cell.first.circle
    async with circle.lock:
        intention = Intention(Kind.REMOVE, CaseId(circle.id), shape, content)
        plan = await circle.write_locked(cell.secrets.signing, [intention])
        circle.replica.floor = 9
        circle.detached.announce(plan.commit.entries[0], circle.surroundings.now())


@asynccontextmanager
async def three(net: MemoryNetwork) -> AsyncIterator[tuple[SimulatedDevice, list[Cell]]]:
    """Ben's device; and Ana, Ben and Cara, in step. The two know each other by Ana only."""
    async with (await net.device("ana").found()).opened() as ana:
        device = await net.device("ben").join(ana)
        async with device.opened() as ben, (await net.device("cara").join(ana)).opened() as cara:
            await level([ana, ben, cara])
            yield device, [ana, ben, cara]


def said(cell: Cell) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(flag.reason.value, flag.author, flag.about) for flag in cell.flags]


async def until_told(cell: Cell) -> None:
    """Wait until people are told of it."""
    with trio.fail_after(600):
        while not cell.flags:
            await cell.node.links.changed.wait()
    assert said(cell) == AHEAD


AHEAD: list[tuple[str, str, tuple[str, ...]]] = [("removal_ahead", "ana", ("cara",))]


async def test_a_removal_takes_effect_before_its_history_comes_and_is_shown(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with three(memory_network) as (_, [ana, ben, cara]):
        memory_network.partition("ana", "cara")
        await remove(ana, cara)
        await until_told(ben)
        [flag] = ben.flags
        assert flag.reason is Reason.REMOVAL_AHEAD
        shown = "says that cara was removed; the entry is not here. Nothing is sent to them"
        assert _flag(flag).text.startswith(shown)
        assert _flag(flag).about == ["cara"]
        secret = await ben.create(Visit, title="not for Cara")
        await trio.sleep(3_600)
        assert secret.id not in cara.first.circle.replica.held.cases
        assert said(cara) == [], "nobody tells her"

        ana.first.circle.replica.floor = 1
        await level([ana, ben])
        assert ("removal_ahead", "ana", ("cara",)) not in said(ben), "it is held now, and in force"
        assert not ben.first.circle.replica.circle.is_active(cara.device)
        await trio.sleep(3_600)
        assert secret.id not in cara.first.circle.replica.held.cases


async def test_it_outlives_the_cell_and_ends_after_30_days(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        device = await memory_network.device("ben").join(ana)
        cara_device = await memory_network.device("cara").join(ana)
        async with device.opened() as ben, cara_device.opened() as cara:
            await level([ana, ben, cara])
            memory_network.partition("ana", "cara")
            await remove(ana, cara)
            await until_told(ben)
        memory_network.partition("ana", ["ben", "cara"])
        async with device.opened() as ben, cara_device.opened() as cara:
            assert said(ben) == AHEAD
            secret = await ben.create(Visit, title="not for Cara")
            await trio.sleep(3_600)
            assert secret.id not in cara.first.circle.replica.held.cases
        later = [one.with_clock(30 * DAY) for one in (device, cara_device)]
        async with later[0].opened() as ben, later[1].opened() as cara:
            assert said(ben) == [("removal_lapsed", "ana", ("cara",))]
            assert _flag(ben.flags[0]).text.startswith("said 30 days ago that cara was removed")
            await cara.get(Visit, secret.id, wait=DAY)
            await level([ben, cara])


async def test_who_knows_better_carries_on(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    """But not with what is announced later."""
    async with three(memory_network) as (_, [ana, ben, cara]):
        memory_network.partition("ana", "cara")
        await remove(ana, cara)
        await until_told(ben)
        note = await ben.create(Visit, title="for Cara")
        await ben.carry_on()
        assert said(ben) == []
        await cara.get(Visit, note.id, wait=600)
        memory_network.partition("ana", "ben")  # or what she hands out while she may write would end the first removal
        with trio.fail_after(600):
            while ana.node.links:
                await ana.node.links.changed.wait()
        ana.first.circle.replica.floor = 1
        await remove(ana, cara)
        memory_network.heal()
        memory_network.partition("ana", "cara")
        with trio.fail_after(600):
            while not ben.flags:
                await ben.node.links.changed.wait()
        assert said(ben) == AHEAD


def test_names_are_told_in_one_sentence() -> None:
    assert _who_were(()) == "somebody who is not known here was"
    assert _who_were(("a",)) == "a was"
    assert _who_were(("a", "b")) == "a and b were"
    assert _who_were(tuple("abcd")) == "a, b, c and d were"
    assert _who_were(tuple("abcdef")) == "a, b, c and 3 others were"
