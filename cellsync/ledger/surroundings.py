"""Surroundings: what the shell needs of the world besides a network: the time, randomness, and threads if allowed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any, TypeVar

import trio

from cellsync import system
from cellsync.core.ids import Millis
from cellsync.ledger.turns import short_turns

T = TypeVar("T")


def _now() -> Millis:
    return Millis(max(time.time_ns(), 0) // 1_000_000)


def _lived() -> int:
    return int(system.clock.since_boot() * 1000)


def _boot() -> bytes:
    return system.clock.boot()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The real ones by default. `lived`: ms since the machine was started, by a clock that is never set; `boot`: which
    start of which machine. `threads=False` runs everything inline: in virtual time a thread takes for ever."""

    now: Callable[[], Millis] = _now
    entropy: Callable[[int], bytes] = os.urandom
    lived: Callable[[], int] = _lived
    boot: Callable[[], bytes] = _boot
    threads: bool = True

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run blocking work where it does not stop the event loop."""
        if not self.threads:
            return work()
        with short_turns():
            return await trio.to_thread.run_sync(work)

    @contextmanager
    def beside(self, work: Callable[[], object]) -> Iterator[None]:
        """In a thread: run `work` in another thread during the block. Both are over at its end, and raise what failed.

        Without threads, `work` runs before the block.
        """
        if not self.threads:
            work()
            yield
            return
        over, ended = Event(), list[Any]()

        def end(outcome: Any) -> None:
            ended.append(outcome)
            over.set()

        trio.lowlevel.start_thread_soon(work, end)
        try:
            yield
        finally:
            over.wait()
        ended[0].unwrap()


REAL = Surroundings()
