from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from cellsync.core.ids import SessionPublic
from cellsync.node import strangers
from cellsync.node.strangers import Strangers

ANA, BEN = SessionPublic(b"a" * 32), SessionPublic(b"b" * 32)
CROWD = 5


class Door:
    """Connections that wait until they are ended."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.among = Strangers(CROWD)
        self.ended: list[str] = []
        self._streams: dict[str, trio.abc.Stream] = {}
        self._nursery = nursery

    async def open(self, *names: str) -> None:
        for name in names:
            self._streams[name] = trio.testing.memory_stream_pair()[0]
            self._nursery.start_soon(self._wait, name)
            await trio.testing.wait_all_tasks_blocked()

    def called(self, name: str, key: SessionPublic | None) -> None:
        self.among.called(self._streams[name], key)

    def proved(self, name: str) -> None:
        self.among.proved(self._streams[name])

    async def _wait(self, name: str) -> None:
        with self.among.waiting(self._streams[name]):
            await trio.sleep(math.inf)
        self.ended.append(name)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with opened() as door:
        yield door


@asynccontextmanager
async def opened() -> AsyncIterator[Door]:
    async with trio.open_nursery() as nursery:
        yield Door(nursery)
        nursery.cancel_scope.cancel()


async def test_one_too_many_ends_the_oldest_and_whoever_proved_itself_stays(door: Door) -> None:
    await door.open(*"abcde")
    door.proved("a")
    await door.open(*"fgh")
    assert door.ended == ["b", "c"]


async def test_a_caller_is_not_ended_by_the_crowd_and_makes_room_in_it(door: Door) -> None:
    await door.open(*"abcde")
    door.called("a", ANA)
    door.called("b", None)
    await door.open(*"fg")
    assert door.ended == []
    await door.open(*(f"more {number}" for number in range(3 * CROWD)))
    assert {"a", "b"}.isdisjoint(door.ended)
    assert len(door.among) == CROWD + 2


async def test_of_one_device_two_may_wait_and_others_do_not_mind(door: Door) -> None:
    await door.open("x")
    door.called("x", BEN)
    for name in "abcd":
        await door.open(name)
        door.called(name, ANA)
    await trio.testing.wait_all_tasks_blocked()
    assert door.ended == ["a", "b"]
    assert len(door.among) == 1 + strangers.CALLERS


async def test_newcomers_have_places_of_their_own(door: Door) -> None:
    await door.open("x")
    door.called("x", BEN)
    names = [f"new {number}" for number in range(strangers.NEWCOMERS + 2)]
    for name in names:
        await door.open(name)
        door.called(name, None)
    await trio.testing.wait_all_tasks_blocked()
    assert door.ended == names[:2]


async def test_whoever_left_takes_no_place() -> None:
    among = Strangers(CROWD)
    for number in range(3 * CROWD):
        stream = trio.testing.memory_stream_pair()[0]
        with among.waiting(stream):
            if number % 3:
                among.called(stream, ANA if number % 3 == 1 else None)
            await trio.lowlevel.checkpoint()
        among.called(stream, ANA)  # too late: nothing happens
    assert len(among) == 0
    assert not among._callers


def test_few_descriptors_make_fewer_places(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Strangers()._crowd._number == strangers.CROWD
    monkeypatch.setattr("cellsync.system.process.descriptors", lambda: 256)
    assert Strangers()._crowd._number == 128
