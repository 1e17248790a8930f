"""Hardening: what a process that holds keys does first, as far as the system lets it.

No core dumps, no reading of its memory by other processes of the same user, files that only their owner may read. None
of it can be relied upon; all of it is cheap. And as many open files as the system lets it have, up to 4096: some start
with 256, which strangers' connections would use up.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from contextlib import suppress
from typing import Final

from cellsync.node.descriptors import MANY

_PR_SET_DUMPABLE: Final = 4


def harden() -> None:
    """Never fails."""
    os.umask(0o077)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ValueError, OSError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MANY if hard == resource.RLIM_INFINITY else min(MANY, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
