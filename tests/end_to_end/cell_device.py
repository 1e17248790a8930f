"""A device as a process: one vault and its cell, controlled in lines of JSON by `devices.Device`.

    cell_device.py OPTIONS          OPTIONS is a JSON object, see `main`; it holds no secret

    to it      {"id": 7, "do": "create", "title": "…"}
    from it    {"id": 7, "done": {…}}  or  {"id": 7, "failed": {"code", "message", "hint"}};  {"tell": "words", …}

Requests run side by side; each is answered when it is done. The process ends when its input does, and by any error that
is not a CellsyncError, which a test notices.
"""

from __future__ import annotations

import json
import logging
import sys
from functools import partial
from pathlib import Path
from typing import Any

import trio

from cellsync import (
    Asked,
    CaseId,
    Cell,
    Home,
    Invite,
    Log,
    Register,
    Schema,
    empty,
    found_cell,
    join,
    open_cell,
)
from cellsync.cli.demo.requests import Answer, serve
from cellsync.core.errors import DiskFull
from cellsync.core.ids import DeviceId
from cellsync.core.replica.stage import Plan
from cellsync.core.schema.schema import creation
from cellsync.core.session import connection
from cellsync.core.wire.batches import Batch
from cellsync.ledger.source import Source
from cellsync.node import interfaces
from cellsync.node.lan import open_lan
from cellsync.store.header import Kdf


class Note(Schema, kind="org.example.note", version=1):
    title: Register[str]
    lines: Log[str] = empty()


def tell(**message: object) -> None:
    print(json.dumps(message), flush=True)


class Device:
    """What can be asked for: every method without an underscore."""

    def __init__(self, home: Home, nursery: trio.Nursery) -> None:
        self._home = home
        self._nursery = nursery
        self._cell: Cell
        self._invite: Invite
        self._closing = trio.Event()
        self._closed = trio.Event()
        self._full = 0  # batches that the disk had no room for

    # --- a cell ------------------------------------------------------------------------------------------

    async def found(self, name: str, circle: str, passphrase: str) -> Answer:
        recovery = await found_cell(self._home, circle, name=name, passphrase=passphrase)
        return {"recovery": recovery.text}

    async def open(self, passphrase: str) -> Answer:
        self._cell = await self._nursery.start(self._keep_open, passphrase)
        return {"device": self._cell.device.hex(), "port": self._cell.node.port, "entries": self._cell.entries()}

    async def _keep_open(self, passphrase: str, task_status: trio.TaskStatus[Cell]) -> None:
        self._closing, self._closed = trio.Event(), trio.Event()
        try:
            async with open_cell(self._home, passphrase=passphrase) as cell:
                self._count_full(cell)
                task_status.started(cell)
                await self._closing.wait()
        finally:
            self._closed.set()

    def _count_full(self, cell: Cell) -> None:
        ingest = cell.first.circle.ingest

        async def counted(batch: Batch, source: Source) -> Plan:
            try:
                return await ingest(batch, source)
            except DiskFull:
                self._full += 1
                raise

        cell.first.circle.ingest = counted  # type: ignore[method-assign]

    async def close(self) -> None:
        self._closing.set()
        await self._closed.wait()

    async def invite(self, role: str = "writer") -> Answer:
        self._invite = await self._cell.create_invite(role=role, confirm=self._confirm)
        return {"code": self._invite.code}

    async def joined(self) -> Answer:
        member = await self._invite.joined()
        return {"name": member.name, "device": member.device.hex()}

    async def join(self, code: str, name: str, passphrase: str, port: int | None = None, timeout: float = 20) -> None:
        address = None if port is None else ("127.0.0.1", port)
        await join(
            self._home, code, name=name, passphrase=passphrase, confirm=self._confirm, address=address,
            timeout=timeout,
        )  # fmt: skip

    def _confirm(self, asked: Asked) -> bool:
        tell(tell="words", words=list(asked.words))
        return True

    # --- cases ---------------------------------------------------------------------------------------------

    async def create(self, title: str) -> Answer:
        return {"case": (await self._cell.create(Note, title=title)).id.hex()}

    async def edit(self, case: str, title: str | None = None, line: str | None = None) -> None:
        note = await self._cell.get(Note, CaseId(bytes.fromhex(case)))
        async with note.edit() as draft:
            if title is not None:
                draft.title = title
            if line is not None:
                draft.lines.append(line)

    async def read(self, case: str) -> Answer:
        note = await self._cell.get(Note, CaseId(bytes.fromhex(case)), wait=15)
        conflicts = [value for conflict in note.conflicts() for value in conflict.values]
        return {
            "title": note.title,
            "lines": sorted(note.lines),
            "conflict": sorted(str(one.value) for one in conflicts),
        }

    async def titles(self) -> Answer:
        return {"titles": sorted(note.title for note in await self._cell.cases(Note))}

    async def bulk(self, rows: int, times: int, size: int = 100) -> Answer:
        """As an import does: many cases in one step, several times; tells what is durable after each."""
        surroundings = self._home.surroundings
        for _ in range(times):
            cases = [CaseId(surroundings.entropy(32)) for _ in range(rows)]
            text = surroundings.entropy(size // 2).hex()
            await self._cell.write([(case, creation(Note, {"title": text})) for case in cases])
            tell(tell="written", entries=self._cell.entries(), own=self._cell.first.circle.own_length)
            await trio.lowlevel.checkpoint()
        return {"entries": self._cell.entries()}

    async def rewrite(self, case: str, size: int, times: int) -> None:
        """Write one register again and again: much to send, little to keep."""
        note = await self._cell.get(Note, CaseId(bytes.fromhex(case)))
        for _ in range(times):
            async with note.edit() as draft:
                draft.title = self._home.surroundings.entropy(size // 2).hex()

    # --- what there is ---------------------------------------------------------------------------------------

    async def digest(self) -> Answer:
        """Of all cases: it reads them."""
        return {"digest": (await self._cell.state_digest()).hex()}

    async def status(self) -> Answer:
        return {
            "device": self._cell.device.hex(),
            "entries": self._cell.entries(),
            "own": self._cell.first.circle.own_length,
            "members": sorted(member.name for member in self._cell.members()),
            "connected": sorted(peer.name for peer in self._cell.peers() if peer.connected),
            "flags": len(self._cell.flags),
            "full": self._full,
        }

    async def entries(self) -> Answer:
        return {"entries": self._cell.entries()}

    async def synced(self, peers: int = 1, timeout: float = 15) -> None:
        await self._cell.synced(min_peers=peers, timeout=timeout)

    async def wait_entries(self, entries: int, within: float = 15) -> Answer:
        with trio.move_on_after(within):
            while self._cell.entries() < entries:
                await self._cell.node.links.changed.wait()
        return {"entries": self._cell.entries()}

    async def call(self, device: str, port: int) -> None:
        await self._cell.add_address(DeviceId(bytes.fromhex(device)), "127.0.0.1", port)


async def main(
    folder: str, interfaces_: str | list[str] = "all", mode: Any = "off", port: int = 0, real_kdf: bool = False,
    handshake_within: float | None = None, log: bool = False,
) -> None:  # fmt: skip
    interfaces.POLL_SECONDS = (0.1, 0.2)  # type: ignore[misc]
    if handshake_within is not None:
        connection.HANDSHAKE_WITHIN = handshake_within  # type: ignore[misc]
    if log:
        logging.basicConfig(level=logging.DEBUG)
    network = partial(open_lan, interfaces_, mode=mode, port=port)
    home = Home(Path(folder), network, kdf=Kdf.MODERATE if real_kdf else Kdf.CHEAP)
    async with trio.open_nursery() as nursery:
        device = Device(home, nursery)
        tell(tell="ready")
        await serve(device, lambda answer: tell(**answer), nursery)
        if hasattr(device, "_cell"):
            await device.close()
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(partial(main, **json.loads(sys.argv[1])))
