"""Calling again: soon after a session broke off, and ever more rarely if it breaks off every time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell, Register, Schema
from cellsync.core.errors import CellsyncError, DiskFull
from cellsync.node.network import Address
from cellsync.testing import MemoryNetwork

HOUR = 3600


class Note(Schema, kind="org.example.note", version=1):
    title: Register[str]


async def test_a_broken_session_is_renewed_at_once(autojump_clock: MockClock) -> None:
    net = MemoryNetwork()
    device = await net.device("ana").found()
    async with device.opened() as ana:
        other = await net.device("ben").join(ana)
        async with other.opened() as ben:
            await ana.synced(timeout=30)
            for _ in range(3):
                net.break_connections("ana")
                case = await ana.create(Note, title="12 Mill St")
                await ben.get(Note, case.id, wait=2)


async def test_what_breaks_off_every_time_is_called_ever_more_rarely(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk over night must not use up the openings that the others accept in a day."""
    net = MemoryNetwork()
    device = await net.device("ana").found()
    async with device.opened() as ana:
        other = await net.device("ben").join(ana)
        async with other.opened() as ben:
            await ana.synced(timeout=30)
            await ana.create(Note, title="synced")
            await ana.synced(timeout=30)

            async def full(*_: object) -> None:
                raise DiskFull

            calls = []
            for cell in (ana, ben):
                dial = cell.node.network.dial

                async def counted(address: Address, dial=dial) -> trio.abc.Stream:  # type: ignore[no-untyped-def]
                    calls.append(address)
                    stream: trio.abc.Stream = await dial(address)
                    return stream

                monkeypatch.setattr(cell.node.network, "dial", counted)
            monkeypatch.setattr(ben.first.circle, "ingest", full)
            case = await ana.create(Note, title="there is no space for it")
            await trio.sleep(HOUR)
            assert 5 < len(calls) < 100

            monkeypatch.undo()
            await ben.get(Note, case.id, wait=HOUR)


def slowly_over(run: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def run_slowly_over(*given: object) -> None:
        try:
            await run(*given)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.3)

    return run_slowly_over


async def test_one_call_at_a_time(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the attempts of a call whose session broke off are cleared away, none begins another."""
    net = MemoryNetwork()
    laptop = await net.device("ana").found()
    async with laptop.opened() as ana:
        desktop = await net.device("ben").join(ana)
        async with desktop.opened() as ben, trio.open_nursery() as nursery:
            await ana.synced(timeout=30)
            for cell in (ana, ben):
                monkeypatch.setattr(cell.node.links, "run", slowly_over(cell.node.links.run))

            async def impatient(one: Cell, other: Cell) -> None:
                while True:
                    if other.device not in one.node.links:
                        with suppress(CellsyncError):
                            await one.node.calls.ping(other.device)
                    await one.node.links.changed.wait()

            for one, other in ((ana, ben), (ben, ana)):
                for _ in range(4):
                    nursery.start_soon(impatient, one, other)
            for _ in range(100):
                await trio.sleep(1)
                net.break_connections("ana")
            nursery.cancel_scope.cancel()
            await ana.synced(timeout=30)
