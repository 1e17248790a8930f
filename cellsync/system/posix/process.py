"""This process: its limits, what a debugger or a crash may see, and the program that it runs.

Hardening: no core dumps, no access to its memory for other processes of the same user, files readable by their owner
only. None of it can be relied upon; all of it is cheap. It also raises the limit of open files up to 4096: some systems
start with 256, which strangers' connections would use up.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

_FEW: Final = 256  # descriptors assumed where the system does not tell
_MANY: Final = 4096
_GET_DUMPABLE, _SET_DUMPABLE = 3, 4  # PR_GET_DUMPABLE, PR_SET_DUMPABLE


def harden() -> None:
    os.umask(0o077)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ValueError, OSError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _MANY if hard == resource.RLIM_INFINITY else min(_MANY, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)


def descriptors() -> int:
    """At most 4096."""
    with suppress(OSError, ValueError):
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return _MANY if soft == resource.RLIM_INFINITY else min(soft, _MANY)
    return _FEW


def core_limit() -> int:
    return resource.getrlimit(resource.RLIMIT_CORE)[0]


def is_dumpable() -> bool | None:
    if sys.platform != "linux":
        return None
    answer: int = ctypes.CDLL(None).prctl(_GET_DUMPABLE, 0, 0, 0, 0)
    return None if answer < 0 else answer != 0


def working_time(pid: int) -> int | None:
    try:
        used, waited, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
        return int(used) + int(waited)
    except (OSError, ValueError):
        return None


def replace(arguments: list[str]) -> NoReturn:
    os.execv(arguments[0], arguments)  # noqa: S606 (named by the caller)
