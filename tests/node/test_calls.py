"""Calls: beacons that are seen while the calls are ending."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import trio
import trio.testing

from cellsync.core.ids import DeviceId, Millis, SessionSecret
from cellsync.core.versions import SPOKEN
from cellsync.node.calls import Calls
from cellsync.node.network import Address

BEN, THERE = DeviceId(b"b" * 32), Address("10.0.0.2", 50_500)


def _calls() -> Calls:
    """The calls of a device that knows of nobody, and so has nothing to wait for when it ends."""
    circles: Any = SimpleNamespace(
        of=lambda _: None, others=list, surroundings=SimpleNamespace(now=lambda: Millis(0), entropy=bytes)
    )
    whereabouts: Any = SimpleNamespace(spots=SimpleNamespace(known={}), shown=lambda *_: None)
    nothing: Any = None
    return Calls(circles, SessionSecret(bytes(32)), nothing, SPOKEN, nothing, nothing, lambda _: whereabouts)


async def test_a_beacon_that_comes_in_the_moment_in_which_calls_end_is_let_go() -> None:
    """Tasks that are cancelled together end in any order: here both orders come up, all but certainly."""
    for _ in range(30):
        calls = _calls()

        async def look(calls: Calls = calls) -> None:
            try:
                await trio.sleep_forever()
            finally:
                calls.seen(BEN, THERE)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(calls.run)
            nursery.start_soon(look)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
