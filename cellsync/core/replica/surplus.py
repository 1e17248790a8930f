"""Surplus: branches of equivocators that nothing cites yet, and which peer brought each.

A branch must be held before the entry that cites it, and may be too long for one batch. So each peer may bring a
limited number of each equivocator's branches on its word alone. An honest peer brings those that count for it, and they
stop being surplus when the entries that cite them have come. Any others only use up that peer's room, and their number
is bounded however many it tries to bring. (protocol/30-history.md, Equivocators)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cellsync.core import caps
from cellsync.core.errors import PeerError
from cellsync.core.history.holdings import Holdings
from cellsync.core.ids import DeviceId
from cellsync.core.rule import Rule
from cellsync.core.wire import codec

_MOST_BYTES: Final = 1 << 20


class Surplus:
    """Number of a branch -> the device that brought it while nothing cited it."""

    def __init__(self, brought: dict[int, DeviceId] | None = None) -> None:
        self._brought = {} if brought is None else brought

    def room(self, held: Holdings, peer: DeviceId | None) -> dict[DeviceId, int]:
        """How many such branches of each equivocator a peer may still bring; for an unknown caller, none."""
        if peer is None or not held.equivocators:
            return {}
        room = dict.fromkeys(held.equivocators, caps.SURPLUS)
        for number, device in self._brought.items():
            chain = held.chains[number]
            if device == peer and chain.device in room and held.counted[number].sequence < chain.first:
                room[chain.device] -= 1
        return room

    def take(self, numbers: Iterable[int], peer: DeviceId) -> None:
        """A peer has brought these branches."""
        self._brought |= dict.fromkeys(numbers, peer)

    def encode(self) -> bytes:
        """For the circle's own database."""
        return codec.encode([[number, device] for number, device in self._brought.items()])

    @classmethod
    def decode(cls, raw: bytes | None) -> Surplus:
        """Read what was kept. Unreadable records are forgotten: that costs room, and loses nothing."""
        brought: dict[int, DeviceId] = {}
        try:
            for row in codec.decode(raw or b"\x90", _MOST_BYTES, Rule.CAP_KEPT):
                match row:
                    case [int(number), bytes(device)]:
                        brought[number] = DeviceId(device)
        except (PeerError, TypeError):
            return cls()
        return cls(brought)
