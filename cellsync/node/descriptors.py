"""Descriptors: how many files and sockets this process may have open at once. Some systems allow 256."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Final

FEW: Final = 256  # what is assumed where the system does not say
MANY: Final = 4096


def allowed() -> int:
    """The limit, at most 4096."""
    if sys.platform != "win32":
        import resource

        with suppress(OSError, ValueError):
            soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            return MANY if soft == resource.RLIM_INFINITY else min(soft, MANY)
    return FEW
