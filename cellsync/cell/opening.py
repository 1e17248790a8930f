"""Opening an existing cell. Founding and joining create one; this never does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import trio

from cellsync.cell.cell import Cell
from cellsync.cell.home import Home, Place, home_of
from cellsync.cell.lone_error import the_only
from cellsync.core.errors import CellsyncError
from cellsync.core.ids import CircleId
from cellsync.ledger.aftermath import doomed
from cellsync.ledger.circles import OpenCircles
from cellsync.ledger.surroundings import Surroundings
from cellsync.node.node import Node
from cellsync.store.passphrases import forms
from cellsync.store.vault import Vault
from cellsync.store.wipe import VaultWiped


@asynccontextmanager
async def open_cell(place: Place, *, passphrase: str) -> AsyncIterator[Cell]:
    """The cell in this folder, unlocked and on its network until the block ends.

    Circles that this device was removed from and has to wipe by now are destroyed (ledger/aftermath.py).

    Raises VaultMissing (VaultWiped: its last circle was among them), WrongPassphrase, VaultInUse (another program has
    it open), NotAVault, VaultDamaged, NewerVersion, ReadOnlyDisk, DiskFull, StorageFailed. An error raised in the block
    is passed on unchanged.
    """
    home = home_of(place)
    async with open_vault(home, passphrase) as vault, cell_of(home, vault) as cell:
        yield cell


@asynccontextmanager
async def open_vault(home: Home, passphrase: str) -> AsyncIterator[Vault]:
    """The vault alone: cells can be opened with it, one after another. Raises as `open_cell`."""
    words = forms(passphrase)
    vault = await home.surroundings.in_thread(
        lambda: Vault.open(home.path, words, entropy=home.surroundings.entropy, allow_cheap=home.is_for_tests)
    )
    try:
        yield vault
    finally:
        vault.close()


def _opened(vault: Vault, surroundings: Surroundings) -> OpenCircles:
    """All circles that are not locked, but those whose time has come: these are destroyed first. Raises VaultWiped if
    none is left."""
    circles = OpenCircles.open(vault, surroundings)
    try:
        going = doomed(circles.values(), opened=True)
    except BaseException:
        circles.close()
        raise
    if not going:
        return circles
    circles.close()
    vault.wipe(going)
    if not vault.circles:
        raise VaultWiped
    left = OpenCircles.open(vault, surroundings)
    left.wiped = len(going)
    return left


def _close(vault: Vault, circles: OpenCircles) -> None:
    """Close them, and destroy those whose time has come; or else when the vault is opened again."""
    going: list[CircleId] = []
    try:
        with suppress(CellsyncError):  # it is damaged, say: what is due is found again when it is opened
            going = doomed(circles.values())
    finally:
        circles.close()
    vault.wipe(going)


@asynccontextmanager
async def cell_of(home: Home, vault: Vault) -> AsyncIterator[Cell]:
    """A cell of the circles of a vault that are not locked, until the block ends; the vault stays open."""
    circles = await home.surroundings.in_thread(lambda: _opened(vault, home.surroundings))
    try:
        async with _working(home, circles) as cell:
            yield cell
    finally:
        with trio.CancelScope(shield=True):
            await home.surroundings.in_thread(lambda: _close(vault, circles))


@asynccontextmanager
async def _working(home: Home, circles: OpenCircles) -> AsyncIterator[Cell]:
    failure: BaseException | None = None
    try:
        async with home.network() as network, trio.open_nursery() as nursery:
            secret = circles.vault.identity.session
            node = Node(circles.values(), secret, network, home.versions, circles.surroundings)
            async with node.running():
                async with AsyncExitStack() as held:  # what a cell reads at first, a peer may be changing already
                    for circle in circles.values():
                        await held.enter_async_context(circle.lock)
                    cell = Cell(circles, node, nursery, home)
                try:
                    yield cell
                except BaseException as error:  # a nursery would wrap it in a group
                    failure = error
                finally:
                    cell.close()
                    with trio.CancelScope(shield=True):
                        await cell.keep_flags()
                    nursery.cancel_scope.cancel()
    except BaseException as error:
        ended = the_only(error)
        if failure is None or isinstance(failure, trio.Cancelled):
            raise ended from None
        raise failure from (ended if isinstance(ended, Exception) else None)
    if failure is not None:
        raise failure
