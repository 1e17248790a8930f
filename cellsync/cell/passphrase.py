"""The passphrase of a vault changed, and the keys behind it replaced (protocol/70-vault.md, Re-key).

A new passphrase seals the same master key again: whoever kept an old header and knows the old passphrase opens with
them what they opened, and what is written later, if they get at the files again. After a re-key they open nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from cellsync.cell.home import Home, Place, home_of
from cellsync.core.errors import CellsyncError, InvalidValue
from cellsync.core.ids import CircleId
from cellsync.core.membership.control import harmless
from cellsync.ledger.circle import OpenCircle
from cellsync.store import rekey as at_rest
from cellsync.store.passphrases import forms, typing_form
from cellsync.store.rekey import Seen, unseen
from cellsync.store.seals import CircleKey
from cellsync.store.vault import Vault


async def names_behind(place: Place, *, passphrase: str) -> tuple[str, str]:
    """The names of the cell and of this device, if this passphrase opens the vault; "" for what cannot be read.

    A cell is called like the first of its circles that can be read. Raises the errors of `open_cell`.
    """
    home = home_of(place)

    def look() -> tuple[str, str]:
        with _opened(home, passphrase) as vault:
            return next(_names(vault, home, vault.circles), ""), vault.identity.name

    return await home.surroundings.in_thread(look)


async def change_passphrase(place: Place, *, old: str, new: str) -> None:
    """Give the vault in this folder another passphrase. The cell must not be open.

    Earlier copies of the folder still open with the old one; with a file `vault` out of one, so does what is written
    later, until `rekey`. Raises the errors of `open_cell`, and InvalidValue: WeakPassphrase if it is too easy to guess.
    """
    home = home_of(place)

    def work() -> None:
        with _opened(home, old) as vault:
            change(vault, home, old, new, (*_names(vault, home, vault.circles), vault.identity.name))

    await home.surroundings.in_thread(work)


def change(vault: Vault, home: Home, old: str, new: str, known: Iterable[str]) -> None:
    """Change the passphrase of an open vault; `old` opens it. `known` is as for `Home.new_passphrase`."""
    after = home.new_passphrase(new, known)
    if typing_form(new) == typing_form(old):
        raise InvalidValue("That is the passphrase it has already.", hint="Choose another one.")
    vault.change_passphrase(after, kdf=home.kdf, at_least=home.derivation_seconds)


def change_circle(vault: Vault, home: Home, circle: CircleId, old: str, new: str | None, known: Iterable[str]) -> None:
    """Lock a circle with a passphrase of its own, or with another one, or (None) with none.

    `old`: the circle's own passphrase if it has one, else the vault's. `known` is as for `Home.new_passphrase`.
    """
    if vault.has_own_passphrase(circle):
        vault.check_circle_passphrase(circle, forms(old))
    else:
        vault.check_passphrase(forms(old))
        if new is None:
            raise InvalidValue("This circle has no passphrase of its own.", hint="cellsync circle list")
    after = None if new is None else home.new_passphrase(new, known)
    if new is not None and typing_form(new) == typing_form(old):
        raise InvalidValue("That is the passphrase it has already, or that of all.", hint="Choose another one.")
    vault.set_circle_passphrase(circle, after, kdf=home.kdf, at_least=home.derivation_seconds)


async def rekey(
    place: Place, *, passphrase: str, seen: Seen = unseen, unlocked: Mapping[CircleId, CircleKey] | None = None
) -> None:  # fmt: skip
    """Give the vault in this folder a new master key, and its databases new files with new keys. It must not be open.

    After that no earlier header opens anything in the folder, with whatever passphrase. Earlier copies of the whole
    folder still open, and the device's own keys are the same. Killed at any moment it leaves a vault that opens.
    `seen` is told, in a thread, how many bytes of how many are done, and says whether to go on; if not: GivenUp.

    `unlocked`: what opens circles with a passphrase of their own (`Vault.unlocked`).

    Raises the errors of `open_cell`, and before it begins, so that nothing has changed: CircleLocked, and DiskFull with
    the space that it takes.
    """
    home = home_of(place)
    words, *_ = forms(passphrase)

    def work() -> None:
        with _opened(home, passphrase) as vault:
            vault.unlock_with(unlocked or {})
            at_rest.rekey(vault, words, kdf=home.kdf, at_least=home.derivation_seconds, seen=seen)

    await home.surroundings.in_thread(work)


def _opened(home: Home, passphrase: str) -> Vault:
    entropy, words = home.surroundings.entropy, forms(passphrase)
    return Vault.open(home.path, words, entropy=entropy, allow_cheap=home.is_for_tests)


def _names(vault: Vault, home: Home, circles: Iterable[CircleId]) -> Iterator[str]:
    """The names of these circles, as far as they can be read."""
    for circle in circles:
        with suppress(CellsyncError):
            store = vault.open_circle(circle)
            try:
                found = OpenCircle(circle, store, home.surroundings).replica.circle.found
            finally:
                store.close()
            if found is not None:
                yield harmless(found.circle_name)
