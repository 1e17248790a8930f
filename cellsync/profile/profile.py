"""A profile: one folder with one vault, and the place to find the process that works with it.

PROFILE/                  0700
    vault/                the vault (protocol/70-vault.md)
    settings.json         how this device shows itself on networks; nothing that needs to be secret
    run/holder            locked by the one process that works with the profile; holds its process id
    run/api.sock          0600, while a daemon runs
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from platformdirs import user_data_path

from cellsync import system
from cellsync.core.errors import VaultMissing
from cellsync.store.files import claim, file_errors, make_private, replace_private
from cellsync.store.settings import PROFILE, read
from cellsync.store.settings import SETTINGS as SETTINGS
from cellsync.store.settings import LanMode as LanMode
from cellsync.store.settings import Settings as Settings
from cellsync.store.settings import UnreadableSettings as UnreadableSettings
from cellsync.store.settings import checked as checked
from cellsync.store.wipe import VaultWiped, wiped

if TYPE_CHECKING:  # the command line looks up folders without loading what a home needs
    from cellsync.cell.home import Home

VARIABLE: Final = "CELLSYNC_PROFILE"


class Profile:
    """The location of everything of one cell on this device."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.vault = folder / "vault"
        self.holder = folder / "run" / "holder"
        self.socket = folder / "run" / "api.sock"
        self._settings = folder / SETTINGS

    @property
    def exists(self) -> bool:
        """Whether there is a vault to open. Raises StorageFailed."""
        with file_errors():
            return (self.vault / "vault").is_file()

    def missing(self) -> VaultMissing:
        """Why there is no vault to open. Goes on with a wipe that was broken off. Raises VaultInUse, StorageFailed."""
        return VaultMissing() if wiped(self.vault) is None else VaultWiped()

    @property
    def is_read_only(self) -> bool:
        """Whether its disk is read-only. Raises StorageFailed."""
        with file_errors():
            there = [folder for folder in (self.folder, self.vault, self.holder.parent) if folder.exists()]
            return any(map(system.files.is_read_only, there))

    @property
    def copied_vault(self) -> Path:
        """The vault if this folder may itself be one, without a profile around it: a backup made with the library."""
        return self.folder if self.vault.is_file() else self.vault

    def make_folders(self) -> None:
        """Raises StorageFailed, DiskFull, or VaultExists for a folder with other files that is no profile."""
        claim(self.folder, PROFILE)
        with file_errors():
            system.files.make_folder(self.holder.parent, exist_ok=True)
        make_private(self.holder.parent)

    def settings(self) -> Settings:
        """Raises UnreadableSettings."""
        return read(self.folder)

    def settings_as_written(self) -> bytes | None:
        """The content of the file; None if there is none. Raises StorageFailed."""
        with file_errors():
            try:
                return self._settings.read_bytes()
            except FileNotFoundError:
                return None

    def save(self, settings: Settings) -> None:
        """Raises StorageFailed or DiskFull."""
        self.make_folders()
        known = {name: value for name, value in settings._asdict().items() if value != Settings._field_defaults[name]}
        content = json.dumps(known, indent=2).encode() + b"\n"
        replace_private(self._settings, self._settings.with_suffix(".new"), content)

    def home(self, settings: Settings, *, online: bool = True) -> Home:
        """The home of the vault, with the network unless not `online`."""
        from cellsync.cell.home import Home, network_of
        from cellsync.node.offline import no_network

        return Home(self.vault, network_of(settings) if online else no_network)


def chosen(folder: str | None) -> Profile:
    """The profile in this folder, or the one named by the environment, or the default one."""
    named = folder or os.environ.get(VARIABLE)
    return Profile(Path(named).expanduser().absolute() if named else user_data_path("cellsync", appauthor=False))
