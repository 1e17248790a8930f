"""How long the event loop waits for the interpreter while worker threads compute."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import trio
import trio.testing

from cellsync.ledger.surroundings import Surroundings
from cellsync.ledger.turns import SECONDS, short_turns


@pytest.fixture(autouse=True)
def interval() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.005)
    yield
    sys.setswitchinterval(before)


async def test_turns_are_short_while_a_worker_computes_and_no_longer() -> None:
    surroundings = Surroundings()
    assert await surroundings.in_thread(sys.getswitchinterval) == pytest.approx(SECONDS)
    assert sys.getswitchinterval() == pytest.approx(0.005)
    with pytest.raises(ZeroDivisionError):
        await surroundings.in_thread(lambda: 1 // 0)
    assert sys.getswitchinterval() == pytest.approx(0.005)


async def test_the_last_of_several_workers_restores_them() -> None:
    surroundings, seen = Surroundings(), list[float]()

    async def compute(wait: trio.Event, done: trio.Event) -> None:
        def work() -> None:
            trio.from_thread.run(wait.wait)
            seen.append(sys.getswitchinterval())

        await surroundings.in_thread(work)
        done.set()

    first, second, done = trio.Event(), trio.Event(), trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(compute, first, done)
        nursery.start_soon(compute, second, trio.Event())
        await trio.testing.wait_all_tasks_blocked()
        first.set()
        await done.wait()
        assert sys.getswitchinterval() == pytest.approx(SECONDS)
        second.set()
    assert seen == [pytest.approx(SECONDS)] * 2
    assert sys.getswitchinterval() == pytest.approx(0.005)


def test_a_program_that_wants_them_shorter_keeps_them() -> None:
    sys.setswitchinterval(SECONDS / 2)
    theirs = sys.getswitchinterval()
    for _ in range(3):
        with short_turns():
            assert sys.getswitchinterval() == theirs
        assert sys.getswitchinterval() == theirs


@pytest.mark.parametrize("microseconds", [1, 49, 99, 101, 3_333, 5_000])
def test_an_interval_comes_back_as_it_was(microseconds: int) -> None:
    sys.setswitchinterval((microseconds + 0.5) / 1_000_000)
    for _ in range(3):
        with short_turns():
            pass
        assert sys.getswitchinterval() == microseconds / 1_000_000
