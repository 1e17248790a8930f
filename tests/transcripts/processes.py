"""Ends all processes that the terminals of a run have started, and no others."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.patience import PATIENCE

_PROC: Final = Path("/proc")
_ENDED_WITHIN: Final = PATIENCE


def end(sessions: set[int], mark: str) -> None:
    """Kill all in these sessions (the shells with their jobs), and all with `mark` in their environment.

    The mark finds what has left its session. Where there is no /proc, only the groups of the shells are ended.
    """
    killed: set[int] = set()
    while fresh := set(_started(sessions, mark)) - killed:  # what forks meanwhile is found the next time
        for process in fresh:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        killed |= fresh
    until = time.monotonic() + _ENDED_WITHIN
    while any(map(_lives, killed)) and time.monotonic() < until:
        time.sleep(0.01)


def command_line(process: int) -> bytes | int:
    """What it runs; where there is no /proc, something else for each."""
    with suppress(OSError):
        return (_PROC / str(process) / "cmdline").read_bytes()
    return process


def works(process: int) -> bool:
    """It is not waiting for anything."""
    return _state(process) in ("R", "D")


def _started(sessions: set[int], mark: str) -> Iterator[int]:
    if not _PROC.is_dir():
        yield from sessions
        return
    for folder in _PROC.glob("[0-9]*"):
        with suppress(OSError):  # it is gone, or somebody else's
            if os.getsid(int(folder.name)) in sessions or mark.encode() in (folder / "environ").read_bytes():
                yield int(folder.name)


def _lives(process: int) -> bool:
    return _state(process) not in ("", "Z", "X")


def _state(process: int) -> str:
    """One letter of proc(5), or nothing."""
    with suppress(OSError):
        return (_PROC / str(process) / "stat").read_text().rpartition(")")[2].split()[0]
    return ""
