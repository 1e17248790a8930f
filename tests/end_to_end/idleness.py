"""Idleness: how long processes had nothing to do while another process waited for them.

On a busy machine everything takes longer, except the waits of a program for its own timers. So the time that it
computed, and the time that it waited for a core, are left out here: a bound on the rest holds on any machine, and a
wait that has become longer is noticed on any.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


class Idleness:
    """Begins now. `look` has to be called now and then: what a thread did is forgotten when it ends."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._first = self._busy()
        self._last = dict(self._first)
        self._began = time.monotonic()

    def look(self) -> None:
        self._last |= self._busy()

    @property
    def seconds(self) -> float:
        """Of the time since then, what none of their threads needs to account for."""
        self.look()
        busy = sum(spent - self._first.get(thread, 0) for thread, spent in self._last.items())
        return time.monotonic() - self._began - busy / 1e9

    def _busy(self) -> dict[str, int]:
        """Of each thread: nanoseconds in which it ran, or could have run if a core had been free."""
        found = {}
        for path in (path for pid in self._pids for path in Path(f"/proc/{pid}").glob("task/*/schedstat")):
            with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                ran, waited, _ = path.read_text().split()
                found[str(path)] = int(ran) + int(waited)
        return found
