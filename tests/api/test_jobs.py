"""Jobs and states: jobs that end with the cell, jobs that wait, and two simultaneous requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cellsync.api.contract import shapes
from cellsync.api.contract.problems import ChangedMeanwhile
from cellsync.api.jobs import KEPT, Job, Jobs
from cellsync.core.errors import CellsyncError, NotFound, VaultExists
from cellsync.testing import MemoryNetwork
from tests.api.services import PASSPHRASE, cell, services


class Sleep(Job[shapes.Answer]):
    """A job that takes an hour."""

    async def run(self) -> None:
        await trio.sleep(3600)

    def show(self) -> shapes.Answer:
        return shapes.Done()

    def cancel(self) -> None:
        pass


async def fail(error: Exception) -> None:
    raise error


async def test_jobs_end_with_the_cell_and_say_so(tmp_path: Path, autojump_clock: MockClock) -> None:
    """They did not succeed: an invitation that was cut off has added nobody."""
    net = MemoryNetwork()
    async with cell(tmp_path, "ana", "ben", net=net) as [ana, _]:
        net.partition("ana", "ben")
        invite = await ana("invite")
        sync = await ana("sync", everyone=True, timeout=600)
        await ana("lock")
        await ana("unlock", passphrase=PASSPHRASE)
        for shown in ((await ana("invites"))["invites"][0], await ana("sync.show", job=sync["job"])):
            assert (shown["state"], shown["error"]["code"]) == ("failed", "closed")
        assert (await ana("invite.show", job=invite["job"], after=99, wait=60))["device"] is None  # and nobody waits


async def test_what_a_job_costs_is_shown_without_content(survived: list[str]) -> None:
    for error, code in ((NotFound(), "not_found"), (ValueError("Anton"), "internal")):
        job = Sleep()
        await job.watch(lambda error=error: fail(error))  # type: ignore[misc]
        shown = job.shown_error()
        assert shown is not None
        assert shown.code == code
        assert "Anton" not in repr(shown)
        assert job.over
    assert survived.pop() == "a job failed: ValueError"


async def test_one_error_in_a_group_is_that_error() -> None:
    job = Sleep()
    await job.watch(lambda: fail(ExceptionGroup("", [ExceptionGroup("", [NotFound()])])))
    assert isinstance(job.error, NotFound)


async def test_waiting_ends_with_the_next_step(autojump_clock: MockClock) -> None:
    job = Sleep()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(job.watch, job.run)
        began = trio.current_time()
        await job.moved(job.step, 10)
        assert trio.current_time() - began == 10
        await job.moved(0, 10)
        assert trio.current_time() - began == 10  # that step is over already
        nursery.start_soon(trio.sleep, 5)
        await job.moved(job.step, 7200)
        assert trio.current_time() == began + 3600


def test_old_jobs_are_forgotten_and_running_ones_are_not() -> None:
    jobs = Jobs()
    running = Sleep()
    jobs.add(running)
    for _ in range(KEPT * 2):
        job = Sleep()
        job.over = True
        jobs.add(job)
    assert jobs.find(Sleep, running.id) is running
    assert len(jobs.all(Sleep)) == KEPT + 1
    before = jobs.at_work
    running.over = True
    assert (before, jobs.at_work) == (True, False)
    with pytest.raises(NotFound):
        jobs.find(Sleep, "")  # all of them begin like that


async def both(*asked: Any) -> list[dict[str, Any] | CellsyncError]:
    """What each gets when all ask at once."""
    got: list[dict[str, Any] | CellsyncError] = []

    async def ask(work: Any) -> None:
        try:
            got.append(await work())
        except CellsyncError as error:
            got.append(error)

    async with trio.open_nursery() as nursery:
        for work in asked:
            nursery.start_soon(ask, work)
    return got


async def test_of_two_who_read_the_same_only_one_writes(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        made = await ana("case.new", set={"title": "Parcel"})
        heads = (await ana("case.show", case=made["id"]))["heads"]
        got = await both(
            lambda: ana("case.edit", case=made["id"], set={"status": "active"}, heads=heads),
            lambda: ana("case.edit", case=made["id"], set={"status": "closed"}, heads=heads),
        )
        assert sorted(type(one).__name__ for one in got) == [ChangedMeanwhile.__name__, "dict"]
        assert len((await ana("case.graph", case=made["id"]))["rows"]) == 2


async def test_two_who_found_a_cell_at_once(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana") as [ana]:
        got = await both(
            lambda: ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE),
            lambda: ana("init", cell="Another", name="Ana", passphrase="another"),
        )
        assert sorted(type(one).__name__ for one in got) == [VaultExists.__name__, "dict"]
        assert ana.service.state == "open"


async def test_locking_what_is_just_being_opened(tmp_path: Path, autojump_clock: MockClock) -> None:
    """Whoever locks last wins: it must not open behind their back."""
    async with services(tmp_path, "ana") as [ana]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await ana("lock")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: both(lambda: ana("unlock", passphrase=PASSPHRASE)))
            while not ana.service._opening.locked():
                await trio.lowlevel.checkpoint()
            await ana("lock")
            assert ana.service.state == "locked"
        assert ana.service.state == "locked"


async def test_whoever_starts_the_program_anew_is_told_of_every_end(
    tmp_path: Path, autojump_clock: MockClock, survived: list[str]
) -> None:
    """Keys are in the memory also after a fault."""
    async with services(tmp_path, "ana") as [ana]:
        states: list[str] = []
        ana.service.on_lock = lambda: states.append(ana.service.state)
        await ana("lock")
        assert not states
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await ana("lock")
        await ana("lock")
        assert states == ["locked"]
        with pytest.raises(CellsyncError):
            await ana("unlock", passphrase="a guess")
        assert states == ["locked"]
        await ana("unlock", passphrase=PASSPHRASE)
        ana.service.inside.start_soon(fail, ValueError())
        await trio.sleep(1)
        assert states == ["locked", "locked"]
    assert survived.pop() == "the cell was closed by a fault: ValueError"


async def test_panic_asks_nobody(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana") as [ana]:
        told: list[str] = []
        ana.service.on_panic = lambda: told.append(ana.service.state)
        await ana("panic")
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await ana("panic")
        assert told == ["empty", "open"]
