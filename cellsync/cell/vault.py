"""Where an open cell rests: copies of it, whether it is sound, and what opens it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from os import PathLike, fspath
from typing import TYPE_CHECKING

from cellsync.cell import forks
from cellsync.cell.audit import audit, check
from cellsync.cell.backup import back_up
from cellsync.cell.circles import CellCircles
from cellsync.cell.forks import Fork
from cellsync.cell.passphrase import change
from cellsync.core.errors import NotFound, ProvesNothing
from cellsync.store.header import Kdf
from cellsync.store.passphrases import forms

if TYPE_CHECKING:
    from cellsync.store.backup import Backup


class CellVault(CellCircles):
    """The vault of a cell, with all that its circles hold."""

    async def backup(
        self, to: str | PathLike[str], *, below: str = "", beside: Mapping[str, bytes] | None = None
    ) -> Backup:
        """Copy this cell as it is now into a new folder: encrypted under the same passphrase, checked, and synced.

        The folder can be used as a home, or `restore` makes another vault of it; either knows that it is a copy. With
        `below` the vault is a subfolder of that name, with the files `beside` next to it.

        Raises PlaceTaken, NoSuchPlace (its parent), InsideVault, NotWritable, DiskFull, StorageFailed, CopyDiffers, and
        VaultDamaged if this vault is damaged: no backup is then made.
        """
        self._check_open()
        await self.node.keep()  # when each device was last seen goes along
        return await back_up(self.ledger, self._check_open, fspath(to), below, beside or {})

    async def forks(self) -> list[Fork]:
        """The places where devices signed two entries, the oldest first. Both sides are kept; a fork blames nobody."""
        return [fork for circle in self.circles for fork in await circle.forks()]

    async def fork_proof(self, fork: Fork) -> bytes:
        """The proof that its device signed both sides, for someone who holds neither. It reveals no content.

        Raises NotFound if the fork is not held here, or its proof would be too large.
        """
        self._check_open()
        circle = self.circle(fork.circle).circle
        async with circle.lock:
            found = await circle.apart(lambda: forks.proof(circle, fork.id))
        if found is None:
            raise NotFound("There is no such fork here, or its proof is too large.")
        return found

    async def check_fork_proof(self, proof: bytes) -> Fork:
        """The fork of a device of this cell that a proof shows. Raises ProvesNothing."""
        self._check_open()

        def shown() -> Fork:
            for circle in self.ledger.values():
                try:
                    return forks.check(circle, proof)
                except ProvesNothing:
                    continue
            raise ProvesNothing

        return await self.ledger.surroundings.in_thread(shown)

    async def check(self, most: int | None = None) -> bool:
        """Read every page of this cell at rest; edits and sessions wait, some ms for each MB. Raises VaultDamaged.

        False if it has more than `most` bytes: nothing is read then.
        """
        self._check_open()
        return await check(self.ledger, self._check_open, most)

    async def audit(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Read every page and entry of this cell at rest, and verify all signatures; returns the number of entries.

        Takes some 0.1 ms per entry; edits and sessions continue meanwhile, but wait while the pages are read.
        `progress` is called with (entries checked, entries in all). Raises VaultDamaged.
        """
        self._check_open()
        return await audit(self.ledger, self._check_open, progress)

    @property
    def derivation(self) -> Kdf:
        """The cost of a guess at this vault's passphrase: passes, and bytes of memory."""
        return self.ledger.vault.derivation

    async def check_passphrase(self, passphrase: str) -> None:
        """Check that this passphrase opens the vault, which is already open. Raises WrongPassphrase, InvalidValue."""
        self._check_open()
        guess, vault = forms(passphrase), self.ledger.vault
        await self.ledger.surroundings.in_thread(lambda: vault.check_passphrase(guess))

    async def change_passphrase(self, *, old: str, new: str) -> None:
        """As `cellsync.change_passphrase`, of an open cell. Raises WrongPassphrase, WeakPassphrase, DiskFull."""
        self._check_open()
        vault, home = self.ledger.vault, self._home
        await self.check_passphrase(old)
        known = *(circle.name for circle in self._circles), vault.identity.name
        await home.surroundings.in_thread(lambda: change(vault, home, old, new, known))

    @property
    def copied_at(self) -> datetime | None:
        """When the backup was taken from which this cell was restored; None once something has been written here,
        or if all circles are locked."""
        known = [circle.circle.copied_at for circle in self._circles]
        copied = [at for at in known if at is not None]
        return datetime.fromtimestamp(min(copied) / 1000, UTC) if copied and len(copied) == len(known) else None

    @property
    def wiped(self) -> int:
        """How many circles were destroyed as this cell was opened: this device had been removed from them, and they
        had chosen that."""
        return self.ledger.wiped

    def entries(self) -> int:
        """The number of entries here that count: the same on every device that is in step, and in the same circles."""
        return sum(circle.entries() for circle in self._circles)
