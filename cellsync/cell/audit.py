"""An audit of an open cell: everything at rest is read and verified, without blocking other work."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import trio

from cellsync.core.replica import audit as of_replica
from cellsync.ledger.circles import OpenCircles


async def check(circles: OpenCircles, check_open: Callable[[], None], most: int | None) -> bool:
    """As `Cell.check`."""
    if most is not None:
        size = 0
        for circle in circles.values():
            async with circle.lock:
                check_open()
                size += circles.store(circle.id).size
        if size > most:
            return False
    for circle in circles.values():
        async with circle.lock:
            check_open()
            await circle.surroundings.in_thread(circles.store(circle.id).check)
    return True


async def audit(
    circles: OpenCircles, check_open: Callable[[], None], progress: Callable[[int, int], None] | None
) -> int:
    """As `Cell.audit`."""
    await check(circles, check_open, None)
    audited = list(circles.values())
    verified, total = 0, sum(circle.replica.held.entries() for circle in audited)
    for circle in audited:
        steps = of_replica.audit(circle.replica, circle.store)
        while True:
            async with circle.lock:
                check_open()
                entries = await circle.surroundings.in_thread(partial(next, steps, None))
            if entries is None:
                break
            verified += entries
            if progress is not None and entries:
                progress(verified, total)
            await trio.lowlevel.checkpoint()
    return verified
