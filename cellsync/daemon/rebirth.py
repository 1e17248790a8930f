"""Rebirth: the daemon re-executes its own program, and comes up locked.

Python cannot erase what it has held, but the kernel reclaims all memory of a process that executes another program. So
the daemon does that after a lock, and immediately in a panic. Its process id, its lock as the profile's holder and its
listening socket are handed over: new connections queue meanwhile, and the profile does not look abandoned. At the same
moment the kernel closes every other descriptor (connections, databases, the vault's lock).
"""

from __future__ import annotations

import os
import sys
from typing import Final, NamedTuple, NoReturn

from cellsync import system

VARIABLE: Final = "CELLSYNC_INHERITED"


class Inherited(NamedTuple):
    """Descriptors that survive the old program."""

    holder: int
    door: int


def inherited() -> Inherited | None:
    """The descriptors handed over by the previous program."""
    given = os.environ.pop(VARIABLE, "").split(",")
    if len(given) != 3 or not all(part.isdigit() for part in given) or int(given[0]) != os.getpid():
        return None
    found = Inherited(int(given[1]), int(given[2]))
    for descriptor in found:
        os.set_inheritable(descriptor, False)
    return found


def rebirth(kept: Inherited) -> NoReturn:
    """Re-execute. Does not return; on failure the process ends."""
    try:
        for descriptor in kept:
            os.set_inheritable(descriptor, True)
        os.environ[VARIABLE] = f"{os.getpid()},{kept.holder},{kept.door}"
        system.process.replace([sys.executable, *sys.orig_argv[1:]])
    finally:
        os._exit(1)
