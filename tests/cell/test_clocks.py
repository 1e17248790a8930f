"""Clocks that differ: from minutes to weeks, in both directions, before and after devices have met."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from cellsync import Home
from cellsync.testing import MemoryNetwork
from tests.cell.cells import DAY, Visit, admit, check_failures, found, level, opened, with_clock

HOUR = 3600
SKEWS = [600, 3 * HOUR, 1.5 * DAY, 3 * DAY, 40 * DAY]
BOTH_WAYS = [way * skew for skew in SKEWS for way in (1, -1)]


def named(skew: float) -> str:
    return f"{skew / HOUR:+g} h"


async def met(net: MemoryNetwork, *names: str) -> list[Home]:
    """Homes of one cell whose clocks agreed, and which have exchanged everything and forgotten old keys; closed."""
    homes = [await found(net, names[0])]
    async with opened(homes[0]) as first:
        await first.create(Visit, title="the first")
        for name in names[1:]:
            homes.append(await admit(net, first, name))
            async with opened(homes[-1]) as cell:
                await level([first, cell])
                await cell.create(Visit, title=f"by {name}")
                await level([first, cell])
    for home in homes:  # everybody learns of everybody's entries, and a week passes
        async with opened(homes[0]) as first, trio.open_nursery():
            if home is not homes[0]:
                async with opened(home) as cell:
                    await level([first, cell])
    await trio.sleep(7 * DAY)
    for home in homes[1:]:
        async with opened(homes[0]) as first, opened(home) as cell:
            await first.create(Visit, title="a week later")
            await cell.create(Visit, title="a week later, too")
            await level([first, cell])
            await first.circle.tidy()
            await cell.circle.tidy()
    return homes


@pytest.mark.parametrize("skew", BOTH_WAYS, ids=named)
async def test_members_whose_clock_has_gone_off_meet_when_a_user_waits(
    memory_network: MemoryNetwork, autojump_clock: MockClock, skew: float
) -> None:
    net = memory_network
    ana_home, ben_home = await met(net, "ana", "ben")
    async with opened(ana_home) as ana, opened(with_clock(ben_home, skew)) as ben:
        case = await ben.create(Visit, title="with a wrong clock")
        (peer,) = await ben.sync(timeout=30)
        assert peer.ready
        assert (await ana.get(Visit, case.id, wait=60)).title == "with a wrong clock"
    check_failures(net)


@pytest.mark.parametrize("skew", BOTH_WAYS, ids=named)
@pytest.mark.parametrize("who", ["the wrong one", "the right one"])
async def test_members_whose_clock_has_gone_off_meet_at_known_addresses(
    memory_network: MemoryNetwork, autojump_clock: MockClock, skew: float, who: str
) -> None:
    """Nobody shows anything, and only one of the two users waits."""
    net = memory_network
    ana_home, ben_home = await met(net, "ana", "ben")
    net.host("ana").mode = net.host("ben").mode = "listen"
    async with opened(ana_home) as ana, opened(with_clock(ben_home, skew)) as ben:
        await ben.add_address(ana.device, net.host("ana").host, ana.port)
        await ana.add_address(ben.device, net.host("ben").host, ben.port)
        case = await ben.create(Visit, title="with a wrong clock")
        (peer,) = await (ben if who == "the wrong one" else ana).sync(timeout=30)
        assert peer.ready
        assert (await ana.get(Visit, case.id, wait=60)).title == "with a wrong clock"
    check_failures(net)
