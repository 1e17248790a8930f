"""A profile: one folder with one vault, and where the process that works with it can be found.

PROFILE/                  0700
    vault/                the vault (protocol/70-vault.md)
    settings.json         how this device shows itself on networks; nothing that needs to be secret
    run/holder            locked by the one process that works with the profile; holds its process id
    run/api.sock          0600, while a daemon runs
"""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast, get_args

from platformdirs import user_data_path

from cellsync.core.errors import ExternalError, InvalidValue
from cellsync.store.files import PRIVATE_DIRECTORY, file_errors, replace_private

if TYPE_CHECKING:  # the command line looks folders up without what a home needs
    from cellsync.cell.home import Home

VARIABLE: Final = "CELLSYNC_PROFILE"
SETTINGS: Final = "settings.json"

LanMode = Literal["off", "listen", "asked", "announce"]


class UnreadableSettings(ExternalError):
    """The profile's settings.json cannot be read."""

    code = "unreadable_settings"
    default_hint = 'Correct it, or delete it: then cellsync shows itself only while inviting or syncing ("asked").'


class Settings(NamedTuple):
    """How this device shows itself. `interfaces`: "all", or addresses of this device; `service_type` "": the usual."""

    lan: LanMode = "asked"
    interfaces: Literal["all"] | tuple[str, ...] = "all"
    port: int = 0
    service_type: str = ""


class Profile:
    """Where everything of one cell on this device is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.vault = folder / "vault"
        self.holder = folder / "run" / "holder"
        self.socket = folder / "run" / "api.sock"
        self._settings = folder / SETTINGS

    @property
    def exists(self) -> bool:
        """Whether there is a vault to open."""
        return (self.vault / "vault").is_file()

    @property
    def copied_vault(self) -> Path:
        """The vault, if this folder may be one itself, without a profile around it: a backup made with the library."""
        return self.folder if self.vault.is_file() else self.vault

    def make_folders(self) -> None:
        """Raises StorageFailed or DiskFull."""
        with file_errors():
            self.folder.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
            for folder in (self.folder, self.holder.parent):
                folder.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
                folder.chmod(PRIVATE_DIRECTORY)

    def settings(self) -> Settings:
        """Raises UnreadableSettings."""
        try:
            from cellsync.core import strict_json  # with msgspec, which asking a daemon does not need

            read = strict_json.read(self._settings.read_bytes())
            return checked(Settings(**read))
        except FileNotFoundError:
            return Settings()
        except (OSError, ValueError, TypeError, RecursionError, InvalidValue):
            raise UnreadableSettings from None

    def settings_as_written(self) -> bytes | None:
        """What the file holds; None if there is none. Raises StorageFailed."""
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
        """Where the vault is, and the network; none if not `online`."""
        from cellsync.cell.home import Home
        from cellsync.node.lan import SERVICE_TYPE, open_lan
        from cellsync.node.offline import no_network

        if not online:
            return Home(self.vault, no_network)
        service_type = settings.service_type or SERVICE_TYPE
        return Home(
            self.vault,
            partial(open_lan, settings.interfaces, mode=settings.lan, service_type=service_type, port=settings.port),
        )


def checked(settings: Settings) -> Settings:
    """Raises InvalidValue."""
    hosts: Any = settings.interfaces
    if isinstance(hosts, (list, tuple)):
        hosts = tuple(hosts)
    if settings.lan not in get_args(LanMode):
        raise InvalidValue("no such mode", hint="One of " + ", ".join(get_args(LanMode)))
    if hosts != "all" and not (isinstance(hosts, tuple) and hosts and all(isinstance(host, str) for host in hosts)):
        raise InvalidValue("not a list of addresses", hint='Addresses of this device, or "all".')
    if type(settings.port) is not int or not 0 <= settings.port < 1 << 16 or not isinstance(settings.service_type, str):
        raise InvalidValue("not a port", hint="A number up to 65535; 0 is any.")
    return settings._replace(interfaces=cast("tuple[str, ...]", hosts))


def chosen(folder: str | None) -> Profile:
    """The profile of this name, or the one of the environment, or the usual one."""
    named = folder or os.environ.get(VARIABLE)
    return Profile(Path(named).expanduser().absolute() if named else user_data_path("cellsync", appauthor=False))
