"""The passphrase of a vault changed, and its keys replaced, by a program that embeds the library."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from trio.testing import MockClock

from cellsync import Home, change_passphrase, errors, open_cell, rekey
from cellsync.cell.passphrase import names_behind
from cellsync.core.ids import Passphrase
from cellsync.store.edge import GivenUp
from cellsync.store.passphrases import forms
from cellsync.store.strength import WeakPassphrase, check
from cellsync.testing import MemoryNetwork
from cellsync.testing.device import PASSPHRASE
from tests.cell.cells import Visit

NEW = "kitchen orbit seventeen lampshade"


async def test_changed_while_closed_and_while_open(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    device = await memory_network.device("ana").found()
    await change_passphrase(device.home, old=PASSPHRASE, new=NEW)
    with pytest.raises(errors.WrongPassphrase):
        async with device.opened():
            pytest.fail("that was the old one")
    async with open_cell(device.home, passphrase=NEW) as ana:
        await ana.change_passphrase(old=NEW, new=PASSPHRASE)
        await ana.check_passphrase(PASSPHRASE)
        with pytest.raises(errors.WrongPassphrase):
            await ana.change_passphrase(old=NEW, new="another one altogether")
        await ana.create(Visit, title="it goes on")
    async with device.opened() as ana:
        assert len(await ana.cases(Visit)) == 1
    with pytest.raises(errors.Closed):
        await ana.change_passphrase(old=PASSPHRASE, new=NEW)


async def test_a_wrong_old_one_and_the_same_once_more(memory_network: MemoryNetwork) -> None:
    device = await memory_network.device("ana").found()
    before = (device.home.path / "vault").read_bytes()
    with pytest.raises(errors.WrongPassphrase):
        await change_passphrase(device.home, old=NEW, new=PASSPHRASE)
    for same in (PASSPHRASE, PASSPHRASE.upper().replace(" ", "-")):
        with pytest.raises(errors.InvalidValue, match="has already"):
            await change_passphrase(device.home, old=PASSPHRASE, new=same)
    for unusable in ("", "\ud800"):
        with pytest.raises(errors.InvalidValue):
            await change_passphrase(device.home, old=PASSPHRASE, new=unusable)
    assert (device.home.path / "vault").read_bytes() == before


async def test_names_of_the_cell_make_a_new_one_weak(
    memory_network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    """As when it was founded, whether the cell is open or closed."""

    def strict(self: Home, text: str, known: Iterable[str] = ()) -> Passphrase:
        check(text, known)
        return forms(text)[0]

    device = await memory_network.device("ana").found("Zmrkvath Plorbunkel")
    monkeypatch.setattr(Home, "new_passphrase", strict)  # as a home has it that is not for tests
    assert await names_behind(device.home, passphrase=PASSPHRASE) == ("Zmrkvath Plorbunkel", "ana")
    check("zmrkvath plorbunkel ana")  # strong, for those who do not know these names
    with pytest.raises(WeakPassphrase):
        await change_passphrase(device.home, old=PASSPHRASE, new="zmrkvath plorbunkel ana")
    async with device.opened() as ana:
        with pytest.raises(WeakPassphrase):
            await ana.change_passphrase(old=PASSPHRASE, new="zmrkvath plorbunkel ana")
    await change_passphrase(device.home, old=PASSPHRASE, new=NEW)


async def test_names_of_a_cell_that_cannot_be_read(memory_network: MemoryNetwork) -> None:
    """A damaged database is no reason to keep an old passphrase."""
    device = await memory_network.device("ana").found()
    for file in device.home.path.iterdir():
        if file.name != "vault":
            file.write_bytes(b"damaged" * 3000)
    assert await names_behind(device.home, passphrase=PASSPHRASE) == ("", "ana")
    await change_passphrase(device.home, old=PASSPHRASE, new=NEW)
    assert await names_behind(device.home, passphrase=NEW) == ("", "ana")


async def test_new_keys(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    """The device goes on, and an old header opens nothing; what it has written goes on to others."""
    ana = await memory_network.device("ana").found()
    async with ana.opened() as cell:
        case = await cell.create(Visit, title="before")
    old, files = (ana.home.path / "vault").read_bytes(), {file.name for file in ana.home.path.iterdir()}
    told: list[tuple[int, int]] = []
    await rekey(ana.home, passphrase=PASSPHRASE, seen=lambda *told_of: not told.append(told_of))  # type: ignore[func-returns-value]
    assert told[-1][0] == told[-1][1] > 0
    assert {file.name for file in ana.home.path.iterdir()} & files == {"vault"}
    async with ana.opened() as cell:
        assert (await cell.get(Visit, case.id)).title == "before"
        assert await cell.audit() == cell.entries()
        await cell.create(Visit, title="after")
    new = (ana.home.path / "vault").read_bytes()
    (ana.home.path / "vault").write_bytes(old)
    with pytest.raises(errors.VaultDamaged):
        async with ana.opened():
            pytest.fail("the old header opens it")
    (ana.home.path / "vault").write_bytes(new)
    async with ana.opened() as cell:
        assert len(await cell.cases(Visit)) == 2


async def test_new_keys_that_were_given_up_or_need_another_passphrase(memory_network: MemoryNetwork) -> None:
    device = await memory_network.device("ana").found()
    before = {file.name: file.read_bytes() for file in device.home.path.iterdir() if file.name == "vault"}
    names = {file.name for file in device.home.path.iterdir()}
    with pytest.raises(GivenUp):
        await rekey(device.home, passphrase=PASSPHRASE, seen=lambda *_: False)
    with pytest.raises(errors.WrongPassphrase):
        await rekey(device.home, passphrase=NEW)
    async with device.opened():
        with pytest.raises(errors.VaultInUse):
            await rekey(device.home, passphrase=PASSPHRASE)
    assert (device.home.path / "vault").read_bytes() == before["vault"]
    assert {file.name for file in device.home.path.iterdir()} == names


async def test_a_backup_opens_as_it_did(memory_network: MemoryNetwork, tmp_path: Path) -> None:
    device = await memory_network.device("ana").found()
    async with device.opened() as ana:
        await ana.backup(tmp_path / "backup")
    await change_passphrase(device.home, old=PASSPHRASE, new=NEW)
    await rekey(device.home, passphrase=NEW)
    shutil.copytree(tmp_path / "backup", tmp_path / "restored")
    async with open_cell(replace(device.home, path=tmp_path / "restored"), passphrase=PASSPHRASE) as ana:
        assert ana.name
