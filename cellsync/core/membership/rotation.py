"""Rotations: how epochs after the first are written down (protocol/40-membership.md, Edition 2).

    rotate   shape [commitment, day, [[device, wrap or nil], …], [[entry, wrap], …]]        content salt ‖ nil
             every device that the epoch is for; behind them the recovery keys, each by the entry that brought it in
    rewrap   shape [entry, [[device, wrap], …]]                                             content salt ‖ nil
             further wraps of the rotation in that entry
    reject   shape [entry]                                                                  content salt ‖ nil
             the wrap to the author does not open to what the rotation in that entry commits to

`sealing` makes the wraps and opens them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from cellsync.core import caps
from cellsync.core.ids import Day, DeviceId, EntryId, EpochId, Wrap
from cellsync.core.membership.control import is_commitment, is_day, is_wrap
from cellsync.core.membership.rows import is_id, table
from cellsync.core.wire import codec

MOST_DEVICES: Final = caps.DEVICES
MOST_RECOVERY: Final = 16


class Rotation(NamedTuple):
    """A new epoch: the operation of a `rotate` entry, and a part of that of a `remove`."""

    commitment: bytes
    day: Day
    devices: Mapping[DeviceId, Wrap | None]  # all that it is for; None: a `rewrap` follows
    recovery: Mapping[EntryId, Wrap]

    def __repr__(self) -> str:
        return f"<rotation, devices: {len(self.devices)}, recovery keys: {len(self.recovery)}>"

    @property
    def shape(self) -> list[Any]:
        return [self.commitment, self.day, _rows(self.devices), _rows(self.recovery)]


class Rewrap(NamedTuple):
    """The operation of a `rewrap` entry."""

    epoch: EpochId
    wraps: Mapping[DeviceId, Wrap]

    def __repr__(self) -> str:
        return f"<rewrap, devices: {len(self.wraps)}>"


class Reject(NamedTuple):
    """The operation of a `reject` entry."""

    epoch: EpochId

    def __repr__(self) -> str:
        return "<reject>"


def encode(begun: Rotation, salt: bytes) -> tuple[bytes, bytes]:
    """(shape, content) of a `rotate` entry."""
    return codec.encode(begun.shape), salt + codec.encode(None)


def read(shape: object, content: object) -> Rotation | None:
    """The operation in a decoded shape and content; None if they lack the form."""
    match shape, content:
        case [bytes(commitment), int(day), devices, recovery], None if is_commitment(commitment) and is_day(day):
            to_devices = table(devices, is_id, _is_wrap_or_nil, 1, MOST_DEVICES)
            to_recovery = table(recovery, is_id, is_wrap, 0, MOST_RECOVERY)
            if to_devices is not None and to_recovery is not None:
                return Rotation(commitment, Day(day), to_devices, to_recovery)
    return None


def encode_rewrap(added: Rewrap, salt: bytes) -> tuple[bytes, bytes]:
    """(shape, content) of a `rewrap` entry."""
    return codec.encode([added.epoch, _rows(added.wraps)]), salt + codec.encode(None)


def read_rewrap(shape: object, content: object) -> Rewrap | None:
    """The operation in a decoded shape and content; None if they lack the form."""
    match shape, content:
        case [bytes(entry), rows], None if is_id(entry):
            wraps = table(rows, is_id, is_wrap, 1, MOST_DEVICES)
            return None if wraps is None else Rewrap(EpochId(entry), wraps)
    return None


def encode_reject(rejected: Reject, salt: bytes) -> tuple[bytes, bytes]:
    """(shape, content) of a `reject` entry."""
    return codec.encode([rejected.epoch]), salt + codec.encode(None)


def read_reject(shape: object, content: object) -> Reject | None:
    """The operation in a decoded shape and content; None if they lack the form."""
    match shape, content:
        case [bytes(entry)], None if is_id(entry):
            return Reject(EpochId(entry))
    return None


def _is_wrap_or_nil(value: object) -> bool:
    return value is None or is_wrap(value)


def _rows(wraps: Mapping[Any, Wrap | None]) -> list[list[Any]]:
    return [[key, wraps[key]] for key in sorted(wraps)]
