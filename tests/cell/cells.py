"""What the tests of cells share: a schema with every kind of field, and cells that are founded, joined and open."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace

import trio

from cellsync import (
    Cell,
    Counter,
    Home,
    Log,
    Map,
    Register,
    Schema,
    Set,
    empty,
    field,
    found_cell,
    join,
    open_cell,
)
from cellsync.core.errors import CellsyncError
from cellsync.core.ids import Millis
from cellsync.testing import MemoryNetwork, accept_any

PASSPHRASE = "kettle orbit lantern maple"
DAY = 24 * 3600


class Visit(Schema, kind="org.example.visit", version=1):
    title: Register[str]
    status: Register[str] = field(default="open")
    tags: Set[str] = empty()
    roles: Map[str, str] = empty()
    parcels: Counter = empty()
    notes: Log[str] = empty()


async def found(net: MemoryNetwork, name: str = "ana") -> Home:
    home = net.home(name)
    await found_cell(home, "Mill Street", name=name, passphrase=PASSPHRASE)
    return home


async def admit(net: MemoryNetwork, inviter: Cell, name: str, role: str = "writer") -> Home:
    """Invite and join a device on the host of this name; its cell is not opened."""
    home = net.home(name)
    invite = await inviter.create_invite(role, confirm=accept_any)
    await join(home, invite.code, name=name, passphrase=PASSPHRASE, confirm=accept_any)
    assert (await invite.joined()).name == name
    return home


def opened(home: Home) -> AbstractAsyncContextManager[Cell]:
    return open_cell(home, passphrase=PASSPHRASE)


@asynccontextmanager
async def cells(net: MemoryNetwork, *names: str, role: str = "writer") -> AsyncIterator[list[Cell]]:
    """One cell on a device per name, all open; the first has founded it and admitted the others."""
    home = await found(net, names[0])
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(opened(home))
        made = [first]
        for name in names[1:]:
            joined = await admit(net, first, name, role)
            made.append(await stack.enter_async_context(opened(joined)))
        await level(made)
        yield made


def with_clock(home: Home, ahead: float) -> Home:
    """The same home, where the clock shows this many seconds more."""
    now = home.surroundings.now
    return replace(home, surroundings=replace(home.surroundings, now=lambda: Millis(now() + int(ahead * 1000))))


async def level(among: Iterable[Cell], within: float = 1200) -> None:
    """Wait until all of these hold the same entries. Fails after `within` seconds of virtual time."""
    among = list(among)
    until = trio.current_time() + within
    while len({one.circle.replica.digest() for one in among}) > 1:
        assert trio.current_time() < until, [(one.entries(), len(one.node.links)) for one in among]
        await trio.sleep(0.25)
    assert len({await one.state_digest() for one in among}) == 1


def check_failures(net: MemoryNetwork) -> None:
    """Handlers may end because a peer broke the protocol, and for no other reason."""
    unexpected = [error for error in net.failures if not isinstance(error, CellsyncError)]
    assert not unexpected, unexpected
