"""The service manager: systemd on Linux, launchd on macOS.

Linux    a systemd user unit      ~/.config/systemd/user/cellsync.service
macOS    a launchd agent          ~/Library/LaunchAgents/org.cellsync.daemon.plist
"""

from __future__ import annotations

import os
import plistlib
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from cellsync.system.port import Unit

# Only options that work without privileges in a user unit: limits and system call filters, no file system namespaces.
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
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")


def notify(state: str) -> None:
    """sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
        line.sendto(state.encode(), address)


def unit(command: list[str], mark: str) -> Unit:
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
    """One word of a systemd command line."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if set(word) - _PLAIN else escaped
