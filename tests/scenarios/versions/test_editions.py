"""Cells of two editions in one circle: what the older one may do below the floor, and what an update mends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell, errors
from cellsync.cell.flag import Reason
from cellsync.core.ids import CaseId
from cellsync.core.membership import editions, floor
from cellsync.core.membership.editions import FIRST, Edition
from cellsync.core.membership.floor import Require
from cellsync.core.replica.planner import Intention
from cellsync.core.wire.tags import Kind
from cellsync.testing import MemoryNetwork, SimulatedDevice, level
from tests.cell.cells import Visit, founded_as_before

SECOND = Edition(2, FIRST.kinds)
UNKNOWN = 200


@asynccontextmanager
async def opened(device: SimulatedDevice, edition: Edition) -> AsyncIterator[Cell]:
    """Open for a block, with a build of this edition."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(editions, "OURS", edition)
        opening = device.opened()
        cell = await opening.__aenter__()
    try:
        yield cell
    finally:
        await opening.__aexit__(None, None, None)


async def write(cell: Cell, kind: int, shape: bytes, content: bytes) -> None:
    await cell.first.circle.write(cell.secrets.signing, [Intention(kind, CaseId(cell.first.circle.id), shape, content)])


async def require(cell: Cell, edition: int) -> None:
    await write(cell, Kind.REQUIRE, *floor.encode(Require(edition), bytes(16)))


async def coordinators(net: MemoryNetwork) -> tuple[SimulatedDevice, SimulatedDevice]:
    """In a circle of the first edition."""
    with pytest.MonkeyPatch.context() as before:
        founded_as_before(before)
        ana_device = await net.device("ana").found()
    async with ana_device.opened() as ana:
        ben_device = await net.device("ben").join(ana, "coordinator")
        async with ben_device.opened() as ben:
            await level([ana, ben])
    return ana_device, ben_device


def reasons(cell: Cell) -> set[Reason]:
    return {flag.reason for flag in cell.flags}


async def test_below_the_floor_a_build_takes_shows_and_hands_nothing_out(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    ana_device, ben_device = await coordinators(memory_network)
    async with opened(ana_device, SECOND) as ana, opened(ben_device, SECOND) as ben:
        await require(ana, 2)
        await require(ben, 2)
        await level([ana, ben])
    async with opened(ben_device, SECOND) as ben:
        await ben.create(Visit, title="written offline")
    async with opened(ana_device, SECOND) as ana:
        await ana.create(Visit, title="from Ana")
        async with opened(ben_device, FIRST) as ben:
            assert Reason.OUTDATED in reasons(ben)
            await ana.create(Visit, title="later")
            await trio.sleep(120)
            assert {case.title for case in await ben.cases(Visit)} == {"written offline", "from Ana", "later"}
            with pytest.raises(errors.Outdated):
                await ben.create(Visit, title="no")
            with pytest.raises(errors.Timeout):
                await ben.synced(timeout=300)
            assert {case.title for case in await ana.cases(Visit)} == {"from Ana", "later"}
            assert not any(peer.in_step_now for peer in (*ben.peers(), *ana.peers()))
        async with opened(ben_device, SECOND) as ben:
            await level([ana, ben])
            assert Reason.OUTDATED not in reasons(ben)
            await ben.create(Visit, title="yes")
            await level([ana, ben])
            assert {case.title for case in await ana.cases(Visit)} == {"written offline", "from Ana", "later", "yes"}


async def test_what_a_newer_build_wrote_is_said_and_in_step(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    ana_device, ben_device = await coordinators(memory_network)
    later = Edition(2, {**FIRST.kinds, UNKNOWN: FIRST.kinds[Kind.REQUIRE]})
    async with opened(ana_device, later) as ana, opened(ben_device, FIRST) as ben:
        await write(ana, UNKNOWN, *floor.encode(Require(1), bytes(16)))
        await level([ana, ben])
        assert [(flag.reason, flag.author) for flag in ben.flags] == [(Reason.NEWER, "ana")]
        assert not ana.flags
        await ben.synced()


async def test_who_knows_better_carries_on_below_the_floor(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """One who went bad has two words, and a program that stops for neither: both require what no build has."""
    last = Edition(255, FIRST.kinds)
    ana_device, ben_device = await coordinators(memory_network)
    async with ana_device.opened() as ana, opened(ben_device, last) as ben:
        await require(ana, 200)  # in place of the one whom Ben has made a coordinator
        await level([ana, ben])
        await require(ben, 200)
        await level([ana, ben])
        with pytest.raises(errors.Outdated):
            await ana.create(Visit, title="no")
        assert reasons(ana) == {Reason.OUTDATED}
        await ana.carry_on()
        await ana.create(Visit, title="carried on")
        assert reasons(ana) == {Reason.WAIVED}
        await level([ana, ben])
    async with ana_device.opened() as ana, opened(ben_device, last) as ben:
        await ana.create(Visit, title="also after a restart")
        await require(ana, 201)
        await level([ana, ben])
        await require(ben, 201)
        await level([ana, ben])
        with pytest.raises(errors.Outdated):
            await ana.create(Visit, title="a higher one counts again")
