"""Holders: the newest epoch that each device is known to hold.

Weekly rotations would shut out whoever was away for a month: its epoch is among the three newest no more. So the
newest epoch that a device is known to hold, and those that came after it, stay accepted from it, and from nobody else,
until it is known to hold a newer one, is active no more, or has not been heard of for 400 days. (Those that came after:
of two halves of a cell that were apart for a month, each has rotated several times, and knows of an older epoch of the
other than the other has used since.) It is known to hold an epoch

- in which it was introduced: the one that was chosen by the past of its introduction, since its sponsor handed that
  over. (Not the newest there: that may be one that no rule let anybody use, and that it was never given.);
- of which it is a recipient, if it has an entry with the rotation in its past, and has not rejected it; but of one that
  is dated ahead only from its day on, since nobody opens it before;
- that it was handed over in a session, or under which it has opened one.

(protocol/40-membership.md, Epochs)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, NamedTuple

from cellsync.core import caps
from cellsync.core.errors import Malformed
from cellsync.core.ids import ID_BYTES, Day, DeviceId, EntryId, EpochId
from cellsync.core.membership.control import FirstRotation, is_day
from cellsync.core.membership.epochs import Rank
from cellsync.core.membership.rotation import Rotation
from cellsync.core.rule import Rule
from cellsync.core.wire import codec

KEPT_DAYS: Final = 400  # for a device of which nothing is heard


class HeldRotation(NamedTuple):
    """A rotation whose entry is held, and counts."""

    epoch: EpochId  # the entry that carries it
    height: int
    author: DeviceId
    rotation: Rotation | FirstRotation  # the latter: of the `found`

    @property
    def rank(self) -> Rank:
        """Its place in the order of choice."""
        return self.height, self.epoch

    def is_for(self, device: DeviceId) -> bool:
        """Whether a device is one of those that it is for."""
        return device == self.author if isinstance(self.rotation, FirstRotation) else device in self.rotation.devices


class Holding(NamedTuple):
    epoch: EpochId
    height: int | None  # of the entry that began it; None as long as it has not come
    since: Day  # when the device was last known to hold it

    @property
    def rank(self) -> Rank | None:
        return None if self.height is None else (self.height, self.epoch)


class Holders:
    """The newest epoch that each device is known to hold."""

    def __init__(self, held: Mapping[DeviceId, Holding] | None = None) -> None:
        self._held = dict(held or {})

    def of(self, device: DeviceId) -> EpochId | None:
        holding = self._held.get(device)
        return None if holding is None else holding.epoch

    def rank(self, device: DeviceId) -> Rank | None:
        """The place of that epoch in the order of choice."""
        holding = self._held.get(device)
        return None if holding is None else holding.rank

    @property
    def least(self) -> Rank | None:
        """The oldest of these epochs: some device is not known to hold a newer one."""
        return min((rank for holding in self._held.values() if (rank := holding.rank) is not None), default=None)

    def since(self, device: DeviceId) -> Day | None:
        """The day on which a device was last known to hold something."""
        holding = self._held.get(device)
        return None if holding is None else holding.since

    def note(self, device: DeviceId, epoch: EpochId, day: Day, rank: Callable[[EpochId], Rank | None]) -> bool:
        """A device is known to hold an epoch. An older one than is known already says nothing new.

        `rank`: None for an epoch whose entry has not come yet, which is newer than all others.
        """
        before, new = self._held.get(device), rank(epoch)
        if before is not None and before.epoch != epoch:
            known = rank(before.epoch) or before.rank
            if _is_newer(known, new):
                return False
        elif before is not None:
            day = max(day, before.since)
        self._held[device] = Holding(epoch, None if new is None else new[0], day)
        return self._held[device] != before

    def forget(self, active: Collection[DeviceId], day: Day) -> bool:
        """Forget the devices that are none of these, and those not heard of for 400 days before `day`, which the
        entries of others attest: our clock alone shuts nobody out."""
        left = {
            device: holding
            for device, holding in self._held.items()
            if device in active and day - holding.since <= KEPT_DAYS
        }
        gone = len(left) < len(self._held)
        self._held = left
        return gone

    def encode(self) -> bytes:
        """For the circle's own database."""
        return codec.encode([[device, *holding] for device, holding in self._held.items()])

    @classmethod
    def decode(cls, raw: bytes) -> Holders:
        """Raises Malformed or CapExceeded for what `encode` does not make."""
        held: dict[DeviceId, Holding] = {}
        rows = codec.decode(raw, caps.ENTRY, Rule.CAP_KEPT)
        for row in rows if type(rows) is list else [None]:
            match row:
                case [bytes(device), bytes(epoch), height, int(day)] if (
                    len(device) == len(epoch) == ID_BYTES and is_day(day) and (height is None or type(height) is int)
                ):
                    held[DeviceId(device)] = Holding(EpochId(epoch), height, Day(day))
                case _:
                    raise Malformed(Rule.KEPT)
        return cls(held)


def _is_newer(one: Rank | None, other: Rank | None) -> bool:
    """Whether the first is certainly newer than the second."""
    return other is not None and (one is None or one > other)


def newest_shown(
    device: DeviceId,
    rotations: Iterable[HeldRotation],
    newest_saw: Callable[[EntryId], bool],
    rejected: Collection[EpochId],
    heard: Day,
) -> EpochId | None:
    """The newest epoch that a device holds by what it has written.

    `newest_saw`: whether one of its entries has the entry of a rotation in its past, or is it. `rejected`: by it.
    `heard`: the day of its newest entry, by its own clock.
    """
    shown = (
        held.epoch
        for held in sorted(rotations, key=lambda held: held.rank, reverse=True)
        if held.is_for(device)
        and held.epoch not in rejected
        and (held.author == device or held.rotation.day <= heard + 1)
        and newest_saw(EntryId(held.epoch))
    )
    return next(shown, None)
