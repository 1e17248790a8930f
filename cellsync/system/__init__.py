"""System: what cellsync asks of the operating system, behind one port, and how POSIX answers.

`port.py` defines what a system must offer: a Protocol for each part. `posix/` has a module for each part; where Linux
and macOS differ, a table there says how. No other code asks which system it runs on, or uses features that only some
systems have; `tests/system/test_system_walls.py` checks the whole package for that. Support for another system is a
folder beside `posix/` and a row of `FOLDERS`.

A part is loaded on first use, so each command loads only what it needs. On a system without a folder everything can
still be imported, and each part reports that it is missing when it is used.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Final, NoReturn

from cellsync.core.errors import ExternalError

if TYPE_CHECKING:  # here the type checker sees that each part implements its port
    from cellsync.system import port
    from cellsync.system.posix import clock as _clock
    from cellsync.system.posix import files as _files
    from cellsync.system.posix import interfaces as _interfaces
    from cellsync.system.posix import local_sockets as _local_sockets
    from cellsync.system.posix import process as _process
    from cellsync.system.posix import services as _services
    from cellsync.system.posix import signals as _signals
    from cellsync.system.posix import sockets as _sockets
    from cellsync.system.posix import terminal as _terminal

    clock: port.ClockPort = _clock
    files: port.FilePort = _files
    interfaces: port.InterfacePort = _interfaces
    local_sockets: port.LocalSocketPort = _local_sockets
    process: port.ProcessPort = _process
    services: port.ServicePort = _services
    signals: port.SignalPort = _signals
    sockets: port.SocketPort = _sockets
    terminal: port.TerminalPort = _terminal

NAME: Final[str] = sys.platform
"""For differences between systems in wording only."""

FOLDERS: Final = {"posix": "cellsync.system.posix"}  # by `os.name`
PARTS: Final = {  # with what cannot be done without each
    "clock": "see whether the clock is right",
    "files": "keep files from other users, and lock them",
    "interfaces": "see which networks there are",
    "local_sockets": "let programs of one user talk to each other",
    "process": "protect the memory that keys are in",
    "services": "start when its user logs in",
    "signals": "end a program in good order",
    "sockets": "keep connections to one network",
    "terminal": "hide what is typed",
}


class NotOnThisSystem(ExternalError):
    """This version of cellsync does not run on this system."""

    code = "not_on_this_system"
    default_hint = "Use it on Linux or macOS. Nothing was changed here."


class Missing:
    """A part that is not implemented for this system. Any use of it raises NotOnThisSystem."""

    def __init__(self, part: str) -> None:
        self.part = part

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):  # looked up by Python itself
            raise AttributeError(name)
        raise NotOnThisSystem(f"On this system ({NAME}) this version of cellsync cannot {PARTS[self.part]}.")


if not TYPE_CHECKING:

    def __getattr__(part: str) -> ModuleType | Missing:
        if part not in PARTS:
            raise AttributeError(part)
        folder = FOLDERS.get(os.name)
        found = globals()[part] = Missing(part) if folder is None else import_module(f"{folder}.{part}")
        return found
