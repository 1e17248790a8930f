"""The disk: whether flushes run in a thread.

On a quick disk the flush runs inline, because a hop to a thread and back costs as much as the flush; on a slow one it
runs in a thread, so the disk does not stop other sessions.
"""

from __future__ import annotations

from time import perf_counter
from typing import Final

import trio

from cellsync.core.history.store import Store
from cellsync.ledger.surroundings import Surroundings

QUICK: Final = 0.003  # seconds: a flush that takes longer goes to a thread


class Disk:
    """The disk of one circle's store."""

    def __init__(self, store: Store, surroundings: Surroundings) -> None:
        self._store, self._surroundings = store, surroundings
        self._takes = 0.0

    async def flush(self) -> None:
        """Make everything staged durable. Raises DiskFull or StorageFailed."""
        if not self._surroundings.threads or self._takes < QUICK:
            began = perf_counter()
            self._store.flush()
            self._takes = perf_counter() - began
        else:
            began = perf_counter()
            await trio.to_thread.run_sync(self._store.flush)
            # let a slow moment fade, to notice when the disk is quick again
            self._takes = max(perf_counter() - began, self._takes * 0.9)
