"""A device as a process: one vault, one cell, controlled by lines of JSON (`child` has their forms).

    python -m cellsync.cli.demo.device NAME FOLDER

It ends when its input does. It uses the library that other programs embed; only the cable is the demo's own.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Final

import trio

from cellsync import Asked, CaseId, Home, found_cell, join, open_cell
from cellsync.casework import CaseFile, TimelineEntry, TimelineKind
from cellsync.casework.importing import import_cases
from cellsync.cell.cell import Cell
from cellsync.cell.invites import Invite
from cellsync.cli.demo.cable import Cable
from cellsync.cli.demo.requests import Answer, serve
from cellsync.core.schema.schema import kind_of
from cellsync.node.lan import open_lan

LOOPBACK: Final = "127.0.0.1"
TELL_EVERY: Final = 0.05  # s


class Device:
    """The requests that the parent can make: all methods without an underscore."""

    def __init__(self, name: str, folder: Path, tell: Callable[[Answer], None], nursery: trio.Nursery) -> None:
        self._name = name
        self._cable = Cable()
        self._home = Home(folder, self._cable.through(partial(open_lan, interfaces=[LOOPBACK], mode="announce")))
        self._tell = tell
        self._nursery = nursery
        self._cell: Cell
        self._invite: Invite
        self._expected: set[CaseId] = set()
        self._answer = trio.Event()
        self._yes = False
        self._closing = trio.Event()
        self._closed = trio.Event()

    # --- coming together -----------------------------------------------------------------------------------

    async def found(self, circle: str, passphrase: str) -> None:
        await found_cell(self._home, circle, name=self._name, passphrase=passphrase)
        await self._nursery.start(self._keep_open, passphrase)

    async def invite(self, role: str) -> Answer:
        self._invite = await self._cell.create_invite(role=role, confirm=self._confirm)
        return {"code": self._invite.code, "qr": self._invite.qr()}

    async def joined(self) -> Answer:
        member = await self._invite.joined()
        return {"name": member.name, "role": member.role}

    async def join(self, code: str, passphrase: str) -> None:
        await join(self._home, code, name=self._name, passphrase=passphrase, confirm=self._confirm, timeout=20)
        await self._nursery.start(self._keep_open, passphrase)

    async def _confirm(self, asked: Asked) -> bool:
        """Ask the person at this device, who is played by the parent."""
        self._answer = trio.Event()
        self._tell({"tell": "words", "words": asked.words, "name": asked.name})
        await self._answer.wait()
        return self._yes

    async def answer(self, yes: bool) -> None:
        self._yes = yes
        self._answer.set()

    # --- work ------------------------------------------------------------------------------------------------

    async def expect(self, externals: list[str]) -> None:
        """From now on, report how many of the cases with these external ids are here."""
        kind = kind_of(CaseFile)
        self._expected = {self._cell.case_id(kind, external) for external in externals}

    async def import_file(self, file: str) -> Answer:
        report = await import_cases(self._cell, Path(file))
        return {"created": report.created, "errors": len(report.errors), "entries": self._cell.entries()}

    async def find(self, external: str) -> Answer:
        """Find a case by its id in the spreadsheet."""
        case = await self._cell.get(CaseFile, self._cell.case_id(kind_of(CaseFile), external))
        return {"id": case.id.hex(), "title": case.title}

    async def edit(self, case: str, note: str, summary: str | None) -> None:
        """Add a line to the timeline, and perhaps rewrite the summary: one signed entry."""
        file = await self._cell.get(CaseFile, CaseId(bytes.fromhex(case)))
        async with file.edit() as draft:
            draft.timeline.append(TimelineEntry(TimelineKind.NOTE, note))
            if summary is not None:
                draft.summary = summary

    async def read(self, case: str) -> Answer:
        file = await self._cell.get(CaseFile, CaseId(bytes.fromhex(case)))
        values = [value for conflict in file.conflicts() if conflict.path == "summary" for value in conflict.values]
        return {
            "conflict": sorted(([str(value.value), value.author] for value in values), key=itemgetter(1)),
            "timeline": [[item.value.text, item.author] for item in file.timeline.items],
        }

    # --- who belongs to it --------------------------------------------------------------------------------------

    async def remove(self, name: str) -> None:
        """Remove a member."""
        membership = self._cell.first.membership
        whom = [one.member for one in (await membership.roster()).members if one.name == name]
        await membership.remove(whom)

    async def standing(self) -> Answer:
        """Who is removed, and whose entries are in quarantine."""
        roster = await self._cell.first.membership.roster()
        removed = [one.name for one in roster.members if one.status == "removed"]
        return {"removed": removed, "quarantine": [one.name for one in roster.quarantine]}

    async def release(self, name: str) -> None:
        """Show what a removed member wrote."""
        membership = self._cell.first.membership
        for held in (await membership.roster()).quarantine:
            if held.name == name:
                await membership.release(held.device)

    # --- the network -------------------------------------------------------------------------------------------

    async def pull_out(self) -> None:
        await self._cable.pull_out()

    async def plug_in(self) -> None:
        self._cable.plug_in()

    async def meet(self, others: int) -> None:
        """Wait until exactly this many other devices are connected."""
        while len(self._cell.node.links) != others:
            await self._cell.node.links.changed.wait()

    # --- the end -----------------------------------------------------------------------------------------------

    async def digest(self) -> Answer:
        return {"digest": (await self._cell.state_digest()).hex(), "entries": self._cell.entries()}

    async def count(self) -> Answer:
        """The number of cases that can be read, and of bytes sent."""
        return {"cases": len(await self._cell.cases(CaseFile)), "sent": self._cable.sent}

    async def close(self) -> None:
        self._closing.set()
        await self._closed.wait()

    async def _keep_open(self, passphrase: str, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with open_cell(self._home, passphrase=passphrase) as self._cell, trio.open_nursery() as nursery:
            nursery.start_soon(self._tell_holdings)
            task_status.started()
            await self._closing.wait()
            nursery.cancel_scope.cancel()
        self._closed.set()

    async def _tell_holdings(self) -> None:
        while True:
            changed = self._cell.node.links.changed
            here = self._expected & self._cell.circle().circle.replica.held.cases.keys()
            self._tell({"tell": "holds", "entries": self._cell.entries(), "cases": len(here)})
            await changed.wait()
            await trio.sleep(TELL_EVERY)


async def work(name: str, folder: Path, write: Callable[[bytes], object]) -> None:
    """Serve requests until the input ends."""

    def tell(message: Answer) -> None:
        write(json.dumps(message).encode() + b"\n")

    async with trio.open_nursery() as nursery:
        await serve(Device(name, folder, tell, nursery), tell, nursery)
        nursery.cancel_scope.cancel()


def main() -> None:
    out = os.dup(1)
    os.dup2(2, 1)  # other output must not get between the lines of JSON
    trio.run(work, sys.argv[1], Path(sys.argv[2]), partial(os.write, out))


if __name__ == "__main__":
    main()
