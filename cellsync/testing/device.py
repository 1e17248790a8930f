"""A device, simulated: the vault on its disk is real, its network is in memory and its clock is trio's.

    device = await net.device("ana").found()
    async with device.opened() as ana:
        other = await net.device("ben").join(ana)
        async with other.opened() as ben:
            await level([ana, ben])

Misfortunes act on the real disk: `copy_to` and `put_back` model a backup of the folder, or a vault used by two devices;
`crash` leaves the disk as it was at that moment.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self

import trio

from cellsync.cell.cell import Cell
from cellsync.cell.founding import found_cell
from cellsync.cell.home import Home
from cellsync.cell.invites import Invite
from cellsync.cell.newcomers import join
from cellsync.cell.opening import open_cell
from cellsync.cell.which import Which
from cellsync.core.errors import Closed
from cellsync.core.ids import CircleId, Millis
from cellsync.testing.confirmation import accept_any

PASSPHRASE: Final = "harbour pickle staircase moth"
LOOK_EVERY: Final = 0.25  # seconds


class SimulatedDevice:
    """The device of a person with this name, which is also the name of its host. Its cell is open or closed."""

    def __init__(self, name: str, home: Home, passphrase: str = PASSPHRASE) -> None:
        self.name, self.home, self.passphrase = name, home, passphrase
        self._cell: Cell | None = None
        self._close = trio.Event()
        self._closed = trio.Event()

    # --- the same, but -------------------------------------------------------------------------------

    def with_clock(self, ahead: float) -> SimulatedDevice:
        """The same device with its clock this many seconds ahead."""
        surroundings = self.home.surroundings
        return self.with_home(
            surroundings=replace(surroundings, now=lambda: Millis(surroundings.now() + int(ahead * 1000)))
        )

    def with_home(self, **otherwise: Any) -> SimulatedDevice:
        """The same device with a different home: another build's `versions`, say, or another `path`."""
        return SimulatedDevice(self.name, replace(self.home, **otherwise), self.passphrase)

    # --- becoming a member --------------------------------------------------------------------------

    async def found(self, circle: str = "Mill Street") -> Self:
        """Found a cell; it is not opened."""
        await found_cell(self.home, circle, name=self.name, passphrase=self.passphrase)
        return self

    async def join(self, inviter: Cell, role: str = "writer", circle: Which = None) -> Self:
        """Let `inviter` invite this device, and join; its cell is not opened. An open one joins a circle more."""
        return await self._come_in(await inviter.create_invite(role, confirm=accept_any, circle=circle))

    async def link(self, linker: Cell, name: str, circle: Which = None) -> Self:
        """Let `linker` link this device, as one more of its member's, and join; as `join`."""
        return await self._come_in(await linker.create_link(name, confirm=accept_any, circle=circle))

    async def join_with(self, code: str, name: str = "") -> None:
        """Join with a code, under this device's name or another one."""
        if self._cell is not None:
            await self._cell.join(code, confirm=accept_any)
        else:
            await join(self.home, code, name=name or self.name, passphrase=self.passphrase, confirm=accept_any)

    async def _come_in(self, invite: Invite) -> Self:
        await self.join_with(invite.code)
        await invite.joined()
        return self

    # --- open and closed ----------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether its cell is."""
        return self._cell is not None

    @property
    def cell(self) -> Cell:
        """The cell of a device that is open."""
        if self._cell is None:
            raise Closed(f"the cell of {self.name} is closed")
        return self._cell

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Cell]:
        """Open for a block."""
        try:
            async with open_cell(self.home, passphrase=self.passphrase) as cell:
                self._cell = cell
                yield cell
        finally:
            self._cell = None

    async def open(self, nursery: trio.Nursery) -> Cell:
        """Open it until it is closed, at the latest with `nursery`. Does nothing if it is open."""
        if self._cell is None:
            self._close, self._closed = trio.Event(), trio.Event()
            await nursery.start(self._live)
        return self.cell

    async def close(self) -> None:
        """Close what `open` has opened. Does nothing if it is closed."""
        if self._cell is not None:
            self._close.set()
            await self._closed.wait()

    async def crash(self) -> None:
        """End it like a power cut: the disk keeps its contents of this moment."""
        if self._cell is not None:
            with tempfile.TemporaryDirectory() as folder:
                self.copy_to(Path(folder) / "disk")
                await self.close()
                self.put_back(Path(folder) / "disk")

    async def _live(self, task_status: trio.TaskStatus[None]) -> None:
        try:
            async with self.opened():
                task_status.started()
                await self._close.wait()
        finally:
            self._closed.set()

    # --- its disk -----------------------------------------------------------------------------------

    def copy_to(self, folder: Path) -> Path:
        """A copy of the vault's folder as it is now, whether the cell is open or closed."""
        return Path(shutil.copytree(self.home.path, folder))

    def put_back(self, copy: Path) -> None:
        """Replace the contents of the disk by `copy`. Another device's copy makes this one its twin."""
        self.lose_disk()
        shutil.copytree(copy, self.home.path)

    def lose_disk(self) -> None:
        """Delete the vault."""
        shutil.rmtree(self.home.path, ignore_errors=True)


async def level(among: Iterable[Cell], within: float = 1200) -> None:
    """Wait until all of these hold and show the same, in each circle that several are in.

    Fails after `within` seconds.
    """
    among = list(among)
    until = trio.current_time() + within
    while _held_differs(among):
        if trio.current_time() > until:
            entries, links = [cell.entries() for cell in among], [len(cell.node.links) for cell in among]
            raise AssertionError(
                f"not in step after {within:.0f} s: they hold {entries} entries, and have {links} links"
            )
        await trio.sleep(LOOK_EVERY)
    for circle in _circles(among):
        if len({await one.state_digest() for cell in among for one in cell.circles if one.id == circle}) > 1:
            raise AssertionError("they hold the same, and show something else")


def _circles(among: list[Cell]) -> list[CircleId]:
    return list(dict.fromkeys(circle.id for cell in among for circle in cell.circles))


def _held_differs(among: list[Cell]) -> bool:
    held: dict[CircleId, set[bytes]] = {}
    for circle in (circle for cell in among for circle in cell.circles):
        held.setdefault(circle.id, set()).add(circle.circle.digest())
    return any(len(digests) > 1 for digests in held.values())
