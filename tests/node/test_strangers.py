from __future__ import annotations

import math

import trio
import trio.testing

from cellsync.node import strangers
from cellsync.node.strangers import Strangers


async def test_one_too_many_ends_the_oldest_and_whoever_proved_itself_stays() -> None:
    among = Strangers()
    ended: list[int] = []

    async def connection(number: int, stream: trio.abc.Stream) -> None:
        with among.waiting(stream):
            await trio.sleep(math.inf)
        ended.append(number)

    streams = [trio.testing.memory_stream_pair()[0] for _ in range(strangers.PLACES + 3)]
    async with trio.open_nursery() as nursery:
        for number, stream in enumerate(streams):
            if number == strangers.PLACES:
                among.proved(streams[0])
            nursery.start_soon(connection, number, stream)
            await trio.testing.wait_all_tasks_blocked()
        assert ended == [1, 2]
        nursery.cancel_scope.cancel()
    assert 0 not in ended


async def test_whoever_left_takes_no_place() -> None:
    among = Strangers()
    for _ in range(3 * strangers.PLACES):
        with among.waiting(trio.testing.memory_stream_pair()[0]):
            await trio.lowlevel.checkpoint()
    assert not among._waiting
