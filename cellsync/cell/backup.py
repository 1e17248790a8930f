"""A backup of an open cell, taken and restored; other work waits as little as possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from cellsync.cell.home import Place, home_of, new_home
from cellsync.ledger.circles import OpenCircles
from cellsync.store.backup import Backup, Incomplete
from cellsync.store.backup import restore as restore_vault
from cellsync.store.header import CircleFile
from cellsync.store.passphrases import forms


async def back_up(
    circles: OpenCircles, check_open: Callable[[], None], to: str, below: str, beside: Mapping[str, bytes]
) -> Backup:
    """Edits and sessions of a circle wait only while its database is copied, some ms for each MB.

    What is slow on a slow stick, checking and syncing, runs beside them. A circle that is founded meanwhile is in the
    next backup. One that is locked with its own passphrase is copied as it is: encrypted, and not checked.
    """
    in_thread, vault = circles.surroundings.in_thread, circles.vault
    outside = vault.path.parent if below else vault.path
    copy = await in_thread(lambda: Incomplete.begin(Path(to).expanduser(), outside=outside, below=below))
    rows: list[CircleFile] = []
    try:
        at = circles.surroundings.now()
        async with circles.adding:
            for locked in vault.locked:
                check_open()
                row = vault.locked_file(locked)
                await in_thread(partial(copy.bring, row, vault.path))
                rows.append(copy.marked(row, at))
        for circle in [circle for circle in circles.values() if circle.id not in {row.circle for row in rows}]:
            async with circle.lock:
                check_open()
                rows.append(vault.circle_file(circle.id))
                await in_thread(partial(copy.take, rows[-1], circles.store(circle.id)))
                await circle.note_backup(at)  # one that then fails may have left something on the stick
        rows.sort(key=lambda row: vault.circles.index(row.circle))
        header = vault.header_of(rows)
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
