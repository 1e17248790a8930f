"""The clock: adjtimex(2), clock_gettime(2)."""

from __future__ import annotations

import ctypes
import time
from typing import Final

_UNSYNCHRONISED: Final = 0x40  # STA_UNSYNC


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


def asleep() -> float:
    return since_boot() - time.monotonic()
