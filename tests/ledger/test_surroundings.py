"""Threads of the shell: work beside other work, and what becomes of failures."""

from __future__ import annotations

from threading import Event, get_ident

import pytest

from cellsync.ledger.surroundings import Surroundings

LONG = 30.0  # seconds: neither side waits that long unless the other is missing


def test_two_works_go_on_at_the_same_time_in_two_threads() -> None:
    here, there, at = Event(), Event(), list[int]()

    def work() -> None:
        at.append(get_ident())
        there.set()
        assert here.wait(LONG)

    with Surroundings().beside(work):
        assert there.wait(LONG)
        here.set()
    assert at != [get_ident()]


def test_without_threads_the_work_comes_first() -> None:
    order: list[str] = []
    with Surroundings(threads=False).beside(lambda: order.append("work")):
        order.append("block")
    assert order == ["work", "block"]


@pytest.mark.parametrize("threads", [False, True])
def test_what_the_work_raises_is_raised(threads: bool) -> None:
    with pytest.raises(ZeroDivisionError), Surroundings(threads=threads).beside(lambda: 1 // 0):
        pass


def test_a_failure_of_the_block_waits_for_the_work() -> None:
    here, done = Event(), list[int]()

    def work() -> None:
        assert here.wait(LONG)
        done.append(1)

    def fail() -> None:
        here.set()
        raise KeyError

    with pytest.raises(KeyError), Surroundings().beside(work):
        fail()
    assert done == [1]
