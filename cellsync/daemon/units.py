"""Units: letting the system start the daemon when its user logs in. It starts locked, and it needs no rights.

    Linux    a systemd user unit      ~/.config/systemd/user/cellsync.service
    macOS    a launchd agent          ~/Library/LaunchAgents/org.cellsync.daemon.plist

A profile that is not the usual one has a unit of its own, named by a hash of its folder.
"""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from cellsync.core.errors import InvalidValue
from cellsync.profile.profile import Profile, chosen
from cellsync.store.files import file_errors

_WITHIN: Final = 30.0  # seconds for what the system does

# Only what works without privileges in a user unit: limits and system call filters, no file system namespaces.
_SYSTEMD: Final = """\
[Unit]
Description=cellsync: keeps an encrypted case log in step

[Service]
Type=notify
ExecStart={command}
Restart=on-failure
RestartSec=2
TimeoutStopSec=20
UMask=0077
LimitCORE=0
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native

[Install]
WantedBy=default.target
"""


@dataclass(frozen=True)
class Unit:
    """A file for the system's service manager, and what makes it start."""

    path: Path
    content: str
    commands: tuple[tuple[str, ...], ...]

    @property
    def start(self) -> str:
        """For people."""
        return " && ".join(" ".join(command) for command in self.commands)

    def install(self) -> bool:
        """Write the file and start the daemon; whether it could be started. Raises StorageFailed, DiskFull."""
        with file_errors():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(self.content)
        return all(_done(command) for command in self.commands)


def unit_for_this_system(profile: Profile) -> Unit:
    """Raises InvalidValue for a folder whose name cannot stand in such a file."""
    if any(ord(one) < 32 or ord(one) == 127 for one in str(profile.folder)):
        raise InvalidValue("the folder's name has control characters", hint="Choose another folder.")
    command = [sys.executable, "-m", "cellsync", "--profile", str(profile.folder), "daemon", "run"]
    usual = profile.folder == chosen(None).folder and "CELLSYNC_PROFILE" not in os.environ
    mark = "" if usual else sha256(os.fsencode(profile.folder)).hexdigest()[:8]
    return launchd(command, mark) if sys.platform == "darwin" else systemd(command, mark)


def systemd(command: list[str], mark: str) -> Unit:
    """systemd.service(5)."""
    name = f"cellsync-{mark}.service" if mark else "cellsync.service"
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"
    content = _SYSTEMD.format(command=" ".join(map(_quoted, command)))
    starting = (("systemctl", "--user", "daemon-reload"), ("systemctl", "--user", "enable", "--now", name))
    return Unit(folder / name, content, starting)


def launchd(command: list[str], mark: str) -> Unit:
    """launchd.plist(5)."""
    label = f"org.cellsync.daemon.{mark}" if mark else "org.cellsync.daemon"
    path = Path.home() / "Library" / "LaunchAgents" / f"{label}.plist"
    content = plistlib.dumps(
        {
            "Label": label,
            "ProgramArguments": command,
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ProcessType": "Background",
            "Umask": 0o077,
            "HardResourceLimits": {"Core": 0},
        }
    ).decode()
    return Unit(path, content, (("launchctl", "bootstrap", f"gui/{os.getuid()}", str(path)),))


def _quoted(word: str) -> str:
    """One word of a command line of systemd."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if set(word) - _PLAIN else escaped


_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")


def _done(command: tuple[str, ...]) -> bool:
    program = shutil.which(command[0])
    if program is None:
        return False
    try:
        done = subprocess.run(  # noqa: S603 (a fixed program of the system)
            [program, *command[1:]], stdin=subprocess.DEVNULL, capture_output=True, timeout=_WITHIN, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
