"""Hardening: what a process that holds keys does first, as far as the system lets it.

No core dumps, no reading of its memory by other processes of the same user, files that only their owner may read. None
of it can be relied upon; all of it is cheap.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from contextlib import suppress
from typing import Final

_PR_SET_DUMPABLE: Final = 4


def harden() -> None:
    """Never fails."""
    os.umask(0o077)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
