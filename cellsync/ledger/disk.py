"""The disk: when what is staged is flushed in a thread.

While the disk is quick the flush runs inline, because a hop to a thread and back costs as much as it does; on a slow
one it runs in a thread, so that a disk that takes its time does not stop the other sessions.
"""

from __future__ import annotations

from time import perf_counter
from typing import Final

import trio

from cellsync.core.history.store import Store
from cellsync.ledger.surroundings import Surroundings

QUICK: Final = 0.003  # seconds: a flush that takes longer goes to a thread


class Disk:
    """Where the store of one circle is."""

    def __init__(self, store: Store, surroundings: Surroundings) -> None:
        self._store, self._surroundings = store, surroundings
        self._takes = 0.0

    async def flush(self) -> None:
        """Make durable what is staged. Raises DiskFull or StorageFailed."""
        if not self._surroundings.threads or self._takes < QUICK:
            began = perf_counter()
            self._store.flush()
            self._takes = perf_counter() - began
        else:
            began = perf_counter()
            await trio.to_thread.run_sync(self._store.flush)
            # forget a slow moment by and by, so that a disk that is quick again is noticed
            self._takes = max(perf_counter() - began, self._takes * 0.9)
