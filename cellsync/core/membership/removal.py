"""Removals: of others, of one's own devices, and leaving (protocol/40-membership.md, Edition 2).

    remove   shape [targets, alone, disputed, rotation or nil]        content salt ‖ nil
    leave    shape []                                                 content salt ‖ nil

A member's id is that of their first device, too. As a target it means the member, with all devices, unless it is in
`alone` as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from cellsync.core import caps
from cellsync.core.ids import DeviceId, EntryId, MemberId
from cellsync.core.membership import rotation
from cellsync.core.membership.rotation import Rotation
from cellsync.core.membership.rows import ids
from cellsync.core.wire import codec

MOST_TARGETS: Final = caps.DEVICES
MOST_DISPUTED: Final = 16


class Remove(NamedTuple):
    """The operation of a `remove` entry. Its ids are ascending."""

    targets: tuple[DeviceId | MemberId, ...]
    alone: tuple[DeviceId, ...] = ()  # those of the targets that mean a device and not its member
    disputed: tuple[EntryId, ...] = ()
    rotation: Rotation | None = None  # the epoch that begins with it

    def __repr__(self) -> str:
        return f"<remove, targets: {len(self.targets)}>"


@dataclass(frozen=True)
class Leave:
    """The operation of a `leave` entry."""


def encode(removed: Remove, salt: bytes) -> tuple[bytes, bytes]:
    """(shape, content) of a `remove` entry."""
    begun = None if removed.rotation is None else removed.rotation.shape
    named = [sorted(ids) for ids in (removed.targets, removed.alone, removed.disputed)]
    return codec.encode([*named, begun]), salt + codec.encode(None)


def read(shape: object, content: object) -> Remove | None:
    """The operation in a decoded shape and content; None if they lack the form."""
    match shape, content:
        case [targets, alone, disputed, begun], None:
            named, devices = ids(targets, 1, MOST_TARGETS), ids(alone, 0, MOST_TARGETS)
            answered, epoch = ids(disputed, 0, MOST_DISPUTED), rotation.read(begun, None)
            if named is None or devices is None or answered is None or (begun is not None and epoch is None):
                return None
            if set(devices) <= set(named):
                return Remove(tuple(map(DeviceId, named)), tuple(map(DeviceId, devices)), answered, epoch)
    return None


def encode_leave(_: Leave, salt: bytes) -> tuple[bytes, bytes]:
    """(shape, content) of a `leave` entry."""
    return codec.encode([]), salt + codec.encode(None)


def read_leave(shape: object, content: object) -> Leave | None:
    """The operation in a decoded shape and content; None if they lack the form."""
    return Leave() if shape == [] and content is None else None
