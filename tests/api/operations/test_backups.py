"""Backing up and putting back over the local API."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from trio.testing import MockClock

from cellsync.api.contract.problems import TooSoon
from cellsync.api.operations import examination
from cellsync.core.errors import InvalidValue, VaultDamaged, VaultExists, WrongPassphrase
from cellsync.doctor import Finding, Subject
from cellsync.profile.profile import Settings
from cellsync.store.connection import PAGE_BYTES
from tests.api.services import PASSPHRASE, cell, services


async def test_a_cell_is_backed_up_and_put_back(tmp_path: Path, autojump_clock: MockClock) -> None:
    place = str(tmp_path / "backup")
    async with cell(tmp_path, "ana") as [ana]:
        await ana("case.new", set={"title": "kept"})
        ana.service.profile.save(Settings(lan="off", port=4001))
        made = await ana("backup", to=place)
        assert made["changes"] == 3
        assert made["size"] > 8_000
        assert (await ana("status"))["copied"] is None
        with pytest.raises(VaultExists):
            await ana("restore", source=place, passphrase=PASSPHRASE)
    for folder in ("backup", "backup/vault"):  # a profile, or a vault that a program has backed up
        async with services(tmp_path / folder.replace("/", " of "), "ben") as [ben]:
            back = await ben("restore", source=str(tmp_path / folder), passphrase=PASSPHRASE)
            assert (back["cell"], back["name"], back["at"], back["changes"]) == ("Mill Street", "ana", made["at"], 3)
            settings = Settings(lan="off", port=4001) if folder == "backup" else Settings()
            assert ben.service.settings == ben.service.profile.settings() == settings
            assert (await ben("status"))["copied"] == made["at"]
            await ben("lock")
            assert (await ben("unlock", passphrase=PASSPHRASE))["copied"] == made["at"]
            await ben("case.new", set={"title": "written"})
            assert (await ben("status"))["copied"] is None
            assert [case["title"] for case in (await ben("case.list"))["cases"]] == ["kept", "written"]


async def test_whose_folder_is_a_relative_one_in(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        with pytest.raises(InvalidValue, match="root"):
            await ana("backup", to="backup")
        await ana("lock")
    async with services(tmp_path / "other", "ben") as [ben]:
        with pytest.raises(InvalidValue, match="root"):
            await ben("restore", source="backup", passphrase=PASSPHRASE)
    assert not os.path.exists("backup")  # noqa: ASYNC240


async def test_guesses_at_a_backup_count(tmp_path: Path, autojump_clock: MockClock) -> None:
    place = str(tmp_path / "backup")
    async with cell(tmp_path, "ana") as [ana]:
        await ana("backup", to=place)
    async with services(tmp_path / "other", "ben") as [ben]:
        for _ in range(3):
            with pytest.raises(WrongPassphrase):
                await ben("restore", source=place, passphrase="wrong")
        with pytest.raises(TooSoon):
            await ben("restore", source=place, passphrase=PASSPHRASE)
        assert ben.service.state == "empty"


async def test_a_damaged_page_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async def examine(_: Subject) -> list[Finding]:
        return []

    monkeypatch.setattr(examination, "examine_subject", examine)
    async with cell(tmp_path, "ana") as [ana]:
        for number in range(50):
            await ana("case.new", set={"title": "a", "summary": f"{number} {'long ' * 200}"})
        await ana("lock")
        vault = ana.service.profile.vault
        [database] = [path for path in vault.iterdir() if len(path.name) == 32]
        content = bytearray(database.read_bytes())
        content[len(content) // 2] ^= 1
        database.write_bytes(content)
        await ana("unlock", passphrase=PASSPHRASE)
        [found] = (await ana("doctor"))["findings"]
        assert (found["check"], found["grade"], found["text"]) == ("vault_pages", "bad", "The vault is damaged.")
        assert "cellsync restore FROM" in found["hint"]
        monkeypatch.setattr(examination, "CHECKED", 8_000)
        assert (await ana("doctor"))["findings"][0]["grade"] == "unknown"


async def test_eight_overwritten_bytes_in_any_page_are_found(tmp_path: Path, autojump_clock: MockClock) -> None:
    """Also where nobody has looked since it was opened, and where somebody has: what is remembered is not believed."""
    async with cell(tmp_path, "ana") as [ana]:
        made = await ana("case.new", set={"title": "Parcel"})
        for number in range(40):
            await ana("case.edit", case=made["id"], append={"timeline": [f"line {number} " * 50]})
        assert (await ana("audit"))["entries"] == (await ana("status"))["changes"]
        await ana("lock")
        [database] = [path for path in ana.service.profile.vault.iterdir() if len(path.name) == 32]
        sound = database.read_bytes()
        unnoticed = []
        for page in range(0, len(sound), PAGE_BYTES):
            damaged = bytearray(sound)
            damaged[page + 2000 : page + 2008] = bytes(8)
            for opened_before in (False, True):
                try:
                    database.write_bytes(sound if opened_before else damaged)
                    await ana("unlock", passphrase=PASSPHRASE)
                    await ana("case.show", case=made["id"])
                    if opened_before:
                        with database.open("r+b") as file:
                            file.seek(page + 2000)
                            file.write(bytes(8))
                    await ana("audit")
                    unnoticed.append((page // PAGE_BYTES, opened_before))
                except VaultDamaged as error:
                    assert "cellsync restore FROM" in error.hint  # noqa: PT017
                await ana("lock")
                for log in ana.service.profile.vault.glob("*-wal"):
                    log.unlink()
        database.write_bytes(sound)
        await ana("unlock", passphrase=PASSPHRASE)
        assert unnoticed == []
        assert len(sound) // PAGE_BYTES >= 16
