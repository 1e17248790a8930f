"""Upkeep: stores what was learnt, soon enough that a kill loses only seconds of it; tidies the circle when it is quiet.

1. News is stored in bulk, never one item at a time: every few seconds while there is news, in addition to the commits
   of what people write, and once more when it is quiet.
2. When each device was last seen changes all the time while it is connected, and is no news. It is stored every five
   minutes.
3. A circle is tidied when it is quiet, and from time to time in any case: the keys of past days are forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import trio

from cellsync.core.errors import CellsyncError

TIDY_AFTER: Final = 3.0  # seconds without news
KEPT_WITHIN: Final = 6.0  # seconds, while there is news
SEEN_WITHIN: Final = 300.0  # seconds, while others are connected
TIDY_WITHIN: Final = 3600.0  # seconds, even without news
FULL_DISK: Final = 30.0  # seconds until the next attempt


class Keep(Protocol):
    """Makes durable what was learnt, and with `tidy` tidies the circle. Raises DiskFull or StorageFailed."""

    async def __call__(self, *, tidy: bool) -> None: ...


class Upkeep:
    """Does the work a few seconds after it becomes due."""

    def __init__(self, work: Keep, connected: Callable[[], bool]) -> None:
        self._work, self._connected = work, connected
        self._news = trio.Event()

    def due(self) -> None:
        """There is something to keep."""
        self._news.set()

    async def run(self) -> None:
        """Work until cancelled."""
        tidied = trio.current_time()
        while True:
            with trio.move_on_after(SEEN_WITHIN if self._connected() else TIDY_WITHIN):
                await self._news.wait()
            tidy = self._news.is_set() or trio.current_time() - tidied >= TIDY_WITHIN
            await self._until_quiet()
            await self._try(tidy=tidy)
            tidied = trio.current_time() if tidy else tidied

    async def _until_quiet(self) -> None:
        kept = trio.current_time()
        while self._news.is_set():
            self._news = trio.Event()
            with trio.move_on_after(TIDY_AFTER):
                await self._news.wait()
            if self._news.is_set() and trio.current_time() - kept >= KEPT_WITHIN:
                await self._try(tidy=False)
                kept = trio.current_time()

    async def _try(self, *, tidy: bool) -> None:
        try:
            await self._work(tidy=tidy)
        except CellsyncError:
            await trio.sleep(FULL_DISK)  # snapshots can wait
