"""Services in memory: no sockets, cheap keys, virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from cellsync import Home
from cellsync.api import dispatch
from cellsync.api.contract.failures import codes_of
from cellsync.api.contract.problems import status_of, status_of_code
from cellsync.api.contract.table import BY_NAME
from cellsync.api.service import Service
from cellsync.core.errors import CellsyncError
from cellsync.profile.profile import Profile, Settings
from cellsync.testing import MemoryNetwork

PASSPHRASE = "harbour pickle staircase moth"


class InMemory(Profile):
    """A profile whose home is on a simulated network."""

    def __init__(self, folder: Path, home: Home) -> None:
        super().__init__(folder)
        self.vault = home.path
        self._home = home

    def home(self, settings: Settings, *, online: bool = True) -> Home:
        return self._home


class Asking:
    """Somebody who asks one service."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, operation: str, /, **given: Any) -> dict[str, Any]:
        asked = dispatch.taken(BY_NAME[operation], given)
        try:
            return dispatch.plain(await dispatch.perform(self.service, operation, asked))
        except CellsyncError as error:
            if error.code not in codes_of(BY_NAME[operation]) or status_of(error) != status_of_code(error.code):
                raise AssertionError(f"{operation} says nowhere that it fails with {error.code}") from error
            raise

    async def until(self, operation: str, job: dict[str, Any], *states: str) -> dict[str, Any]:
        """The job, once it is in one of these states."""
        while job["state"] not in states:
            job = await self(operation, job=job["job"], after=job["step"], wait=30)
        return job


@asynccontextmanager
async def services(folder: Path, *names: str, net: MemoryNetwork | None = None) -> AsyncIterator[list[Asking]]:
    """One service for each name, all on one network; empty."""
    net = net or MemoryNetwork()
    async with trio.open_nursery() as nursery:
        made = []
        for name in names:
            profile = InMemory(folder / name, net.device(name).home)
            made.append(Asking(Service(profile, Settings(), nursery)))
        yield made
        for one in made:
            await one.service.lock()
        nursery.cancel_scope.cancel()


async def pair(
    inviter: Asking, joiner: Asking, name: str, *, says: tuple[bool, bool] = (True, True), role: str = "writer"
) -> tuple[Any, Any]:
    """Let one join the other's cell; what each says of the words. Both jobs as they end."""
    invite = await inviter("invite", role=role)
    join = await joiner("join", code=invite["code"], name=name, passphrase=PASSPHRASE)
    invite = await inviter.until("invite.show", invite, "verify_words", "failed")
    join = await joiner.until("join.show", join, "verify_words", "failed")
    assert invite["words"] == join["words"]
    assert len(invite["words"]) == 4
    assert invite["name"] == name
    await inviter("invite.confirm", job=invite["job"], same=says[0])
    await joiner("join.confirm", job=join["job"], same=says[1])
    return (
        await inviter.until("invite.show", invite, "joined", "failed"),
        await joiner.until("join.show", join, "joined", "failed"),
    )


@asynccontextmanager
async def cell(folder: Path, *names: str, net: MemoryNetwork | None = None) -> AsyncIterator[list[Asking]]:
    """Services whose cells are one, all open; the first has founded it."""
    async with services(folder, *names, net=net) as made:
        await made[0]("init", cell="Mill Street", name=names[0], passphrase=PASSPHRASE)
        for one, name in zip(made[1:], names[1:], strict=True):
            await pair(made[0], one, name)
        for one in made[1:]:
            await synced(one)
        yield made


async def synced(one: Asking) -> dict[str, Any]:
    return await one.until("sync.show", await one("sync", everyone=True, timeout=600), "done", "failed")
