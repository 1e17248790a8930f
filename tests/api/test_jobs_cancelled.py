"""Cancelling jobs: work done before stays, and the answer says how much that is."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from cellsync.api.contract.table import OPERATIONS
from cellsync.casework.importing import intake, reading
from cellsync.testing import MemoryNetwork
from tests.api.services import Asking, cell, services, synced

ROWS = 7


def table(rows: int = ROWS) -> str:
    lines = [f"VR-{number:04},Anton {number},active" for number in range(rows)]
    return base64.b64encode("\n".join(["external_id,name,status", *lines, ""]).encode()).decode()


@pytest.fixture
def in_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "GROUP_ROWS", 2)


def at_row(asking: Asking, row: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody cancels the import while its row of this number is being written."""
    write, done = asking.service.cell.first.own_entries.write_locked, 0

    async def written(edits: Any, **how: Any) -> Any:
        nonlocal done
        done += 2
        if done >= row:
            for job in asking.service.jobs._jobs.values():
                job.cancel()
        return await write(edits, **how)

    monkeypatch.setattr(asking.service.cell.first.own_entries, "write_locked", written)


async def titles(asking: Asking) -> int:
    return len((await asking("case.list"))["cases"])


def test_every_job_can_be_cancelled() -> None:
    paths = {(one.method, one.path) for one in OPERATIONS}
    jobs = {path for _, path in paths if path.endswith("/{job}")}
    assert jobs
    assert {("DELETE", path) for path in jobs} <= paths


@pytest.mark.parametrize(("row", "written"), [(1, 2), (3, 4), (5, 6)])
async def test_an_import(
    row: int, written: int, tmp_path: Path, autojump_clock: MockClock, in_pairs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The group that is just being written is finished, so that the report is exact."""
    async with cell(tmp_path, "ana") as [ana]:
        with monkeypatch.context() as patch:
            at_row(ana, row, patch)
            job = await ana.until("import.show", await ana("import", table=table()), "done", "failed")
        assert (job["state"], job["error"]["code"], job["error"]["exit"]) == ("failed", "cancelled", 130)
        assert (job["created"], job["updated"], job["unchanged"]) == (written, 0, 0)
        said = f"{written} cases were created and 0 updated; they stay. {ROWS - written} rows were not reached."
        assert job["error"]["message"] == f"The import was cancelled. {said}"
        assert (job["done"], job["total"]) == (written, ROWS)
        assert await titles(ana) == written
        again = await ana.until("import.show", await ana("import", table=table()), "done", "failed")
        assert (again["state"], again["created"], again["unchanged"]) == ("done", ROWS - written, written)


async def test_an_import_before_it_has_begun(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        job = await ana("import", table=table())
        job = await ana("import.cancel", job=job["job"])
        assert (job["state"], job["error"]["code"], job["created"]) == ("failed", "cancelled", 0)
        assert "Nothing was written." in job["error"]["message"]
        assert await titles(ana) == 0


async def test_an_import_whose_table_is_still_being_read(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large table is read for many seconds before its first row is written."""
    read = 0
    async with cell(tmp_path, "ana") as [ana]:
        with monkeypatch.context() as patch:
            row = reading._Reader._row

            def third(self: Any, *given: Any) -> None:
                nonlocal read
                read += 1
                if read == 3:
                    for job in ana.service.jobs._jobs.values():
                        job.cancel()
                row(self, *given)

            patch.setattr(reading._Reader, "_row", third)
            job = await ana.until("import.show", await ana("import", table=table()), "done", "failed")
        assert (read, job["state"], job["error"]["code"]) == (3, "failed", "cancelled")
        said = f"Nothing was written. {ROWS} rows were not reached."
        assert job["error"]["message"] == f"The import was cancelled. {said}"
        assert await titles(ana) == 0


async def test_what_is_over_is_not_cancelled(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        job = await ana.until("import.show", await ana("import", table=table()), "done")
        assert await ana("import.cancel", job=job["job"]) == job
        assert job["created"] == ROWS


async def test_an_import_that_is_cancelled_after_its_last_row(
    tmp_path: Path, autojump_clock: MockClock, in_pairs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        at_row(ana, ROWS, monkeypatch)
        job = await ana.until("import.show", await ana("import", table=table()), "done", "failed")
        assert (job["state"], job["error"], job["created"]) == ("done", None, ROWS)


async def test_a_sync(tmp_path: Path, autojump_clock: MockClock) -> None:
    net = MemoryNetwork()
    async with cell(tmp_path, "ana", "ben", net=net) as [ana, ben]:
        net.partition("ana", "ben")
        job = await ana("sync", everyone=True, timeout=600)
        job = await ana("sync.cancel", job=job["job"])
        assert (job["state"], job["error"]["code"]) == ("failed", "cancelled")
        net.heal()
        assert (await synced(ana))["state"] == "done"
        assert not ana.service.jobs.at_work
        assert not ben.service.jobs.at_work


async def test_an_invitation_and_a_join(tmp_path: Path, autojump_clock: MockClock) -> None:
    net = MemoryNetwork()
    async with cell(tmp_path, "ana", net=net) as [ana], services(tmp_path, "ben", net=net) as [ben]:
        invite = await ana("invite")
        taken_back = await ana("invite.cancel", job=invite["job"])
        assert (taken_back["state"], taken_back["error"]["code"]) == ("failed", "cancelled")
        join = await ben(
            "join", code=invite["code"], name="Ben", passphrase="harbour pickle staircase moss", timeout=60
        )
        broken_off = await ben("join.cancel", job=join["job"])
        assert (broken_off["state"], broken_off["error"]["code"]) == ("failed", "cancelled")
        assert [member["name"] for member in (await ana("members"))["members"]] == ["ana"]
