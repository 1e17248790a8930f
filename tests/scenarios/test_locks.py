"""Without a circle's lock nobody reads its store, and nobody asks its rules (cellsync/ledger/circle.py)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell
from cellsync.core.errors import CellsyncError
from cellsync.core.ids import MemberId
from cellsync.core.membership.standing import DeviceStatus
from cellsync.testing import MemoryNetwork
from tests.cell.cells import Visit
from tests.cell.test_membership import bring
from tests.scenarios.locks import Guard
from tests.scenarios.test_delivery import quarrel, status, until
from tests.scenarios.test_own_removal import Machine, circle, remove


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Guard]:
    guard = Guard(monkeypatch)
    yield guard
    assert guard.looked
    assert sorted(set(guard.breaches)) == []


async def look(cell: Cell) -> None:
    """All that is shown of a cell."""
    _ = cell.flags, cell.members(), cell.peers(), cell.only_here(), cell.is_lock_due, cell.cursor(), cell.own_devices()
    for one in cell.circles:
        _ = one.wipes_in, one.membership.settings(), one.entries(), one.is_restricted(one)
        await one.membership.roster()
        await one.membership.to_contest()
        await one.keyholder.keys()
        for member in one.members():
            await one.membership.why(member.member)
            await one.membership.to_endorse(member.member)
            await one.keyholder.unsettled(member.member)


async def test_while_two_are_suspended(guard: Guard, memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with quarrel(memory_network) as cells:
        [_, ben, cara, dan] = cells
        await dan.create(Visit, title="not for who is suspended")
        await trio.sleep(7_200)
        for cell in cells:
            await look(cell)
            with suppress(CellsyncError):  # whoever is suspended is never in step
                await cell.sync()  # asks the others, who answer as far as each is told
        strikes = cara.first.circle.replica.court.ruling.decision.strikes
        [strike] = [one.entry for one in strikes if MemberId(ben.device) in one.members]
        await cara.first.membership.endorse([strike])
        await until(lambda: status(dan, ben) is DeviceStatus.REMOVED)
        for cell in cells:
            await look(cell)


@pytest.mark.parametrize("words", [1, 2])
async def test_while_a_removed_device_counts_its_hours(
    words: int, guard: Guard, memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    machine = Machine()
    async with circle(memory_network, machine, {"ana", "cara"}) as (ana, cara, ben):
        await remove(ana, cara, ben, words=words)
        async with ben.opened() as cell:
            await bring(ana, cell)
            machine.on(10)
            await trio.sleep(7_200)
            assert (cell.first.wipes_in is not None) is (words == 2)
            for one in (ana, cara, cell):
                await look(one)
        async with ben.opened() as cell:
            await look(cell)
