"""Home: the place of a device's vault, and its surroundings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import Final

import trio

from cellsync.core.errors import NotInTrio
from cellsync.core.ids import Passphrase
from cellsync.core.versions import SPOKEN, Versions
from cellsync.ledger.surroundings import REAL, Surroundings
from cellsync.node.lan import SERVICE_TYPE, open_lan
from cellsync.node.network import Network
from cellsync.store.files import claim
from cellsync.store.header import Kdf
from cellsync.store.passphrases import forms
from cellsync.store.settings import PROFILE, Settings, read
from cellsync.store.strength import check
from cellsync.store.vault import HEADER_NAME

SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Home:
    """A folder for the vault, a network to open with it, and the surroundings; the real ones by default.

    `network` opens the network for as long as the cell is open. The default one shows this device only while it invites
    or syncs. Pass `partial(open_lan, mode="announce")` to show it always, so devices find each other again at any
    address; `mode="listen"` to look without being shown, `mode="off"` to be called by address only.
    """

    path: Path
    network: Callable[[], AbstractAsyncContextManager[Network]] = open_lan
    surroundings: Surroundings = REAL
    kdf: Kdf = Kdf.MODERATE
    versions: Versions = SPOKEN  # of the protocol; another build's, to test how the two get on

    @classmethod
    def at(
        cls, folder: str | PathLike[str], network: Callable[[], AbstractAsyncContextManager[Network]] | None = None
    ) -> Home:
        """A home in a folder, laid out as for the command line; on the local network, by its `settings.json`.

        `Home(path)` names the vault's own folder instead, without settings. Raises UnreadableSettings.
        """
        profile = Path(fspath(folder)).expanduser()
        return cls(vault_in(profile), network_of(read(profile)) if network is None else network)

    @property
    def derivation_seconds(self) -> float:
        """The minimum time for deriving the key of a new vault."""
        return 0.0 if self.is_for_tests else SECONDS

    @property
    def is_for_tests(self) -> bool:
        """Cheap key derivation, and any passphrase: such a vault is refused by every other home."""
        return self.kdf == Kdf.CHEAP

    def new_passphrase(self, text: str, known: Iterable[str] = ()) -> Passphrase:
        """The passphrase of a new vault. Raises InvalidValue: WeakPassphrase for one that is too easy to guess."""
        form, *_ = forms(text)
        if not self.is_for_tests:
            check(text, known)
        return form


Place = Home | str | PathLike[str]


def network_of(settings: Settings) -> Callable[[], AbstractAsyncContextManager[Network]]:
    """The local network, by the settings."""
    service_type = settings.service_type or SERVICE_TYPE
    return partial(open_lan, settings.interfaces, mode=settings.lan, service_type=service_type, port=settings.port)


def vault_in(folder: Path) -> Path:
    """The place of the vault in a folder: `vault`, as in the command line's profiles.

    Programs from before there was one layout made folders that are the vault itself, without a profile around it.
    """
    return folder if (folder / HEADER_NAME).is_file() else folder / "vault"


def home_of(place: Place) -> Home:
    """The home itself, or a real one in the named folder, with its settings.

    Raises NotInTrio, UnreadableSettings.
    """
    if not trio.lowlevel.in_trio_task():
        raise NotInTrio
    return place if isinstance(place, Home) else Home.at(place)


def new_home(place: Place) -> Home:
    """The same for a new vault: the folder is missing, empty, or a profile without a vault.

    Also raises VaultExists.
    """
    home = home_of(place)
    if isinstance(place, Home):
        return home
    folder = Path(fspath(place)).expanduser()
    if folder.exists():
        claim(folder, PROFILE)
    return home
