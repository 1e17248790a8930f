"""Surplus: branches of equivocators that nothing cites yet, and on whose word they were taken.

A branch has to be here before the entry that cites it, and may be too long for one batch. So each peer may bring so
many of each equivocator on its word alone. An honest peer brings those that count for it, and they stop being surplus
when what cites them has come; the rest only costs their room, and is the same for all however many they bring.
(protocol/30-history.md, Equivocators)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cellsync.core import caps
from cellsync.core.errors import PeerError
from cellsync.core.history.holdings import Holdings
from cellsync.core.ids import DeviceId
from cellsync.core.wire import codec

_MOST_BYTES: Final = 1 << 20


class Surplus:
    """Number of a branch -> the device that brought it while nothing cited it."""

    def __init__(self, brought: dict[int, DeviceId] | None = None) -> None:
        self._brought = {} if brought is None else brought

    def room(self, held: Holdings, peer: DeviceId | None) -> dict[DeviceId, int]:
        """Of each equivocator, how many such branches a peer may still bring; a caller that is not known, none."""
        if peer is None or not held.equivocators:
            return {}
        room = dict.fromkeys(held.equivocators, caps.SURPLUS)
        for number, device in self._brought.items():
            chain = held.chains[number]
            if device == peer and chain.device in room and held.counted[number].sequence < chain.first:
                room[chain.device] -= 1
        return room

    def take(self, numbers: Iterable[int], peer: DeviceId) -> None:
        """A peer has brought these."""
        self._brought |= dict.fromkeys(numbers, peer)

    def encode(self) -> bytes:
        """For the circle's own database."""
        return codec.encode([[number, device] for number, device in self._brought.items()])

    @classmethod
    def decode(cls, raw: bytes | None) -> Surplus:
        """What was kept. What cannot be read is forgotten: that costs room, and loses nothing."""
        brought: dict[int, DeviceId] = {}
        try:
            for row in codec.decode(raw or b"\x90", _MOST_BYTES, "surplus"):
                match row:
                    case [int(number), bytes(device)]:
                        brought[number] = DeviceId(device)
        except (PeerError, TypeError):
            return cls()
        return cls(brought)
