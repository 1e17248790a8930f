"""Stop: ask the holder of a profile to end in good order."""

from __future__ import annotations

import time
from typing import Final

from cellsync import system
from cellsync.api.client import DaemonSilent
from cellsync.profile.holder import pid_of
from cellsync.profile.profile import Profile

WITHIN: Final = 15.0  # seconds
_LOOK_EVERY: Final = 0.05


def stop(profile: Profile) -> bool:
    """End it; whether there was one. Raises DaemonSilent if it does not end."""
    pid = pid_of(profile)
    if pid is None:
        return False
    try:
        system.signals.end(pid)
    except ProcessLookupError:
        return False
    began = time.monotonic()
    while pid_of(profile) == pid:
        if time.monotonic() - began > WITHIN:
            raise DaemonSilent
        time.sleep(_LOOK_EVERY)
    return True
