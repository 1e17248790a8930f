"""The clock: adjtimex(2), clock_gettime(2), random(4)."""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path
from typing import Final

_UNSYNCHRONISED: Final = 0x40  # STA_UNSYNC
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_THIS_PROCESS: Final = os.urandom(16)


class _Timex(ctypes.Structure):
    """The beginning of the struct that adjtimex(2) fills, with ample room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("greatest_error", ctypes.c_long),
        ("estimated_error", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 512),
    )


def is_synchronised() -> bool | None:
    timex = _Timex(modes=0)  # read only
    try:
        state: int = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    except (AttributeError, OSError):
        return None
    return None if state < 0 else not timex.status & _UNSYNCHRONISED


def since_boot() -> float:
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()  # on macOS this keeps running during sleep


def boot() -> bytes:
    try:
        return _BOOT_ID.read_bytes().strip()
    except OSError:
        return _THIS_PROCESS  # where the system does not tell


def asleep() -> float:
    return since_boot() - time.monotonic()
