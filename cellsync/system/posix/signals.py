"""Signals."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Final

_BREAKS_OFF: Final = signal.SIGUSR1


def that_end(*, at_keyboard: bool) -> list[signal.Signals]:
    may = (signal.SIGINT, signal.SIGHUP) if at_keyboard else (signal.SIGHUP,)
    return [signal.SIGTERM, *(number for number in may if signal.getsignal(number) != signal.SIG_IGN)]


def end(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def when_broken_off(do: Callable[[], None]) -> None:
    signal.signal(_BREAKS_OFF, lambda *_: do())


def break_off(thread: int) -> None:
    signal.pthread_kill(thread, _BREAKS_OFF)
