"""Upkeep: how long news waits until it is stored, and how often that happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock

from cellsync.core.errors import DiskFull
from cellsync.node.upkeep import Upkeep


class Kept:
    """When work was done, in seconds since the beginning, and whether that tidied."""

    def __init__(self) -> None:
        self.times: list[tuple[int, bool]] = []
        self.connected = False
        self.full = False
        self.began = trio.current_time()

    async def __call__(self, *, tidy: bool) -> None:
        self.times.append((round(trio.current_time() - self.began), tidy))
        if self.full:
            raise DiskFull


@asynccontextmanager
async def at_work(kept: Kept) -> AsyncIterator[Upkeep]:
    upkeep = Upkeep(kept, lambda: kept.connected)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(upkeep.run)
        await trio.testing.wait_all_tasks_blocked()
        yield upkeep
        nursery.cancel_scope.cancel()


async def test_one_thing_is_kept_when_it_is_quiet(autojump_clock: MockClock) -> None:
    kept = Kept()
    async with at_work(kept) as upkeep:
        upkeep.due()
        await trio.sleep(100)
    assert kept.times == [(3, True)]


@pytest.mark.parametrize("every", [0.5, 2.0, 2.9])
async def test_while_there_is_news_it_is_kept_every_few_seconds(every: float, autojump_clock: MockClock) -> None:
    """News that never stopped for three seconds once kept everything from being kept."""
    kept = Kept()
    async with at_work(kept) as upkeep:
        with trio.move_on_after(60):
            while True:
                upkeep.due()
                await trio.sleep(every)
        await trio.sleep(10)
    *meanwhile, last = kept.times
    assert last[1]
    assert not any(tidy for _, tidy in meanwhile)
    waits = [later - before for before, later in pairwise([0, *(time for time, _ in kept.times)])]
    assert max(waits) <= 9  # a kill loses no more
    assert min(waits[:-1]) >= 6  # and it is cheap


async def test_who_is_connected_is_kept_every_five_minutes(autojump_clock: MockClock) -> None:
    kept = Kept()
    kept.connected = True
    async with at_work(kept):
        await trio.sleep(910)
    assert kept.times == [(300, False), (600, False), (900, False)]


async def test_a_device_that_is_alone_keeps_nothing_and_tidies(autojump_clock: MockClock) -> None:
    kept = Kept()
    async with at_work(kept):
        await trio.sleep(2 * 3600 + 10)
    assert kept.times == [(3600, True), (7200, True)]


async def test_it_is_tidied_among_them(autojump_clock: MockClock) -> None:
    kept = Kept()
    kept.connected = True
    async with at_work(kept):
        await trio.sleep(2 * 3600 + 10)
    assert [time for time, tidy in kept.times if tidy] == [3600, 7200]
    assert len(kept.times) == 24


async def test_a_full_disk_is_tried_again(autojump_clock: MockClock) -> None:
    kept = Kept()
    kept.full = True
    async with at_work(kept) as upkeep:
        for _ in range(2):
            upkeep.due()
            await trio.sleep(10)
        kept.full = False
        await trio.sleep(100)
    assert kept.times == [(3, True), (36, True)]
