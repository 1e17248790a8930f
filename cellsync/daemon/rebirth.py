"""Rebirth: the process replaces itself by a new one of the same program, locked.

Python cannot erase what it has held, but the kernel takes all memory of a process back when it executes another
program. So after a lock, and at once in a panic, the daemon does that. Its process id, its lock as the profile's holder
and its open door are handed over: new connections queue meanwhile, and nobody takes the profile for abandoned. Every
other descriptor (connections, databases, the vault's lock) is closed by the kernel in the same moment.
"""

from __future__ import annotations

import os
import sys
from typing import Final, NamedTuple, NoReturn

from cellsync import system

VARIABLE: Final = "CELLSYNC_INHERITED"


class Inherited(NamedTuple):
    """Descriptors that outlive the old program."""

    holder: int
    door: int


def inherited() -> Inherited | None:
    """What the program before this one handed over."""
    given = os.environ.pop(VARIABLE, "").split(",")
    if len(given) != 3 or not all(part.isdigit() for part in given) or int(given[0]) != os.getpid():
        return None
    found = Inherited(int(given[1]), int(given[2]))
    for descriptor in found:
        os.set_inheritable(descriptor, False)
    return found


def rebirth(kept: Inherited) -> NoReturn:
    """Start again. Does not return; if it cannot be done, the process ends."""
    try:
        for descriptor in kept:
            os.set_inheritable(descriptor, True)
        os.environ[VARIABLE] = f"{os.getpid()},{kept.holder},{kept.door}"
        system.process.replace([sys.executable, *sys.orig_argv[1:]])
    finally:
        os._exit(1)
