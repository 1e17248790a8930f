"""Opening an existing cell. Founding and joining create one; this never does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from cellsync.cell import flag
from cellsync.cell.backup import AtRest
from cellsync.cell.cell import Cell
from cellsync.cell.home import Home, Place, home_of
from cellsync.cell.lone_error import the_only
from cellsync.core import drawers
from cellsync.core.errors import VaultDamaged
from cellsync.core.ids import SealSecret
from cellsync.core.replica.founding import DeviceSecrets
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.pause import collector_paused
from cellsync.ledger.surroundings import Surroundings
from cellsync.node.node import Node
from cellsync.store.passphrases import forms
from cellsync.store.sqlite import SqliteStore
from cellsync.store.vault import Vault


@asynccontextmanager
async def open_cell(place: Place, *, passphrase: str) -> AsyncIterator[Cell]:
    """The cell in this folder, unlocked and on its network until the block ends.

    Raises VaultMissing, WrongPassphrase, VaultInUse (another program has it open), NotAVault, VaultDamaged,
    NewerVersion, ReadOnlyDisk, StorageFailed. An error raised in the block is passed on unchanged.
    """
    home = home_of(place)
    words = forms(passphrase)
    vault = await home.surroundings.in_thread(
        lambda: Vault.open(home.path, words, entropy=home.surroundings.entropy, allow_cheap=home.is_for_tests)
    )
    try:
        store = await home.surroundings.in_thread(lambda: _open_store(vault))
        try:
            async with _working(home, vault, store) as cell:
                yield cell
        finally:
            with trio.CancelScope(shield=True):
                await home.surroundings.in_thread(store.close)
    finally:
        vault.close()


async def change_passphrase(place: Place, *, old: str, new: str) -> None:
    """Give the vault in this folder another passphrase. The cell must not be open.

    Earlier copies of the folder still open with the old one. Raises the errors of `open_cell`, and WeakPassphrase, an
    InvalidValue.
    """
    home = home_of(place)
    before, after = forms(old), home.new_passphrase(new)

    def change() -> None:
        with Vault.open(home.path, before, entropy=home.surroundings.entropy, allow_cheap=home.is_for_tests) as vault:
            vault.change_passphrase(after, kdf=home.kdf, at_least=home.derivation_seconds)

    await home.surroundings.in_thread(change)


def _open_store(vault: Vault) -> SqliteStore:
    if not vault.circles:
        raise VaultDamaged("this vault has no circle")
    return vault.open_circle(vault.circles[0])


def _open_circle(vault: Vault, store: SqliteStore, surroundings: Surroundings) -> OpenCircle:
    with collector_paused():
        return OpenCircle(vault.circles[0], store, surroundings)


@asynccontextmanager
async def _working(home: Home, vault: Vault, store: SqliteStore) -> AsyncIterator[Cell]:
    circle = await home.surroundings.in_thread(lambda: _open_circle(vault, store, home.surroundings))
    identity = vault.identity
    secrets = DeviceSecrets(identity.signing, identity.session, SealSecret(store.kept(drawers.SEAL_SECRET) or b""))
    known = flag.decode(circle, store.kept(drawers.FLAGS))
    failure: BaseException | None = None
    try:
        async with home.network() as network, trio.open_nursery() as nursery:
            node = Node(circle, identity.session, network, home.versions)
            async with node.running():
                cell = Cell(circle, node, secrets, nursery, known, AtRest(vault, store))
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
