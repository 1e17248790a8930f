"""Whatever valid entries a member writes, another device's event loop keeps turning: counted, not timed.

The loop is held up by a step of a task that does much, or by a pass of the cycle collector over many objects, in any
thread. So calls are counted per step, and objects per pass. `make bench` has the milliseconds.
"""

from __future__ import annotations

import gc
import shutil
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import pytest
import trio

from bench.hostile import Victim, ask, go_through, served, write
from cellsync.api import dispatch
from cellsync.cell import graph
from cellsync.ledger.pause import THRESHOLDS
from cellsync.testing.hostile.bombs import BOMBS

CALLS: Final = 40_000  # in one step of a task: 3 to 25 ms. One value may have 1,024 elements
OBJECTS: Final = 130_000  # that one pass goes through, 10 to 20 ms: the thresholds let 120,000 come together
BYTES: Final = 1 << 19  # of entries: a batch of 100, which together do 20,000 operations
FEW: Final = ("1,000 empty arrays each", "131,072 corrections")


class Turns(trio.abc.Instrument):
    """How many calls of Python functions, and of those in C, the largest step of a task made, and what it was."""

    def __init__(self) -> None:
        self.phase = ""
        self.most: dict[str, tuple[int, str]] = {}
        self.passes: dict[str, int] = {}
        self._calls = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._calls = 0

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.most[self.phase] = max(self.most.get(self.phase, (0, "")), (self._calls, task.name))

    def _called(self, _: object, event: str, __: object) -> None:
        if event in ("call", "c_call"):
            self._calls += 1

    def _collecting(self, stage: str, info: dict[str, int]) -> None:
        if stage == "start" and self.phase:
            gone_through = sum(len(gc.get_objects(generation)) for generation in range(info["generation"] + 1))
            self.passes[self.phase] = max(self.passes.get(self.phase, 0), gone_through)

    @contextmanager
    def counting(self) -> Iterator[None]:
        thresholds = gc.get_threshold()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*THRESHOLDS)
        gc.callbacks.append(self._collecting)
        sys.setprofile(self._called)  # of this thread only: what another one does lets the loop turn
        try:
            yield
        finally:
            sys.setprofile(None)
            gc.callbacks.remove(self._collecting)
            gc.set_threshold(*thresholds)
            gc.unfreeze()

    @asynccontextmanager
    async def over(self, phase: str, *, growth: bool = True) -> AsyncIterator[None]:
        await trio.lowlevel.checkpoint()
        self.phase = phase
        yield
        await trio.lowlevel.checkpoint()
        self.phase = ""


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Victim:
    return Victim.made(tmp_path_factory.mktemp("victim"))


@pytest.mark.parametrize(
    "attack", [pytest.param(name, marks=[] if name in FEW else pytest.mark.slow) for name in BOMBS]
)
def test_the_loop_turns(attack: str, victim: Victim, tmp_path: Path) -> None:
    dispatch.load()
    turns, batches = Turns(), tmp_path / "batches"
    write(victim.hello, batches, BOMBS[attack](), BYTES)

    async def suffer() -> None:
        async with served(shutil.copytree(victim.folder, tmp_path / "profile")) as service:
            with turns.counting():
                trio.lowlevel.add_instrument(turns)
                await go_through(service, batches, lambda: turns)

    trio.run(suffer)
    assert len(turns.most) == 14
    assert {phase: found for phase, found in turns.most.items() if phase and found[0] > CALLS} == {}
    assert {phase: many for phase, many in turns.passes.items() if many > OBJECTS} == {}


def test_what_an_author_had_seen_is_found_beside_the_loop(
    victim: Victim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody may have seen hundreds of branches, each of which is compared with each."""
    nearest, threads = graph._nearest, set[int]()

    def noted(view: graph.View, views: dict[int, graph.View]) -> list[int]:
        threads.add(threading.get_ident())
        return nearest(view, views)

    monkeypatch.setattr(graph, "_nearest", noted)

    async def look() -> None:
        async with served(shutil.copytree(victim.folder, tmp_path / "profile")) as service:
            await ask(service, "case.graph", case="honest")

    trio.run(look)
    assert threads
    assert threading.get_ident() not in threads
