"""A disk that takes its time: commits run in a thread, in real time. Edits that are cancelled meanwhile are written
whole or not at all, and nothing that was acknowledged is lost."""

from __future__ import annotations

import time
from dataclasses import replace
from random import Random

import pytest
import trio

from cellsync import Cell
from cellsync.ledger.disk import QUICK
from cellsync.store.sqlite import SqliteStore
from cellsync.testing import MemoryNetwork, SimulatedDevice, level
from tests.cell.cells import Visit
from tests.cell.template import Template


def with_threads(device: SimulatedDevice) -> SimulatedDevice:
    return device.with_home(surroundings=replace(device.home.surroundings, threads=True))


async def test_edits_while_the_disk_is_slow(template: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    net, random = MemoryNetwork(4), Random(4)
    template.copy_to(net)
    flush = SqliteStore.flush
    hops = 0

    def slow(store: SqliteStore) -> None:
        nonlocal hops
        time.sleep(QUICK * 1.2)
        try:
            trio.lowlevel.current_trio_token()
        except RuntimeError:
            hops += 1
        flush(store)

    monkeypatch.setattr(SqliteStore, "flush", slow)
    acknowledged: set[str] = set()
    tried: set[str] = set()

    async def write(cell: Cell, word: str) -> None:
        case = await cell.get(Visit, template.shared)
        for number in range(12):
            note = f"{word} {number}"
            tried.add(note)
            with trio.move_on_after(random.choice([0.0, 0.001, 0.004, 0.01, 1])):
                async with case.edit() as draft:
                    draft.notes.append(note)
                acknowledged.add(note)

    async with (
        with_threads(net.device("ana")).opened() as ana,
        with_threads(net.device("ben")).opened() as ben,
    ):
        async with trio.open_nursery() as nursery:
            for at, cell in enumerate([ana, ben, ana, ben]):
                nursery.start_soon(write, cell, str(at))
        await level([ana, ben], 20)
        for cell in (ana, ben):
            notes = list((await cell.get(Visit, template.shared)).notes)
            assert acknowledged <= set(notes) <= tried
            assert len(notes) == len(set(notes))
    assert hops
    assert acknowledged
    monkeypatch.setattr(SqliteStore, "flush", flush)
    async with net.device("ana").opened() as ana:
        assert acknowledged <= set((await ana.get(Visit, template.shared)).notes)
    net.check_failures()


async def test_cancelling_before_the_lock_writes_nothing(template: Template) -> None:
    net = MemoryNetwork(4)
    template.copy_to(net)
    async with net.device("ana").opened() as ana:
        case = await ana.get(Visit, template.shared)
        before = ana.entries()

        tried = trio.Event()

        async def hold(task_status: trio.TaskStatus[None]) -> None:
            async with ana.first.circle.lock:
                task_status.started()
                await tried.wait()

        async with trio.open_nursery() as nursery:
            await nursery.start(hold)
            with trio.move_on_after(0.01) as scope:
                async with case.edit() as draft:
                    draft.title = "never"
            assert scope.cancelled_caught
            tried.set()
        assert ana.entries() == before
        assert case.title == "in the beginning"
