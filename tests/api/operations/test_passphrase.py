"""The passphrase changed and new keys made through the local API: in every state, and when it goes wrong."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cellsync.api.contract.problems import Locked, TooSoon
from cellsync.core.errors import InvalidValue, StorageFailed, WrongPassphrase
from cellsync.store import rekey
from tests.api.services import PASSPHRASE, Asking, cell, services, synced

NEW = "kitchen orbit seventeen lampshade"
Usage = namedtuple("Usage", "total used free")


async def rekeyed(one: Asking, passphrase: str = PASSPHRASE) -> dict[str, Any]:
    return await one.until("rekey.show", await one("rekey", passphrase=passphrase), "done", "failed")


def files(one: Asking) -> set[str]:
    return {path.name for path in one.service.profile.vault.iterdir() if len(path.name) == 32}


@pytest.mark.parametrize("locked", [False, True])
async def test_the_passphrase_is_changed_open_or_locked(
    locked: bool, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with services(tmp_path, "ana") as [ana]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        if locked:
            await ana("lock")
        state = (await ana("health"))["state"]
        assert await ana("passphrase.check", passphrase=PASSPHRASE) == {"v": 1, "cell": "Mill Street", "name": "Ana"}
        await ana("passphrase.change", old=PASSPHRASE, new=NEW)
        assert (await ana("health"))["state"] == state
        with pytest.raises(WrongPassphrase):
            await ana("passphrase.check", passphrase=PASSPHRASE)
        await ana("lock")
        await ana("unlock", passphrase=NEW)


@pytest.mark.parametrize("locked", [False, True])
async def test_wrong_ones_are_guesses(locked: bool, tmp_path: Path, autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana") as [ana]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        if locked:
            await ana("lock")
        with pytest.raises(InvalidValue):
            await ana("passphrase.change", old=PASSPHRASE, new=PASSPHRASE)
        with pytest.raises(WrongPassphrase):
            await ana("passphrase.check", passphrase=NEW)
        with pytest.raises(WrongPassphrase):
            await ana("passphrase.change", old=NEW, new="x")
        before = files(ana)
        job = await rekeyed(ana, NEW)
        assert job["error"]["code"] == "wrong_passphrase"
        assert files(ana) == before
        assert (await ana("health"))["state"] == ("locked" if locked else "open")
        with pytest.raises(TooSoon):
            await ana("passphrase.check", passphrase=PASSPHRASE)


async def test_new_keys_of_an_open_cell(tmp_path: Path, autojump_clock: MockClock) -> None:
    """It is open again afterwards, with the time that it had, and goes on with the others; nobody is told of a lock."""
    async with cell(tmp_path, "ana", "ben") as [ana, ben]:
        told: list[str] = []
        ana.service.on_lock = lambda: told.append("locked")
        await ana("unlock", passphrase=PASSPHRASE, idle=7200)
        await ana("case.new", set={"title": "before"})
        before = files(ana)
        job = await rekeyed(ana)
        assert (job["state"], job["error"]) == ("done", None)
        assert job["done"] == job["total"] > 100_000
        assert len(files(ana)) == len(before) == 1
        assert files(ana) != before
        assert told == []
        assert (await ana("status"))["locks_in"] == pytest.approx(7200, abs=5)
        assert [one["title"] for one in (await ana("case.list"))["cases"]] == ["before"]
        await ana("case.new", set={"title": "after"})
        await synced(ben)
        assert len((await ben("case.list"))["cases"]) == 2
        await ana("lock")
        assert told == ["locked"]


async def test_new_keys_of_a_locked_cell(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana") as [ana]:
        assert (await rekeyed(ana))["error"]["code"] == "vault_missing"
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await ana("lock")
        before = files(ana)
        assert (await rekeyed(ana))["state"] == "done"
        assert not files(ana) & before
        with pytest.raises(Locked):
            await ana("status")
        await ana("unlock", passphrase=PASSPHRASE)


@pytest.mark.parametrize("why", ["it is cancelled", "there is no space", "the disk fails"])
async def test_new_keys_that_come_to_nothing(
    why: str, tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cell is open as before, with all that is in it."""
    async with cell(tmp_path, "ana") as [ana]:
        await ana("case.new", set={"title": "before"})
        before = files(ana)
        if why == "there is no space":
            monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, 1_000_000))
        if why == "the disk fails":
            monkeypatch.setattr(rekey, "sync_file", failing)
        job = await ana("rekey", passphrase=PASSPHRASE)
        if why == "it is cancelled":
            job = await ana("rekey.cancel", job=job["job"])
        job = await ana.until("rekey.show", job, "done", "failed")
        codes = {"it is cancelled": "cancelled", "there is no space": "disk_full", "the disk fails": "storage_failed"}
        assert job["error"]["code"] == codes[why]
        assert files(ana) == before
        assert [one["title"] for one in (await ana("case.list"))["cases"]] == ["before"]


def failing(path: Path) -> None:
    raise StorageFailed


async def test_a_cell_that_cannot_be_opened_again_is_locked(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        told: list[str] = []
        ana.service.on_lock = lambda: told.append("locked")

        async def broken(*_: object, **__: object) -> None:
            raise StorageFailed

        monkeypatch.setattr(type(ana.service), "_open", broken)
        assert (await rekeyed(ana))["error"]["code"] == "storage_failed"
        assert told == ["locked"]
        assert (await ana("health"))["state"] == "locked"
        monkeypatch.undo()
        await ana("unlock", passphrase=PASSPHRASE)


async def test_whoever_unlocks_meanwhile_waits(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana], trio.open_nursery() as nursery:
        job = await ana("rekey", passphrase=PASSPHRASE)
        for _ in range(3):
            nursery.start_soon(lambda: ana("unlock", passphrase=PASSPHRASE))
        assert (await ana.until("rekey.show", job, "done", "failed"))["state"] == "done"
    assert ana.service.state == "locked"
