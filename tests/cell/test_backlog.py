from __future__ import annotations

import trio
from hypothesis import given
from hypothesis import strategies as st

from cellsync.cell.backlog import Backlog

MOST, MOST_BYTES = 4, 10


class Model:
    """A list that is looked through each time."""

    def __init__(self) -> None:
        self.waiting: list[int] = []
        self.missed = False

    def put(self, size: int) -> None:
        waits = sum(self.waiting)
        if self.missed or len(self.waiting) == MOST or (waits and waits + size > MOST_BYTES):
            self.missed = True
        else:
            self.waiting.append(size)

    def read(self) -> int | str:
        if self.missed and not self.waiting:
            self.missed = False
            return "missed"
        return self.waiting.pop(0) if self.waiting else "nothing"


@given(st.lists(st.one_of(st.integers(0, 12), st.none()), max_size=60))
def test_it_keeps_and_misses_as_a_list_does(steps: list[int | None]) -> None:
    """A number is an item of this size that is told; None: something is read."""

    async def run() -> None:
        backlog, model = Backlog[int](MOST, MOST_BYTES, lambda size: size), Model()
        for size in steps:
            if size is None:
                expected = model.read()
                assert backlog.take_miss() == (expected == "missed")
                if isinstance(expected, int):
                    assert await backlog.get() == expected
            else:
                backlog.put(size)
                model.put(size)

    trio.run(run)


async def test_what_waits_is_read_after_it_is_closed() -> None:
    backlog = Backlog[int](MOST, MOST_BYTES, lambda size: size)
    backlog.put(3)
    backlog.close()
    backlog.put(4)  # nobody is told any more
    assert [await backlog.get(), await backlog.get(), backlog.take_miss()] == [3, None, False]


async def test_a_reader_learns_once_that_it_has_missed_something() -> None:
    backlog = Backlog[int](MOST, MOST_BYTES, lambda size: size)
    for _ in range(2 * MOST):
        backlog.put(1)
    assert not backlog.take_miss()  # four wait
    assert [await backlog.get() for _ in range(MOST)] == [1] * MOST
    assert [backlog.take_miss(), backlog.take_miss()] == [True, False]
    backlog.miss()
    backlog.put(1)
    assert backlog.take_miss()
