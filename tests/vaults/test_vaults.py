"""Vaults that earlier builds left must open for ever: each is kept as it was, with all that must be read in it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from cellsync import CaseId, Cell, change_passphrase, open_cell, rekey
from cellsync.core.errors import VaultDamaged, WrongPassphrase
from cellsync.testing import MemoryNetwork
from tests.vaults.make import PASSPHRASE, Visit

KEPT = sorted(path.parent for path in Path(__file__).parent.glob("*/expected.json"))
NEW = "kitchen orbit seventeen lampshade"


async def read(cell: Cell, case: str) -> dict[str, Any]:
    visit = await cell.get(Visit, CaseId(bytes.fromhex(case)))
    return {
        "id": case,
        "title": visit.title,
        "tags": sorted(visit.tags),
        "phones": dict(visit.phones),
        "parcels": int(visit.parcels),
        "notes": list(visit.notes),
        "conflict": sorted(str(value.value) for one in visit.conflicts() for value in one.values),
    }


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.name)
async def test_a_vault_of_an_earlier_build_opens(
    kept: Path, tmp_path: Path, memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    expected = json.loads((kept / "expected.json").read_text())
    shutil.copytree(kept / "vault", tmp_path / "vault")
    home = replace(memory_network.home("ana"), path=tmp_path / "vault")
    async with open_cell(home, passphrase=PASSPHRASE) as cell:
        assert cell.entries() == expected["entries"]
        assert sorted(member.name for member in cell.members()) == expected["members"]
        assert [await read(cell, one["id"]) for one in expected["cases"]] == expected["cases"]
        assert await cell.audit() == expected["entries"]
        visit = await cell.get(Visit, CaseId(bytes.fromhex(expected["cases"][0]["id"])))
        async with visit.edit() as draft:
            draft.title = "Harbour Road 2"
            draft.notes.append("Somebody was let in.")
    async with open_cell(home, passphrase=PASSPHRASE) as cell:
        again = await read(cell, expected["cases"][0]["id"])
        assert again["title"] == "Harbour Road 2"
        assert again["notes"] == [*expected["cases"][0]["notes"], "Somebody was let in."]
        assert again["conflict"] == []
        assert cell.entries() == expected["entries"] + 1


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.name)
async def test_a_vault_of_an_earlier_build_gets_another_passphrase_and_new_keys(
    kept: Path, tmp_path: Path, memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    expected = json.loads((kept / "expected.json").read_text())
    shutil.copytree(kept / "vault", tmp_path / "vault")
    before = {path.name for path in (tmp_path / "vault").iterdir()}
    home = replace(memory_network.home("ana"), path=tmp_path / "vault")
    await change_passphrase(home, old=PASSPHRASE, new=NEW)
    await rekey(home, passphrase=NEW)
    assert {path.name for path in (tmp_path / "vault").iterdir()} & before == {"vault"}
    with pytest.raises(WrongPassphrase):
        await rekey(home, passphrase=PASSPHRASE)
    async with open_cell(home, passphrase=NEW) as cell:
        assert [await read(cell, one["id"]) for one in expected["cases"]] == expected["cases"]
        assert await cell.audit() == cell.entries() == expected["entries"]
    shutil.copyfile(kept / "vault" / "vault", tmp_path / "vault" / "vault")
    with pytest.raises(VaultDamaged):
        async with open_cell(home, passphrase=PASSPHRASE):
            pytest.fail("the old header opens it")


def test_there_is_one() -> None:
    assert [path.name for path in KEPT][:1] == ["53bce87"]
