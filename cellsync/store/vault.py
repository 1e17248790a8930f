"""The encrypted directory of one device: its identity, its circles, and the key to each.

    passphrase --Argon2id--> wrapping key --opens--> key slot: master key --BLAKE2b--> body key --opens--> body

Rules:

1. **A passphrase never encrypts data.** It wraps one random master key, so changing it rewrites only a header.
   (Old copies of the header still open with the old passphrase: until a re-key, `rekey`.)
2. **Parameters are checked before they are used**, against a floor and a ceiling, and bound by the seals.
3. **The header is replaced atomically**, and a circle's database is durable before the header names it. A crash
   leaves the old header or the new one, and at worst a database that no header names.
4. **A circle can have a passphrase of its own**, nested in the vault's: the master key opens the body, in which the key
   to that circle's file is locked once more. Until it is unlocked in this process the circle is as good as absent.
5. **One process.** The directory's lock is taken before anything is read and held until `close`.

Opening and creating run the key derivation, half a second or more without the interpreter lock: call them in a
worker thread. Nothing else here is slow.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from contextlib import suppress
from os import close as close_descriptor
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cellsync import system
from cellsync.core import caps, drawers
from cellsync.core.errors import (
    CellsyncError,
    CheapVault,
    CircleLocked,
    InvalidValue,
    NewerVersion,
    VaultExists,
    VaultMissing,
)
from cellsync.core.ids import CircleId, DatabaseKey, MasterKey, Passphrase
from cellsync.store import header, seals, wipe
from cellsync.store.contents import key_of
from cellsync.store.files import file_errors, lock_directory, make_private, sync_directory
from cellsync.store.header import CircleFile, Identity, Kdf, KdfProfile, SlotKind
from cellsync.store.locks import VaultLocks
from cellsync.store.seals import Entropy, Words
from cellsync.store.sqlite import SqliteStore
from cellsync.store.wipe import DATABASE_NAME, HEADER_NAME, NEW_NAME, VaultWiped, destroy_database

__all__ = ["DATABASE_NAME", "HEADER_NAME", "Entropy", "Identity", "Kdf", "Vault", "Words", "destroy_database"]

_KEY_BYTES: Final = 32
_MAX_FILE: Final = 1 << 16  # a header is below 10 KiB; more is not read


class Vault(VaultLocks):
    """An unlocked vault. Made by `create` or `open`."""

    # --- creating and opening --------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        path: Path,
        passphrase: Passphrase,
        identity: Identity,
        *,
        kdf: Kdf = Kdf.MODERATE,
        at_least: float = 0.0,
        entropy: Entropy = secrets.token_bytes,
        publish: bool = True,
    ) -> Self:
        """A new vault in a new or empty directory. Deriving its key takes `at_least` so many seconds of this machine.

        With `publish=False` the header appears only with the first `create_circle`, so a crash while a cell is founded
        leaves no vault at all. Raises VaultExists (nothing is overwritten), VaultInUse, InvalidValue (parameters),
        DiskFull or StorageFailed.
        """
        if not kdf.allowed(kdf.profile):
            raise InvalidValue("These key derivation parameters are out of range.")
        with file_errors():
            made = not path.exists()
            for folder in (*reversed(path.parents), path):  # parents made here are just as private
                if not folder.exists():
                    system.files.make_folder(folder, exist_ok=True)
        lock = lock_directory(path)
        try:
            wipe.finish(path)
            check_unused(path)
            wipe.forget(path)
            make_private(path)
            if made:
                sync_directory(path.parent)
            master = MasterKey(entropy(_KEY_BYTES))
            slot = seals.wrap(master, passphrase, kdf, entropy, at_least=at_least)
            vault = cls(path, lock, entropy, master, (slot,), kdf.profile, identity, [])
            if publish:
                vault._save([], (slot,))
            return vault
        except BaseException:
            close_descriptor(lock)
            raise

    @classmethod
    def open(
        cls,
        path: Path,
        passphrase: Words,
        *,
        entropy: Entropy = secrets.token_bytes,
        allow_cheap: bool = False,
    ) -> Self:
        """Unlock an existing vault.

        Raises VaultMissing, VaultInUse, NotAVault, VaultDamaged, NewerVersion, WrongPassphrase, CheapVault (made
        for tests; `allow_cheap` opens it), or StorageFailed.
        """
        if wipe.wiped(path) is not None:
            raise VaultWiped
        with file_errors():
            if not (path / HEADER_NAME).is_file():
                raise VaultMissing
        lock = lock_directory(path)
        try:
            found = header.decode(_read(path / HEADER_NAME))
            if found.profile == KdfProfile.CHEAP and not allow_cheap:
                raise CheapVault
            master = seals.unwrap(found.slots, found.profile, passphrase)
            identity, circles = header.decode_body(seals.open_body(found, master), found.profile, found.version)
            vault = cls(path, lock, entropy, master, found.slots, found.profile, identity, circles)
            vault._finish_wipe()
            return vault
        except BaseException:
            close_descriptor(lock)
            raise

    def close(self) -> None:
        """Forget the keys and release the lock. Close the circles' stores first. May be called twice."""
        if self._lock is not None:
            close_descriptor(self._lock)
        self._lock = None
        self._master = MasterKey(b"")
        self._circles = []
        self._unlocked = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    # --- its circles -------------------------------------------------------------------------------

    def create_circle(self, circle: CircleId, fill: Callable[[SqliteStore], None] | None = None) -> SqliteStore:
        """A new database for a circle, listed in the header when `fill` has written and flushed what it must hold.

        A crash before that leaves the vault without the circle. Raises InvalidValue (circle known, or too many),
        DiskFull or StorageFailed.
        """
        self._check_open()
        if circle in self.circles:
            raise InvalidValue("This vault has that circle already.")
        if len(self._circles) >= caps.CIRCLES:
            raise InvalidValue("This vault has as many circles as it can hold.")
        name = self._entropy(header.FILE_NAME_BYTES).hex()
        row = CircleFile(circle, name, DatabaseKey(self._entropy(_KEY_BYTES)))
        store = SqliteStore.create(self._path / name, key_of(row))
        try:
            if fill is not None:
                fill(store)
                store.flush()
            with self._writing:
                self._save([*self._circles, row], self._slots)
        except BaseException:
            store.close()
            raise
        return store

    def open_circle(self, circle: CircleId) -> SqliteStore:
        """Raises NotFound, CircleLocked, VaultDamaged, VaultInUse, NewerVersion or StorageFailed."""
        row = self.circle_file(circle)
        store = SqliteStore.open(self._path / row.file, key_of(row))
        try:
            self._mark_copy(row, store)
            self._tidy(store)
        except BaseException:
            store.close()
            raise
        return store

    @property
    def derivation(self) -> Kdf:
        """What deriving the key of this vault costs."""
        costs = (slot.derivation for slot in self._slots if slot.kind == SlotKind.PASSPHRASE)
        return min(costs, key=lambda kdf: kdf.memory)

    def check_passphrase(self, guess: Words) -> None:
        """Whether this would open it. Blocks for a key derivation. Raises WrongPassphrase."""
        self._check_open()
        seals.unwrap(self._slots, self._profile, guess)

    def change_passphrase(self, new: Passphrase, *, kdf: Kdf = Kdf.MODERATE, at_least: float = 0.0) -> None:
        """Wrap the master key again, in place of every passphrase slot. Blocks for a key derivation or two.

        A copy of the old header still opens with the old passphrase. Raises InvalidValue if `kdf` is weaker than
        this vault's profile allows, DiskFull or StorageFailed.
        """
        self._check_open()
        if not kdf.allowed(self._profile):
            raise InvalidValue("These key derivation parameters are out of range.")
        slot = seals.wrap(self._master, new, kdf, self._entropy, self._profile, at_least)
        with self._writing:
            self._save(self._circles, (slot, *self._other_slots()))

    def _mark_copy(self, row: CircleFile, store: SqliteStore) -> None:
        """A copy that was made while its circle was locked could not be marked in the file (`store/backup`)."""
        if not row.copied:
            return
        store.keep(drawers.RENEWAL_DUE, row.copied.to_bytes(8))
        store.forget(drawers.LIFE)
        store.flush()
        with suppress(CellsyncError), self._writing:  # if that fails, it is marked once more: another incarnation
            self._save(
                [each._replace(copied=0) if each.circle == row.circle else each for each in self._circles], self._slots
            )

    def _tidy(self, store: SqliteStore) -> None:
        """Finish a re-key that was broken off: the header names this file, so its counterpart is not needed.

        If that fails, the next opening tries again.
        """
        other = store.kept(drawers.COUNTERPART)
        if other is None:
            return
        with suppress(CellsyncError):
            sync_directory(self._path)  # the header that names this file must not be lost with the power any more
            if len(other) == header.FILE_NAME_BYTES and other.hex() not in {row.file for row in self._circles}:
                destroy_database(self._path / other.hex())
            store.forget(drawers.COUNTERPART)
            store.flush()

    # --- for a re-key ----------------------------------------------------------------------------

    def new_file(self, circle: CircleId) -> CircleFile:
        """A name and a key for another database of a circle. Raises NewerVersion if a re-key would lose a key slot."""
        self._check_open()
        if self._other_slots():
            raise NewerVersion("This vault opens in a way that this version does not know, and would not after that.")
        if self.locked:
            raise CircleLocked(
                "A circle here is locked, and cannot have new keys before it is unlocked. Nothing was changed.",
                hint="cellsync circle unlock, with the daemon running; then again",
            )
        return CircleFile(circle, self._entropy(header.FILE_NAME_BYTES).hex(), DatabaseKey(self._entropy(_KEY_BYTES)))

    def replace(self, circles: list[CircleFile], passphrase: Passphrase, kdf: Kdf, at_least: float = 0.0) -> None:
        """Put these databases in the place of all, under a new master key. Blocks for a key derivation or two.

        They are durable; a circle with a passphrase of its own keeps it. If it fails the vault is closed: which header
        is on the disk is seen when it is opened again.
        Raises InvalidValue (`kdf`), DiskFull, StorageFailed.
        """
        self._check_open()
        if not kdf.allowed(self._profile):
            raise InvalidValue("These key derivation parameters are out of range.")
        master = MasterKey(self._entropy(_KEY_BYTES))
        slot = seals.wrap(master, passphrase, kdf, self._entropy, self._profile, at_least)
        with self._writing:
            self._save([self._locked(row, self._unlocked.get(row.circle)) for row in circles], (slot,), master)

    # --- the end of it ---------------------------------------------------------------------------

    def wipe(self, circles: Collection[CircleId]) -> None:
        """Destroy these circles; with the last one the vault, keys first. None of them may be open. Then close it.

        It may have come to any point when it fails; whoever opens the vault next goes on. Raises DiskFull,
        StorageFailed.
        """
        self._check_open()
        going = [row.file for row in self._circles if row.circle in circles]
        if not going:
            return
        if len(going) == len(self._circles):
            wipe.intend(self._path, wipe.ALL)
            wipe.destroy_vault(self._path)
            self._circles = []
        else:
            wipe.intend(self._path, going)
            self._finish_wipe()

    def _finish_wipe(self) -> None:
        """Let circles go that are to be wiped: first their keys."""
        going = wipe.intended(self._path)
        if not going:
            return
        left = [row for row in self._circles if row.file not in going]
        if len(left) < len(self._circles):
            with self._writing:
                self._save(left, self._slots)
        wipe.destroy_circles(self._path, going)


# --- files --------------------------------------------------------------------------------------


def check_unused(path: Path) -> None:
    """Leftovers of a creation that was killed do not count: without a header they are noise."""
    with file_errors():
        names = {file.name for file in path.iterdir()}
    if HEADER_NAME in names:
        raise VaultExists
    if any(name not in (NEW_NAME, *wipe.MARKS) and not DATABASE_NAME.fullmatch(name) for name in names):
        raise VaultExists("This folder holds other files; nothing was changed.", hint="Choose an empty folder.")


def _read(path: Path) -> bytes:
    with file_errors(), path.open("rb") as file:
        return file.read(_MAX_FILE)
