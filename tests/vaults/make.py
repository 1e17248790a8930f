"""A vault as one build leaves it: `python tests/vaults/make.py FOLDER`, in a checkout of that build.

Two people wrote in it at the same time, so there is a conflict; each type of field has a value; the vault is that of
one person's device. `expected.json` beside it has everything that must be read in it. A vault is never made again.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import trio
from trio.testing import MockClock

from cellsync import Counter, Log, Map, Register, Schema, Set, empty, found_cell, join, open_cell
from cellsync.testing.network import MemoryNetwork

PASSPHRASE = "kettle orbit lantern maple"
TITLES = ["Harbour Road", "Кирпичный переулок", "شارع الميناء"]


class Visit(Schema, kind="org.example.visit", version=1):
    title: Register[str]
    tags: Set[str] = empty()
    phones: Map[str, str] = empty()
    parcels: Counter = empty()
    notes: Log[str] = empty()


def agreed(_: object) -> bool:
    """The two compare the words, and they are the same."""
    return True


async def make(folder: Path) -> None:
    net = MemoryNetwork(7)
    ana, ben = net.home("ana"), net.home("ben")
    await found_cell(ana, "Mill Street", name="ana", passphrase=PASSPHRASE)
    async with open_cell(ana, passphrase=PASSPHRASE) as cell:
        invite = await cell.create_invite(confirm=agreed)
        await join(ben, invite.code, name="ben", passphrase=PASSPHRASE, confirm=agreed)
        async with open_cell(ben, passphrase=PASSPHRASE) as other:
            visits = [await cell.create(Visit, title=title) for title in TITLES]
            async with visits[0].edit() as draft:
                draft.tags.add("urgent")
                draft.tags.add("letter")
                draft.phones["lawyer"] = "+1 555 0100"
                draft.parcels.increment(3)
                draft.notes.append("The parcel was taken.")
                draft.notes.append("Nobody was let in.")
            await other.sync(timeout=60)
            there = await other.get(Visit, visits[1].id, wait=60)
            net.partition("ana", "ben")
            async with visits[1].edit() as draft:
                draft.title = "Brick Lane"
            async with there.edit() as draft:
                draft.title = "Brick Alley"
            net.heal()
            await cell.sync(timeout=60)
            await trio.sleep(60)
        expected = {
            "entries": cell.entries(),
            "members": sorted(member.name for member in cell.members()),
            "cases": [
                {
                    "id": visit.id.hex(),
                    "title": visit.title,
                    "tags": sorted(visit.tags),
                    "phones": dict(visit.phones),
                    "parcels": int(visit.parcels),
                    "notes": list(visit.notes),
                    "conflict": sorted(str(value.value) for one in visit.conflicts() for value in one.values),
                }
                for visit in [await cell.get(Visit, visit.id) for visit in visits]
            ],
        }
    shutil.copytree(ana.path, folder / "vault")
    (folder / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    trio.run(make, Path(sys.argv[1]), clock=MockClock(autojump_threshold=0))
