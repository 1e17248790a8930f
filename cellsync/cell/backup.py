"""A backup of an open cell, taken and restored; other work waits as little as possible."""

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
    """The location of an open cell at rest."""

    vault: Vault
    store: SqliteStore


async def back_up(
    circle: OpenCircle, kept: AtRest, check_open: Callable[[], None], to: str, below: str, beside: Mapping[str, bytes]
) -> Backup:
    """Edits and sessions wait only while the database is copied, some ms for each MB.

    What is slow on a slow stick, checking and syncing, runs beside them.
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
    """Restore a vault into the folder `place` from a backup, or from a folder that was merely copied while closed.

    It opens with the passphrase that the vault had then. It knows that it is a copy: with its first entry the device
    takes a new incarnation, so it contradicts nothing written after the backup; the other devices bring that back.

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
