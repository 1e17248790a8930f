"""An audit of an open cell: everything at rest is read and verified, without blocking other work."""

from __future__ import annotations

from collections.abc import Callable

import trio

from cellsync.core.replica import audit as of_replica
from cellsync.ledger.circle import OpenCircle
from cellsync.store.sqlite import SqliteStore


async def check(circle: OpenCircle, store: SqliteStore, check_open: Callable[[], None], most: int | None) -> bool:
    """As `Cell.check`."""
    async with circle.lock:
        check_open()
        if most is not None and store.size > most:
            return False
        await circle.surroundings.in_thread(store.check)
        return True


async def audit(
    circle: OpenCircle, store: SqliteStore, check_open: Callable[[], None], progress: Callable[[int, int], None] | None
) -> int:
    """As `Cell.audit`."""
    await check(circle, store, check_open, None)
    verified, total = 0, circle.replica.held.entries()
    steps = of_replica.audit(circle.replica, store)
    while True:
        async with circle.lock:
            check_open()
            entries = await circle.surroundings.in_thread(lambda: next(steps, None))
        if entries is None:
            return verified
        verified += entries
        if progress is not None and entries:
            progress(verified, total)
        await trio.lowlevel.checkpoint()
