"""Locks: circles of a vault that have a passphrase of their own (protocol/70-vault.md, Lock)."""

from __future__ import annotations

from collections.abc import Mapping

from cellsync.core.errors import InvalidValue, WrongPassphrase
from cellsync.core.ids import CircleId, Passphrase
from cellsync.store import seals
from cellsync.store.contents import VaultContents, key_of
from cellsync.store.header import CircleFile, Kdf
from cellsync.store.seals import CircleKey, Words


class VaultLocks(VaultContents):
    """Which circles are locked, and what unlocks them."""

    def has_own_passphrase(self, circle: CircleId) -> bool:
        """Raises NotFound."""
        return self._row(circle).lock is not None

    def check_circle_passphrase(self, circle: CircleId, guess: Words) -> None:
        """Whether this is the circle's own. Blocks for a key derivation. Raises WrongPassphrase."""
        if seals.unlock(self._row(circle), self._profile, guess) is None:
            raise WrongPassphrase

    def unlock(self, circle: CircleId, passphrase: Words) -> None:
        """Unlock a circle, for as long as the vault is open. Blocks for a key derivation. Raises WrongPassphrase."""
        key = seals.unlock(self._row(circle), self._profile, passphrase)
        if key is None:
            raise WrongPassphrase
        self._unlocked[circle] = key

    def lock_circle(self, circle: CircleId) -> None:
        """Forget what opens a circle. Close its store first. Raises InvalidValue if nothing of its own would."""
        if self._row(circle).lock is None:
            raise InvalidValue("This circle has no passphrase of its own.", hint="cellsync circle passphrase set")
        self._unlocked.pop(circle, None)

    @property
    def unlocked(self) -> Mapping[CircleId, CircleKey]:
        """What opens the circles that are unlocked, for `unlock_with` after a re-key or another opening."""
        return dict(self._unlocked)

    def unlock_with(self, keys: Mapping[CircleId, CircleKey]) -> None:
        """Unlock those circles that these keys open."""
        for row in self._circles:
            key = keys.get(row.circle)
            if key is not None and seals.open_lock(row, self._profile, key) is not None:
                self._unlocked[row.circle] = key

    def set_circle_passphrase(
        self, circle: CircleId, new: Passphrase | None, *, kdf: Kdf = Kdf.MODERATE, at_least: float = 0.0
    ) -> None:
        """Lock an unlocked circle with a passphrase of its own, in place of the one that it has; None: with none.

        It stays unlocked. As with another passphrase of the vault, the key to the file is the same: a copy of an
        earlier header opens it as it did, until a re-key. Blocks for a key derivation or two. Raises CircleLocked,
        NotFound, InvalidValue (`kdf`), DiskFull or StorageFailed.
        """
        row = self.circle_file(circle)
        if not kdf.allowed(self._profile):
            raise InvalidValue("These key derivation parameters are out of range.")
        key = None if new is None else seals.circle_key(new, kdf, self._entropy, at_least)
        with self._writing:
            locked = self._locked(row._replace(lock=None), key)
            self._save([locked if each.circle == circle else each for each in self._circles], self._slots)
            self._unlocked.pop(circle, None)
            if key is not None:
                self._unlocked[circle] = key

    def _locked(self, row: CircleFile, key: CircleKey | None) -> CircleFile:
        """A row as the header has it: with the key, or with what is locked."""
        if key is None:
            return row
        lock = seals.lock(row.circle, row.file, key_of(row), key, self._profile, self._entropy)
        return row._replace(key=None, lock=lock)
