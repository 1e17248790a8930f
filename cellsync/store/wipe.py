"""A wipe: the vault is destroyed, or one of its circles, and a kill at any moment leaves it as it was or gone.

    1  `wiping` says what is to go: all, or the names of databases; one that says neither decides nothing
    2  the keys: the header is overwritten and deleted; or replaced by one that does not name these databases
    3  the databases, whose keys are gone by then, are overwritten and deleted
    4  `wiping` becomes `wiped`, by which a folder says what has become of it; or, if others stay, it is deleted

From step 1 on whoever comes next goes on with it: for a whole vault without any key, for a circle once the vault is
opened. What disks and backups keep of deleted files is beyond this. (protocol/70-vault.md, Wipe)
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cellsync.core.errors import VaultMissing
from cellsync.store.files import destroy, file_errors, lock_directory, replace_private, sync_directory

HEADER_NAME: Final = "vault"
NEW_NAME: Final = "vault.new"
DATABASE_NAME: Final = re.compile(r"[0-9a-f]{32}(-wal|-journal)?")
WIPING: Final = "wiping"
WIPED: Final = "wiped"
_NEW_WIPING: Final = "wiping.new"
MARKS: Final = frozenset({WIPING, WIPED, _NEW_WIPING})
ALL: Final = frozenset({"all"})
_NAMED: Final = re.compile(r"[0-9a-f]{32}")
_LONGEST: Final = 4_096  # bytes: far more than there are circles


def intend(folder: Path, databases: Collection[str]) -> None:
    """Decide that these databases go, or ALL. It cannot be taken back. Raises DiskFull, StorageFailed."""
    content = "".join(f"{name}\n" for name in sorted(databases)).encode()
    replace_private(folder / WIPING, folder / _NEW_WIPING, content)


def intended(folder: Path) -> frozenset[str] | None:
    """The databases that are to go, or ALL; None if that is not said. Raises StorageFailed."""
    with file_errors():
        try:
            with (folder / WIPING).open("rb") as file:
                raw = file.read(_LONGEST)
        except (FileNotFoundError, NotADirectoryError):
            return None
    *names, rest = raw.decode("ascii", "replace").split("\n")
    said = frozenset(names)
    return said if not rest and (said == ALL or (said and all(map(_NAMED.fullmatch, said)))) else None


def destroy_vault(folder: Path) -> None:
    """Go on with a wipe of the whole vault, from wherever it has come to. Hold the folder's lock."""
    for name in (HEADER_NAME, NEW_NAME):
        destroy(folder / name)
    sync_directory(folder)
    with file_errors():
        names = [path.name for path in folder.iterdir() if DATABASE_NAME.fullmatch(path.name)]
    for name in names:
        destroy(folder / name)
    with file_errors():
        (folder / WIPING).replace(folder / WIPED)
    sync_directory(folder)


def destroy_circles(folder: Path, databases: Collection[str]) -> None:
    """Destroy databases that the header does not name any more. Hold the folder's lock."""
    for name in databases:
        destroy_database(folder / name)
    with file_errors():
        (folder / WIPING).unlink(missing_ok=True)
    sync_directory(folder)


def destroy_database(path: Path) -> None:
    """Delete a database and its logs; nothing may have it open. Raises StorageFailed."""
    for suffix in ("-wal", "-journal", ""):
        destroy(path.with_name(path.name + suffix))


def wiped(folder: Path) -> datetime | None:
    """When the vault that was in this folder was wiped; None if it was not. Goes on with a wipe that was broken off.

    Raises VaultInUse, StorageFailed.
    """
    finish_at(folder)
    with file_errors(), suppress(FileNotFoundError, NotADirectoryError):
        if not (folder / HEADER_NAME).exists():
            return datetime.fromtimestamp((folder / WIPED).stat().st_mtime, UTC)
    return None


def finish_at(folder: Path) -> None:
    """The same as `finish`, for who does not hold the folder's lock. Raises VaultInUse, StorageFailed."""
    if intended(folder) == ALL:
        lock = lock_directory(folder)
        try:
            finish(folder)
        finally:
            os.close(lock)


def finish(folder: Path) -> None:
    """Go on with a wipe of the whole vault, if one was broken off. Hold the folder's lock."""
    if intended(folder) == ALL:
        destroy_vault(folder)


def forget(folder: Path) -> None:
    """Begin anew in this folder: it says no more what became of an earlier vault."""
    with file_errors():
        for name in MARKS:
            (folder / name).unlink(missing_ok=True)


class VaultWiped(VaultMissing):
    """The vault that was here has been wiped: this device was removed from its circle, which had chosen that."""

    default_hint = "Nothing of it can be read any more. To begin anew: cellsync join, with new keys; or cellsync init."
