"""A re-key: a vault gets a new master key, and each of its databases a new file with a new key.

After it, an old copy of the header, with the passphrase of its day, opens none of the vault's files.

Rules:

1. **The only copy is never changed.** Each database is copied under its new key into a new file, which is opened with
   that key, read from end to end, compared with its original and synced. Then one header names all new files, under a
   new master key; then the old ones are deleted. So the vault opens after a kill at any moment, with all of its old
   files or all of its new ones. (SQLite's own `PRAGMA rekey` rewrites the only file in place.)
2. **Old and new keys are never in one header**, so every header that was ever written leads from an old passphrase to
   old files only.
3. **Of two files, the one that the header names deletes the other**, when it is opened (`Vault.open_circle`): both
   keep the other's name, encrypted and authenticated (`COUNTERPART`). A file that nothing says to be replaced is left
   alone, whatever header comes back.
4. **All circles or none.** A circle that is locked with its own passphrase cannot be copied, and what is behind an old
   key would stay there: it has to be unlocked first.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from cellsync.core import drawers
from cellsync.core.errors import CellsyncError, DiskFull, StorageFailed, VaultDamaged
from cellsync.core.ids import Passphrase
from cellsync.store.connection import check_encrypted
from cellsync.store.contents import key_of
from cellsync.store.edge import GivenUp
from cellsync.store.files import file_errors, sync_directory, sync_file
from cellsync.store.header import CircleFile, Kdf
from cellsync.store.sqlite import Census, SqliteStore
from cellsync.store.vault import DATABASE_NAME, Vault, destroy_database

_BESIDE: Final = 4 << 20  # bytes: the header, and pages that are still in a log
_MEGABYTE: Final = 1_000_000

Seen = Callable[[int, int], bool]
"""Told how many bytes of how many are done; says whether to go on."""


def unseen(done: int, total: int) -> bool:
    return True


def room_needed(folder: Path) -> int:
    """How many free bytes a re-key of the vault in this folder takes for a while. Raises StorageFailed."""
    with file_errors():
        sizes = [path.stat().st_size for path in folder.iterdir() if DATABASE_NAME.fullmatch(path.name)]
    return sum(sizes) + _BESIDE


def check_room(folder: Path) -> None:
    """Raises DiskFull, with the number of bytes, before anything has begun."""
    needed = room_needed(folder)
    with file_errors():
        free = shutil.disk_usage(folder).free
    if free < needed:
        raise DiskFull(
            f"This takes {_megabytes(needed)} MB of free space for a while, and there are {free // _MEGABYTE} MB. "
            "Nothing was changed.",
            hint=f"Free {_megabytes(needed - free)} MB on the vault's disk, then try again.",
        )


def rekey(vault: Vault, passphrase: Passphrase, *, kdf: Kdf, at_least: float = 0.0, seen: Seen = unseen) -> None:
    """Re-key an open vault; none of its circles is open. `passphrase` is what opens it from then on. Then close it.

    Raises NewerVersion (a key slot of another kind would be lost), CircleLocked, DiskFull, StorageFailed, VaultDamaged
    (this one is), and GivenUp if `seen` says no: nothing has changed in any of these cases, except that a header whose
    writing failed may be on the disk all the same.
    """
    before = [vault.circle_file(circle) for circle in vault.circles]
    after = [vault.new_file(row.circle) for row in before]
    check_room(vault.path)
    total = sum(_size(vault.path / row.file) for row in before)
    done = 0
    try:
        for old, new in zip(before, after, strict=True):
            _go_on(seen(done, total))
            _copy(vault, old, new, partial(_report, seen, done, total))
            done += _size(vault.path / old.file)
        _go_on(seen(total, total))
        sync_directory(vault.path)
    except BaseException:
        for new in after:
            with suppress(CellsyncError):
                destroy_database(vault.path / new.file)
        raise
    vault.replace(after, passphrase, kdf, at_least)
    for new in after:
        vault.open_circle(new.circle).close()  # which deletes the old file


def _go_on(wanted: bool) -> None:
    if not wanted:
        raise GivenUp


def _report(seen: Seen, before: int, total: int, copied: int) -> bool:
    return seen(min(before + copied, total), total)


def _copy(vault: Vault, old: CircleFile, new: CircleFile, seen: Callable[[int], bool]) -> None:
    """Make the new file of a circle, whole and durable."""
    path = vault.path / new.file
    store = vault.open_circle(old.circle)
    try:
        store.keep(drawers.COUNTERPART, bytes.fromhex(new.file))
        store.flush()
        store.copy_into(path, key_of(new), lambda: seen(_size(path)))
        census = store.census()
    finally:
        store.close()
    check_encrypted(path)
    _check(path, new, census, bytes.fromhex(old.file))
    sync_file(path)


def _check(path: Path, row: CircleFile, census: Census, replaces: bytes) -> None:
    """Compare the new file with its original, and note in it which file that is. Raises StorageFailed."""
    try:
        store = SqliteStore.open(path, key_of(row))
        try:
            store.check()
            if store.census() != census:
                raise VaultDamaged
            store.keep(drawers.COUNTERPART, replaces)
            store.flush()
        finally:
            store.close()
    except VaultDamaged:
        raise StorageFailed("What was written does not read as what it was copied from; it was deleted.") from None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _megabytes(size: int) -> int:
    return -(-size // _MEGABYTE)
