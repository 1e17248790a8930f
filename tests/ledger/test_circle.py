"""A step of an open circle during which the disk fails, and what the circle remembers when the clock is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

import pytest

from cellsync import Register, Schema
from cellsync.core import caps
from cellsync.core.errors import DiskFull
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.ids import CaseId, Day, DeviceId
from cellsync.core.replica.stage import Plan
from cellsync.core.session.exchange import Exchange
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.places import Frontier
from cellsync.core.wire.tags import Op
from cellsync.ledger.circle import FEW
from cellsync.ledger.source import FromSession
from cellsync.store.sqlite import SqliteStore
from cellsync.testing import MemoryNetwork

T = TypeVar("T")


class Note(Schema, kind="org.example.note", version=1):
    title: Register[str]


async def test_entries_that_are_stored_count_even_if_there_is_no_space_for_snapshots(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    device = await MemoryNetwork().device("ana").found()
    async with device.opened() as cell:
        seen = []
        cell.first.circle.watch(lambda plan, _: seen.append(len(plan.commit.entries)))

        def full(_: object) -> None:
            raise DiskFull

        monkeypatch.setattr(cell.first.circle.store, "save_snapshots", full)
        monkeypatch.setattr(cell.first.circle.replica.states, "crowded", lambda: True)
        note = await cell.create(Note, title="stored")
        monkeypatch.undo()
        assert (note.title, cell.entries(), seen) == ("stored", 3, [1])


@pytest.mark.parametrize("threads", [False, True])
async def test_a_large_step_that_the_disk_refuses_changes_no_state(
    threads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is folded while the disk is waited for."""
    device = await MemoryNetwork().device("ana").found()
    async with device.opened() as cell:
        circle = cell.first.circle
        replica, store = circle.replica, circle.store
        assert isinstance(store, SqliteStore)
        monkeypatch.setattr(circle, "surroundings", replace(circle.surroundings, threads=threads))
        note = await cell.create(Note, title="before")
        known, unknown = note.id, CaseId(bytes(32))
        number, entries = replica.held.cases[known], cell.entries()
        before = replica.states.get(number).encode()
        texts = [[Operation(Op.SET, field, b"", field[0] * 40_000)] for field in ("title", "other")]
        step = [(case, text) for case in (known, unknown) for text in texts]
        failures: list[str] = []

        def full() -> None:
            store._roll_back()
            failures.append("full")
            raise DiskFull

        with monkeypatch.context() as patched:
            patched.setattr(store, "flush", full)
            with pytest.raises(DiskFull):
                await cell.write(step)
        assert (failures, cell.entries(), replica.held.cases.get(unknown)) == (["full"], entries, None)
        assert replica.states.get(number).encode() == before
        await cell.write(step)
        for case in (known, unknown):
            registers = replica.states.get(replica.held.cases[case]).registers
            assert "t" * 40_000 in {cell.value for cell in registers["title"].live.values()}


async def test_a_large_batch_is_planned_while_the_store_puts_itself_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    device = await MemoryNetwork().device("ana").found()
    async with device.opened() as cell:
        circle, tidied = cell.first.circle, list[bool]()
        plan = circle.replica.plan
        tidying = False

        @contextmanager
        def beside() -> Iterator[None]:
            nonlocal tidying
            tidying = True
            yield
            tidying = False

        def planned(batch: Batch, room: Mapping[DeviceId, int] | None = None) -> Plan:
            tidied.append(tidying)
            return plan(batch, room)

        async def ingest() -> bool:
            batch = circle.serve(0, PeerHoldings({}, (), ()), circle.last_arrival()).batch
            assert batch is not None
            batch.size = sum(len(one.content) for one in batch.entries)
            await circle.ingest(batch, FromSession(None, 1))
            return tidied[-1]

        monkeypatch.setattr(circle.store, "tidying", beside)
        monkeypatch.setattr(circle.replica, "plan", planned)
        monkeypatch.setattr(circle, "surroundings", replace(circle.surroundings, threads=True))
        assert not await ingest()  # it is small
        for _ in range(2):
            await cell.create(Note, title="x" * 60_000)
        assert await ingest()
        monkeypatch.setattr(circle, "surroundings", replace(circle.surroundings, threads=False))
        assert not await ingest()


async def test_what_somebody_made_large_is_built_for_others_beside_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    device = await MemoryNetwork().device("ana").found()
    async with device.opened() as cell:
        circle, apart = cell.first.circle, list[int]()
        run = circle.apart

        async def counted(work: Callable[[], T]) -> T:
            apart.append(1)
            return await run(work)

        exchange = Exchange(circle, bytes(8), caps.FRAME)
        exchange._hear(Frontier(frozenset()))
        exchange.settle()

        async def built() -> tuple[int, int]:
            """How many entries the next batch has, and how many stretches of work were done apart."""
            apart.clear()
            async with circle.lock:
                building = exchange.due(math.inf)
                assert building is not None
                await circle.build(building)
                exchange.send(building)
                exchange.on_ack([], 0.0)
                batch = building.served.batch
                return 0 if batch is None else len(batch.entries), len(apart)

        monkeypatch.setattr(circle, "apart", counted)
        assert await built() == (2, 0)  # the founding
        await cell.create(Note, title="small")
        assert await built() == (1, 0)
        await cell.create(Note, title="x" * 60_000)
        await cell.create(Note, title="x" * 60_000)
        assert await built() == (2, 1)  # many bytes
        case = CaseId(bytes(32))
        counts = [(case, [Operation(int(Op.COUNT), "f", None, 1)])] * (FEW + 1)
        await cell.write(counts)
        assert await built() == (FEW + 1, 0)  # one step, with one signature, of few bytes
        for count in counts:
            await cell.write([count])
        assert await built() == (FEW + 1, 1)  # many steps


async def test_a_clock_set_forward_and_back_does_not_make_a_replay_new() -> None:
    """The moment when somebody sets the clock of a network forward must not forget which openings were answered."""
    device = MemoryNetwork().device("ana")
    right = device.home.surroundings.now
    caller = DeviceId(b"caller")
    wrong = device.with_clock(1_000 * 86_400)
    await device.found()
    async with device.opened() as cell:
        day = Day(right() // 86_400_000)
        assert await cell.first.circle.accept_ephemeral(day, caller, b"ephemeral")
    async with wrong.opened() as cell:
        await cell.first.circle.tidy()
    async with device.opened() as cell:
        assert not await cell.first.circle.accept_ephemeral(day, caller, b"ephemeral")
