from __future__ import annotations

import trio
from trio.testing import MockClock

from cellsync.cell.flags import Flag, Reason
from cellsync.testing import MemoryNetwork
from tests.cell.cells import Visit, admit, found, level, opened


async def test_flags_outlive_the_cell_until_they_are_dismissed(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    home = await found(memory_network)
    async with opened(home) as cell:
        case = await cell.create(Visit, title="x")
        raised = [Flag(reason, cell.device, "ana", case.id) for reason in (Reason.FUTURE, Reason.NO_RIGHT)]
        cell._flag(raised)
        assert set(cell.flags) == set(raised)
    async with opened(home) as cell:
        assert set(cell.flags) == set(raised)
        cell.dismiss(raised[0])
        cell.dismiss(raised[0])
        await trio.sleep(5)
        assert cell.flags == [raised[1]]
    async with opened(home) as cell:
        assert cell.flags == [raised[1]]
        cell._flag(raised)
        assert set(cell.flags) == set(raised)


async def test_a_clock_ahead_is_flagged_at_the_others_also_after_opening_again(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    home = await found(memory_network)
    async with opened(home) as ana:
        ahead = await admit(memory_network, ana, "ben")
        now = ahead.surroundings.now
        object.__setattr__(ahead.surroundings, "now", lambda: now() + 30 * 3_600_000)
        async with opened(ahead) as ben:
            await ben.get(Visit, (await ana.create(Visit, title="here")).id, wait=60)
            await ben.create(Visit, title="from tomorrow")
            await level([ana, ben])
            assert [(flag.reason, flag.author) for flag in ana.flags] == [(Reason.FUTURE, "ben")]
    async with opened(home) as ana:
        assert [(flag.reason, flag.author) for flag in ana.flags] == [(Reason.FUTURE, "ben")]
