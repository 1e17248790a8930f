"""The memory that a process occupies, in MB."""

from __future__ import annotations

import re
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

_STATUS: Final = Path("/proc/self/status")


def peak_memory() -> float:
    """The peak of this process so far."""
    return _status("VmHWM")


def memory() -> float:
    """The memory of this process now; where the system does not tell, its peak so far."""
    return _status("VmRSS")


def resident(process: int) -> float:
    """The memory of another process now; on Linux only."""
    found = re.search(r"^VmRSS:\s*(\d+) kB$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def forget_peak() -> None:
    """Reset the peak to the present value; on Linux only."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _status(name: str) -> float:
    # ru_maxrss does not serve on Linux: a new process inherits the peak of its parent there.
    if _STATUS.exists():
        found = re.search(rf"^{name}:\s*(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / (1 << 10)
