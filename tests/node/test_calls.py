"""Calls: beacons that are seen while the calls are ending; and who is called while another call waits."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import trio
import trio.testing

from cellsync.core.ids import DeviceId, Millis, SessionPublic, SessionSecret
from cellsync.core.versions import SPOKEN
from cellsync.node.calls import Calls
from cellsync.node.network import Address

BEN, THERE = DeviceId(b"b" * 32), Address("10.0.0.2", 50_500)
SHADOW, NOWHERE = DeviceId(b"a" * 32), Address("10.0.0.9", 50_500)


class NoLinks(dict[DeviceId, Any]):
    def wake(self) -> None:
        """Nobody waits for them."""


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


async def test_a_key_that_is_introduced_again_keeps_nobody_from_being_called(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A coordinator can introduce Ben's key again, and say that the new device is where nobody answers."""
    circle: Any = SimpleNamespace(
        device=DeviceId(b"z" * 32), key_of=lambda _: SessionPublic(b"k" * 32), devices_with=lambda _: (SHADOW, BEN)
    )
    at = {SHADOW: [NOWHERE], BEN: [THERE]}
    dialled: list[Address] = []

    class Circles:
        surroundings = SimpleNamespace(now=lambda: Millis(0), entropy=bytes)

        def __iter__(self) -> Iterator[Any]:
            return iter([circle])

        def of(self, _: DeviceId) -> Any:
            return circle

        def devices_with(self, _: SessionPublic) -> tuple[DeviceId, ...]:
            return SHADOW, BEN

        def others(self) -> list[DeviceId]:
            return list(at)

    async def dial(address: Address) -> None:
        dialled.append(address)
        await trio.sleep_forever()

    network: Any = SimpleNamespace(dial=dial)
    spots = SimpleNamespace(known=at, failed=lambda *_: None)
    whereabouts: Any = SimpleNamespace(spots=spots, callable=lambda device: at[device])
    links: Any = NoLinks()
    nothing: Any = None
    circles: Any = Circles()
    calls = Calls(circles, SessionSecret(bytes(32)), network, SPOKEN, links, nothing, lambda _: whereabouts)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(calls.run)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert sorted(dialled) == [THERE, NOWHERE]
