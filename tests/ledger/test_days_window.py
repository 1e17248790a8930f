"""The window of forward secrecy, as an open circle knows it."""

from __future__ import annotations

from pathlib import Path

import trio
from trio.testing import MockClock

from cellsync.core.membership.window import WindowBound
from cellsync.testing import MemoryNetwork, level
from tests.cell.cells import DAY, Visit


async def test_the_window_grows_while_somebody_is_away_and_shrinks_when_they_are_back(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        await ben.create(Visit, title="12 Mill St")
        await level([ana, ben])
        circle = ana.first.circle
        assert [row.days for row in circle.window()] == [0, 0, 0]
        memory_network.partition("ana", "ben")
        await trio.sleep(3 * DAY)
        longest = {row.bound: row for row in circle.window()}
        away = longest[WindowBound.ABSENT]
        assert (away.days, away.device) == (3, ben.device)
        assert circle.window()[0].days >= 3
        memory_network.heal()
        await ben.create(Visit, title="back again")
        await level([ana, ben])
        assert {row.bound: row.days for row in circle.window()}[WindowBound.ABSENT] == 0


async def test_it_is_known_when_this_device_last_made_a_backup(
    memory_network: MemoryNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    device = await memory_network.device("ana").found()
    async with device.opened() as ana:
        before = ana.first.circle.backed_up
        assert before is None
        await ana.backup(tmp_path / "first")
        await trio.sleep(3 * DAY)
        made = await ana.backup(tmp_path / "second")
        assert ana.first.circle.backed_up == made.at
    async with device.opened() as ana:
        assert ana.first.circle.backed_up == made.at
