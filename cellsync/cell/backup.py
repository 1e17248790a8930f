"""A backup of an open cell, taken and put back: what goes on while others wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from cellsync.cell.home import Place, home_of, new_home
from cellsync.ledger.circle import OpenCircle
from cellsync.store.backup import Backup, Incomplete
from cellsync.store.backup import restore as restore_vault
from cellsync.store.passphrases import forms
from cellsync.store.sqlite import SqliteStore
from cellsync.store.vault import Vault


class AtRest(NamedTuple):
    """Where an open cell is kept."""

    vault: Vault
    store: SqliteStore


async def back_up(
    circle: OpenCircle, kept: AtRest, check_open: Callable[[], None], to: str, below: str, beside: Mapping[str, bytes]
) -> Backup:
    """Edits and sessions wait while the database is copied, some ms for each MB, and no longer.

    What takes the time of a slow stick, checking and syncing, happens beside them.
    """
    in_thread = circle.surroundings.in_thread
    vault, store = kept
    outside = vault.path.parent if below else vault.path
    copy = await in_thread(lambda: Incomplete.begin(Path(to).expanduser(), outside=outside, below=below))
    try:
        async with circle.lock:
            check_open()
            at = circle.surroundings.now()
            row = vault.circle_file(circle.id)
            header = vault.header_of([row])
            await in_thread(lambda: copy.take(row, store))
        return await in_thread(lambda: copy.complete(header, at, beside))
    except BaseException:
        copy.discard()
        raise


async def restore(
    backup: Place, place: Place, *, passphrase: str, before_it_is_there: Callable[[], None] = lambda: None
) -> Backup:
    """Make a vault in the folder `place` of a backup, or of a folder that was merely copied while it was closed.

    It opens with the passphrase that the vault had then. It knows that it is a copy: with its first entry the device
    takes a new incarnation, so that it contradicts nothing written after the backup; the others bring that back.

    Raises VaultExists (there is one already), VaultMissing (no backup there), WrongPassphrase, VaultInUse, NotAVault,
    VaultDamaged (the backup is), NewerVersion, DiskFull, NotWritable, StorageFailed.
    """
    home, source = new_home(place), home_of(backup).path
    words, entropy = forms(passphrase), home.surroundings.entropy
    return await home.surroundings.in_thread(
        lambda: restore_vault(
            source,
            home.path,
            words,
            entropy=entropy,
            allow_cheap=home.is_for_tests,
            before_it_is_there=before_it_is_there,
        )
    )
