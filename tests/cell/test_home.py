"""Folders: the same form whether the library or the command line made them, and the settings in them."""

from __future__ import annotations

import stat
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from cellsync import Home, errors, found_cell, open_cell, restore
from cellsync.api.direct import DirectClient
from cellsync.cell.home import network_of
from cellsync.profile.profile import Profile, Settings
from cellsync.store.header import Kdf
from cellsync.store.settings import UnreadableSettings
from cellsync.testing.device import PASSPHRASE
from tests.api.test_web import cheap_defaults
from tests.cell.cells import Visit

OFF = Settings(lan="off", interfaces=("127.0.0.1",))


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellsync.cell.home.Home.__init__.__defaults__", cheap_defaults())


async def found(folder: Any) -> None:
    await found_cell(folder, "Mill Street", name="Ana", passphrase=PASSPHRASE)


async def write(folder: Any, title: str) -> int:
    async with open_cell(folder, passphrase=PASSPHRASE) as cell:
        await cell.create(Visit, title=title)
        return len(await cell.cases(Visit))


def listed(folder: Path) -> list[str]:
    """What the command line sees, which works without a daemon here."""
    with DirectClient(Profile(folder), online=False) as client:
        client.call("unlock", passphrase=PASSPHRASE)
        return [row["title"] for row in client.call("case.list", kind="org.example.visit")["cases"]]


def test_a_folder_of_the_library_is_one_of_the_command_line(tmp_path: Path) -> None:
    folder = tmp_path / "cells" / "mill"
    trio.run(found, folder)
    Profile(folder).save(OFF)
    assert trio.run(write, folder, "from the library") == 1
    assert Profile(folder).exists
    assert listed(folder) == ["from the library"]
    for made in (folder, folder / "vault", folder.parent):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_a_folder_of_the_command_line_is_one_of_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "ana"
    with DirectClient(Profile(folder), online=False) as client:
        client.call("init", cell="Mill", name="Ana", passphrase=PASSPHRASE, lan="off", interfaces=["127.0.0.1"])
    assert trio.run(write, "~/ana", "from the library") == 1
    assert trio.run(write, folder / "vault", "by its inner name") == 2
    assert listed(folder) == ["from the library", "by its inner name"]


def test_a_vault_from_before_there_was_one_form(tmp_path: Path) -> None:
    folder = tmp_path / "old"
    trio.run(found, Home(folder, network_of(OFF), kdf=Kdf.CHEAP))
    assert (folder / "vault").is_file()
    assert trio.run(write, folder, "still here") == 1
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == []


async def test_settings_are_those_of_the_folder(tmp_path: Path) -> None:
    """Whoever has said that nothing is to be seen on a network has said it for every program."""
    profile = Profile(tmp_path / "ana")
    made: Any = Home.at(profile.folder).network
    assert (made.keywords["mode"], made.keywords["port"], *made.args) == ("asked", 0, "all")
    profile.save(Settings("off", ("127.0.0.1",), 4001))
    made = Home.at(profile.folder).network
    assert (made.keywords["mode"], made.keywords["port"], *made.args) == ("off", 4001, ("127.0.0.1",))
    (profile.folder / "settings.json").write_text("{")
    for use in (found, lambda folder: write(folder, "x")):
        with pytest.raises(UnreadableSettings):
            await use(profile.folder)
    assert Home.at(profile.folder, network_of(OFF)).path == profile.vault  # who names a network needs no settings


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    tmp_path.chmod(0o755)
    with pytest.raises(errors.VaultExists, match="other files"):
        trio.run(found, tmp_path)
    with pytest.raises(errors.VaultExists, match="other files"):
        trio.run(partial(restore, tmp_path / "backup", tmp_path, passphrase=PASSPHRASE))
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o755)
    trio.run(found, empty)
    assert stat.S_IMODE(empty.stat().st_mode) == 0o700
    with pytest.raises(errors.VaultExists):
        trio.run(found, empty)
