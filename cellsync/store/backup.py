"""A copy of a vault, in a folder of its own: taken while the vault is open, or restored from such a copy.

Rules:

1. **An incomplete copy does not look like a vault.** Everything is written into `NAME.incomplete`. Each database is
   opened there with its key, read from end to end and compared with its original; the header is written when all of
   them are right and synced, and the folder gets its name last. A killed process leaves a folder without a header,
   which the next backup of that name empties.
2. **Nothing is overwritten.** A name that is taken is refused, and so are a folder inside the vault and one whose
   parent is missing: an unplugged stick must not become a folder on the disk that may be seized.
3. **A copy is marked as one**, inside what is encrypted and authenticated (`RENEWAL_DUE`): when it is used, it takes a
   new incarnation with its first entry, and the order of arrival gets another life (protocol/70-vault.md, Copies). A
   database that is locked with its circle's own passphrase is copied as it lies there, and marked in the header.
4. The copy of an open database is made on the connection that has it open; nothing else may open that file (`sqlite`).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple, Self

from cellsync import system
from cellsync.core.drawers import LIFE, RENEWAL_DUE
from cellsync.core.errors import (
    CallerError,
    CellsyncError,
    DiskFull,
    ExternalError,
    StorageFailed,
    VaultDamaged,
    VaultInUse,
    VaultMissing,
    WrongPassphrase,
)
from cellsync.core.ids import Millis
from cellsync.store import wipe
from cellsync.store.connection import check_encrypted
from cellsync.store.contents import key_of
from cellsync.store.files import (
    create_private,
    lock_directory,
    sync_directory,
    sync_file,
    write_private,
)
from cellsync.store.header import CircleFile
from cellsync.store.sqlite import Census, SqliteStore
from cellsync.store.vault import DATABASE_NAME, HEADER_NAME, Entropy, Vault, Words, check_unused

_INCOMPLETE: Final = ".incomplete"  # suffix of a folder's name while it is being written
_BESIDE: Final = frozenset({HEADER_NAME, f"{HEADER_NAME}.new", "settings.json", "settings.new"})
_CHUNK: Final = 1 << 20  # bytes
_MILLIS: Final = 8  # bytes of a time
_READ_ONLY: Final = {errno.EROFS, errno.EACCES, errno.EPERM}


class PlaceTaken(CallerError):
    """There is something of that name already; nothing was changed."""

    code = "place_taken"
    default_hint = "Name a folder that is not there yet, with the day in its name, say."


class NoSuchPlace(CallerError):
    """The folder in which the backup should be made is not there."""

    code = "no_such_place"
    default_hint = "Is the disk or stick plugged in? Name a new folder inside one that exists."


class InsideVault(CallerError):
    """A backup cannot be kept inside what it is a backup of."""

    code = "inside_vault"
    default_hint = "Choose a folder elsewhere, best on a disk that is kept in another place."


class NotWritable(ExternalError):
    """Nothing can be written there."""

    code = "not_writable"
    default_hint = "Is it write-protected, or somebody else's? Choose another folder."


class CopyDiffers(ExternalError):
    """What was written there does not read as what it was copied from; it was deleted."""

    code = "copy_differs"
    default_hint = "The disk there may be failing. Choose another one."


class Backup(NamedTuple):
    """The contents of a copy."""

    at: Millis  # when it was taken
    entries: int
    size: int  # bytes, of its databases


class Incomplete:
    """A copy that is being made. Made by `begin`; ended by `complete` or `discard`."""

    def __init__(self, place: Path, folder: Path, below: str, lock: int) -> None:
        self._place = place
        self._folder = folder
        self._vault = folder / below
        self._lock = lock
        self._taken: list[tuple[CircleFile, Census | None]] = []

    @classmethod
    def begin(cls, place: Path, *, outside: Path, below: str = "") -> Self:
        """Claim a name. `below`: the folder inside it that is the vault's; "": it is the vault's itself.

        Raises PlaceTaken, NoSuchPlace, InsideVault (`outside`), NotWritable, DiskFull, StorageFailed.
        """
        with _writing():
            place = free_place(place, outside)
            folder = place.with_name(place.name + _INCOMPLETE)
            with suppress(FileExistsError):
                system.files.make_folder(folder)
            if not stat.S_ISDIR(folder.lstat().st_mode):
                raise PlaceTaken(f"There is something else with the name that ends in {_INCOMPLETE}.")
            try:
                lock = lock_directory(folder)
            except VaultInUse:
                raise PlaceTaken("Another backup is being written there just now.") from None
            made = cls(place, folder, below, lock)
            try:
                _empty(folder)
                system.files.make_folder(made._vault, exist_ok=True)
            except BaseException:
                os.close(lock)
                raise
            return made

    def take(self, row: CircleFile, store: SqliteStore) -> None:
        """Copy an open database: nothing may be written to it meanwhile. Raises VaultDamaged if it is damaged."""
        with _writing():
            store.copy_into(self._vault / row.file)
        self._taken.append((row, store.census()))

    def bring(self, row: CircleFile, source: Path) -> None:
        """Copy a closed database, with its log; also a locked one. Raises VaultDamaged if it is missing."""
        for name in (row.file, log_of(Path(row.file)).name):
            try:
                with _reading(), (source / name).open("rb") as reading, _writing():
                    create_private(self._vault / name)
                    with (self._vault / name).open("wb") as writing:
                        while chunk := reading.read(_CHUNK):
                            writing.write(chunk)
            except FileNotFoundError:
                if name == row.file:
                    raise VaultDamaged("A file of this backup is missing.") from None
        self._taken.append((row, None))

    def marked(self, row: CircleFile, at: Millis | None) -> CircleFile:
        """The row of a locked database that was brought: the header says of it that it is a copy."""
        with _writing():
            changed = int((self._vault / row.file).stat().st_mtime * 1000)
        return row._replace(copied=row.copied or (changed if at is None else at))

    def complete(self, header: bytes, at: Millis | None, beside: Mapping[str, bytes] | None = None) -> Backup:
        """Check and mark the copies, and give the folder its name.

        `at`: the time of the backup; None: as marked in the copies, which come from elsewhere. Raises CopyDiffers,
        NotWritable, DiskFull, StorageFailed, and PlaceTaken if the name has been taken meanwhile.
        """
        times, entries, size = [Millis(0)], 0, 0
        with _writing():
            for row, census in self._taken:
                path = self._vault / row.file
                check_encrypted(path)
                if row.key is not None:
                    marked, held = _checked(path, row, census, at)
                    times.append(marked)
                    entries += held
                size += path.stat().st_size
                for copied in (path, log_of(path)):
                    if copied.exists():
                        sync_file(copied)
            if {entry.name for entry in self._vault.iterdir()} != self._expected():
                raise CopyDiffers  # a log that could not be emptied
            for name, content in (beside or {}).items():
                write_private(self._folder / name, content)
            write_private(self._vault / HEADER_NAME, header)
            sync_directory(self._vault)
            sync_directory(self._folder)
            if os.path.lexists(self._place):
                raise PlaceTaken
            self._folder.rename(self._place)
            self._folder = self._place  # if what follows fails, it is deleted there
            sync_directory(self._place.parent)
        os.close(self._lock)
        return Backup(max(times), entries, size)

    def _expected(self) -> set[str]:
        """The files of the copies; beside one that is locked, and was not opened, its log."""
        logs = (log_of(self._vault / row.file) for row, _ in self._taken if row.key is None)
        return {row.file for row, _ in self._taken} | {log.name for log in logs if log.exists()}

    def discard(self) -> None:
        """Delete what was written so far. Never fails: a leftover has no header."""
        with suppress(CellsyncError, OSError):
            _empty(self._folder)
            self._folder.rmdir()
        os.close(self._lock)


def restore(
    source: Path, to: Path, words: Words, *, entropy: Entropy, allow_cheap: bool = False,
    before_it_is_there: Callable[[], None] = lambda: None,
) -> Backup:  # fmt: skip
    """Make a vault from a backup, or from a folder that was merely copied; it continues under a new incarnation.

    The backup stays as it is. Raises VaultExists, NotWritable, DiskFull, StorageFailed, or the errors of `Vault.open`.
    """
    if to.is_dir():
        wipe.finish_at(to)
        check_unused(to)
    with _of_a_backup(source), Vault.open(source, words, entropy=entropy, allow_cheap=allow_cheap) as vault:
        rows = [vault.locked_file(circle) for circle in vault.circles]
        if to.is_dir():  # left over from a killed creation
            with _writing():
                wipe.forget(to)
                _empty(to)
                to.rmdir()
        folder = Incomplete.begin(to, outside=source)
        try:
            for row in rows:
                folder.bring(row, source)
            rows = [folder.marked(row, None) if row.key is None else row for row in rows]
            before_it_is_there()
            return folder.complete(vault.header_of(rows), None)
        except CopyDiffers:
            folder.discard()
            raise VaultDamaged("This backup is damaged.", hint=_ANOTHER) from None
        except BaseException:
            folder.discard()
            raise


_ANOTHER: Final = "Use another backup; or join again with new keys: other devices have the entries."


def _checked(path: Path, row: CircleFile, census: Census | None, at: Millis | None) -> tuple[Millis, int]:
    """When a copy was taken, and how many entries it holds, after checking it and marking it as a copy."""
    changed = Millis(int(path.stat().st_mtime * 1000))
    try:
        store = SqliteStore.open(path, key_of(row))
        try:
            store.check()
            found = store.census()
            if census is not None and found != census:
                raise CopyDiffers
            taken = at if at is not None else time_of(store.kept(RENEWAL_DUE)) or changed
            store.keep(RENEWAL_DUE, taken.to_bytes(_MILLIS))
            store.forget(LIFE)
            store.flush()
        finally:
            store.close()
    except VaultDamaged:
        raise CopyDiffers from None
    return taken, found[1]


def log_of(path: Path) -> Path:
    """The log of a database: it is there while the database is open, and if that was killed."""
    return path.with_name(f"{path.name}-wal")


def time_of(mark: bytes | None) -> Millis | None:
    """When a store was copied, according to its mark; None if the mark does not tell."""
    return Millis(int.from_bytes(mark)) if mark is not None and len(mark) == _MILLIS else None


def _empty(folder: Path) -> None:
    """Delete the remains of an interrupted backup. Raises PlaceTaken if there is anything else."""
    for entry in list(folder.iterdir()):
        kind = entry.lstat().st_mode
        if stat.S_ISDIR(kind) and entry.name == HEADER_NAME:  # a profile's vault
            _empty(entry)
            entry.rmdir()
        elif stat.S_ISREG(kind) and (entry.name in _BESIDE or DATABASE_NAME.fullmatch(entry.name)):
            entry.unlink()
        else:
            raise PlaceTaken(f"There is something else with the name that ends in {_INCOMPLETE}.")


@contextmanager
def _writing() -> Iterator[None]:
    """Translate failures of writing a copy into fitting errors."""
    try:
        yield
    except DiskFull:
        raise DiskFull(_FULL, hint=_ROOM) from None
    except OSError as error:
        if error.errno in _READ_ONLY:
            raise NotWritable from None
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(_FULL, hint=_ROOM) from None
        raise StorageFailed(hint=CopyDiffers.default_hint) from None


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError:
        raise StorageFailed("The backup could not be read.", hint="Try it on another computer.") from None


def free_place(place: Path, outside: Path) -> Path:
    """The place for a backup, checked beforehand, so users learn early that it cannot be made there.

    Raises PlaceTaken, NoSuchPlace, InsideVault.
    """
    if not place.name or not place.parent.is_dir():
        raise NoSuchPlace
    place = place.parent.resolve() / place.name
    if place.is_relative_to(outside.resolve()):
        raise InsideVault
    if os.path.lexists(place):
        raise PlaceTaken
    return place


def must_hold_a_vault(folder: Path) -> None:
    """Raises VaultMissing if it is no backup; whether it can be read is another question."""
    if not os.path.lexists(folder / HEADER_NAME):
        raise _no_backup(folder)


@contextmanager
def _of_a_backup(folder: Path) -> Iterator[None]:
    """What fails is said of a backup, and not of a vault that is in use."""
    try:
        yield
    except VaultMissing:
        raise _no_backup(folder) from None
    except WrongPassphrase:
        raise WrongPassphrase(hint=_OF_ITS_DAY) from None


def _no_backup(folder: Path) -> VaultMissing:
    inside = folder.parent.glob(f"*/{folder.name}/{HEADER_NAME}")
    with suppress(OSError):
        if any(True for _ in inside):
            return VaultMissing("There is no backup in this folder.", hint=_INSIDE)
    return VaultMissing("There is no backup in this folder.", hint=_WHERE)


_FULL: Final = "There is not enough room there; what was written was deleted."
_ROOM: Final = "Free some space there, or choose another disk."
_OF_ITS_DAY: Final = (
    "It is the one that the cell had when it was backed up, also if you have chosen another since. Check the keyboard "
    "layout and Caps Lock."
)
_INSIDE: Final = "There are backups in the folders inside it: name one of these."
_WHERE: Final = "A backup is a folder with a folder vault in it. One whose name ends in .incomplete was broken off."
