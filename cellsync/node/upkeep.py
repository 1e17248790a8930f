"""Upkeep: in quiet moments what was learnt is kept, and the circle is tidied."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import trio

from cellsync.core.errors import CellsyncError

TIDY_AFTER: Final = 3.0  # seconds without news
KEEP_AFTER: Final = 3600.0  # seconds after which it is kept who was seen, also without news
FULL_DISK: Final = 30.0  # seconds until it is tried again


class Upkeep:
    """Does `work` some seconds after the last of the things that make it due."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._news = trio.Event()

    def due(self) -> None:
        """There is something to keep."""
        self._news.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            with trio.move_on_after(KEEP_AFTER):
                await self._news.wait()
            while self._news.is_set():
                self._news = trio.Event()
                with trio.move_on_after(TIDY_AFTER):
                    await self._news.wait()
            try:
                await self._work()
            except CellsyncError:
                await trio.sleep(FULL_DISK)  # snapshots can wait
