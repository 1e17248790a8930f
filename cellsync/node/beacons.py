"""Beacons: what this device shows on its networks, so that members recognise it (protocol/60-lan.md).

Some networks show a beacon all the time, some only when asked to. A beacon that is shown anyway does not change: it
does not reveal when a user here begins or ends to wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import trio

from cellsync.core import beacon
from cellsync.core.ids import Millis, day_of
from cellsync.core.membership import clocks
from cellsync.core.membership.settings import Setting, Shown
from cellsync.node.circles import Circles
from cellsync.node.network import Address, AskedFor, Network

HiddenBy = Literal["members", "device"]
"""The members of a circle, together; or whoever has this device, by its settings."""


class Beacons:
    """The beacon, which the members of every circle recognise, shown until it has to be made again."""

    def __init__(self, circles: Circles, network: Network) -> None:
        self._circles, self._network = circles, network
        self._keys: list[bytes] = []  # of guests, besides those of the circles
        self._renewed = trio.Event()
        self._showing = 0  # how many tasks want to be seen
        self._hidden = False  # nothing is shown unless a task wants to be seen

    async def announce(self) -> None:
        """Show the beacon, remade whenever due, until cancelled."""
        while True:
            renewed = self._renewed = trio.Event()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._show)
                await renewed.wait()
                nursery.cancel_scope.cancel()

    def renew(self) -> None:
        """Remake the beacon: its keys or the clock have changed."""
        self._renewed.set()

    @contextmanager
    def showing(self) -> Iterator[None]:
        """Within the block, show the beacon even if it is shown only when asked for."""
        self._want_to_be_seen(1)
        try:
            yield
        finally:
            self._want_to_be_seen(-1)

    @contextmanager
    def also_under(self, key: bytes) -> Iterator[None]:
        """Within the block, holders of `key` recognise it too."""
        self._keys.append(key)
        self.renew()
        try:
            with self.showing():
                yield
        finally:
            self._keys.remove(key)
            self.renew()

    @property
    def hidden_by(self) -> HiddenBy | None:
        """Who wants that none is shown, not even while a user invites; None if it would be."""
        if self._most_shown() is Shown.NEVER:
            return "members"
        return "device" if self._network.is_hidden else None

    async def _show(self) -> None:
        self._hidden, most = False, self._most_shown()
        if most is Shown.ALWAYS:
            await self._network.announce(self._make)
        self._hidden = most is not Shown.NEVER
        if self._showing and self._hidden:
            await self._network.announce(AskedFor(self._make))

    def _most_shown(self) -> Shown:
        """How much any circle lets this device be shown. A beacon shows that a device is here, whatever its circles:
        the one that hides most decides. The network may show less still. Without an open circle it is not shown."""
        chosen = [circle.choice(Setting.SHOWN) for circle in self._circles]
        most = Shown.ALWAYS if chosen else Shown.NEVER
        return Shown(min((value for value in chosen if value is not None), default=most))

    def _want_to_be_seen(self, more: int) -> None:
        before = bool(self._showing)
        self._showing += more
        if self._hidden and before != bool(self._showing):
            self.renew()

    def _make(self, addresses: tuple[Address, ...]) -> bytes:
        now, entropy = self._circles.surroundings.now(), self._circles.surroundings.entropy
        nonce = entropy(beacon.NONCE)
        shown: list[tuple[bytes, bytes, Millis]] = []
        for circle in self._circles:
            shown.append((circle.epochs.today(now).discovery.reveal(), bytes(circle.device), now))
            shift = circle.shift()
            if shift is not None and abs(shift) >= clocks.NOTABLE:  # like a device whose clock agrees with the others
                then = Millis(max(0, now + shift))
                shown += [(*tag, then) for tag in circle.shown_by([circle.device], day_of(then))]
        shown += [(key, b"", now) for key in self._keys]
        tags = [
            beacon.tag(key, nonce, who, address.packed, address.port, beacon.period_of(at))
            for key, who, at in shown
            for address in addresses
        ]
        return beacon.make(tags, nonce, entropy(beacon.ENTROPY))
