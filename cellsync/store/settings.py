"""Settings: how a device shows itself, from `settings.json` in a profile's folder.

They are the same for the command line, the daemon, and a program that opens the folder itself: a user who has hidden
this device on networks need not do so twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, cast, get_args

from cellsync.core.errors import ExternalError, InvalidValue

SETTINGS: Final = "settings.json"
PROFILE: Final = frozenset(
    {"vault", "vault.incomplete", "run", SETTINGS, "settings.new"}
)  # all that a profile's folder holds

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


def read(folder: Path) -> Settings:
    """The settings of the profile in this folder. Raises UnreadableSettings."""
    try:
        from cellsync.core import strict_json  # with msgspec, which asking a daemon does not need

        found = strict_json.read((folder / SETTINGS).read_bytes())
        return checked(Settings(**found))
    except (FileNotFoundError, NotADirectoryError):
        return Settings()
    except (OSError, ValueError, TypeError, RecursionError, InvalidValue):
        raise UnreadableSettings from None


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
