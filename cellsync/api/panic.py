"""Panic: the process that holds the profile open lets everything go now, or is ended.

The daemon is asked first, and shortly: if its door has not closed within a twentieth of a second it is hung, or busy,
and is killed by the process id that it has recorded while it holds the lock. The kernel closes all that it had open.
"""

from __future__ import annotations

from contextlib import suppress
from http.client import HTTPException
from typing import Final

from cellsync.api.client import DaemonGone, DaemonSilent, NoDaemon, SocketClient
from cellsync.core.errors import CellsyncError
from cellsync.profile import holder
from cellsync.profile.profile import Profile

ANSWERS_WITHIN: Final = 0.05  # seconds


def panic(profile: Profile) -> None:
    """Never raises, never asks."""
    try:
        SocketClient(profile).ask_quickly("panic", ANSWERS_WITHIN)
    except DaemonGone:
        return  # it has replaced itself: that is its answer
    except (NoDaemon, DaemonSilent, CellsyncError, HTTPException, OSError):
        pass
    with suppress(CellsyncError, OSError):
        holder.kill(profile)
