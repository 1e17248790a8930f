"""Sealing: the root of an epoch to every device that it is for and to the recovery keys, and opening it again.

Whoever opens a wrap checks what the rotation commits to. So nobody can hand two roots to two devices under one
rotation, and a `rewrap` of anything else opens nothing. (protocol/40-membership.md, Edition 2)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final, TypeVar

from cellsync.core import caps
from cellsync.core.crypto import labels, ratchet, seal
from cellsync.core.crypto.ratchet import Branches
from cellsync.core.errors import InvalidValue, PeerError
from cellsync.core.ids import Day, DeviceId, EntryId, EpochId, EpochSecret, Millis, SealPublic, SealSecret, Wrap
from cellsync.core.membership import epochs
from cellsync.core.membership.control import WRAP_BYTES
from cellsync.core.membership.rotation import Rewrap, Rotation
from cellsync.core.wire import codec
from cellsync.core.wire.operations import SALT_BYTES

ROOM: Final = caps.ENTRY - SALT_BYTES - len(codec.encode(None))
"""Bytes that a shape may have if the content is nil."""
_WRAP_GROWTH: Final = len(codec.encode(bytes(WRAP_BYTES))) - len(codec.encode(None))

_Key = TypeVar("_Key", DeviceId, EntryId)


def sealed(
    root: EpochSecret,
    day: Day,
    devices: Mapping[DeviceId, SealPublic],
    recovery: Mapping[EntryId, SealPublic],
    room: int = ROOM,
) -> Rotation:
    """A new epoch, sealed to the recovery keys and to as many devices as fit into so many bytes of its shape.

    Whoever makes it seals to the other devices with `rewrap`, before dropping the root. Draws the randomness of HPKE.
    """
    commitment = ratchet.commitment(root)
    begun = Rotation(commitment, day, dict.fromkeys(devices), _wraps(root, recovery))
    left = room - len(codec.encode(begun.shape))
    if left < 0:
        raise InvalidValue("a rotation has no room for so many recovery keys")
    first = dict(islice(devices.items(), left // _WRAP_GROWTH))
    return begun._replace(devices={**begun.devices, **_wraps(root, first)})


def rewrap(epoch: EpochId, root: EpochSecret, devices: Mapping[DeviceId, SealPublic]) -> Rewrap:
    """The root of an epoch sealed to further devices. Draws the randomness of HPKE."""
    return Rewrap(epoch, _wraps(root, devices))


def _wraps(root: EpochSecret, keys: Mapping[_Key, SealPublic]) -> dict[_Key, Wrap]:
    info = labels.WRAP + ratchet.commitment(root)
    return {to: Wrap(seal.seal(key, info, root.reveal())) for to, key in keys.items()}


def opened(rotation: Rotation, wraps: Iterable[Wrap], keys: Iterable[SealSecret], now: Millis) -> Branches | None:
    """The branches of a rotation of which there are these wraps to us; None if there is none.

    `keys`: the seal keys that we still hold. Raises Malformed if no wrap opens to the commitment: a `reject` says so.
    Raises InvalidValue if the rotation is dated more than a day ahead.
    """
    refusal: PeerError | None = None
    held = list(keys)
    for wrap in wraps:
        for key in held:
            try:
                return epochs.open_wrap(rotation.commitment, rotation.day, wrap, key, now)
            except PeerError as error:
                refusal = error
    if refusal is not None:
        raise refusal
    return None
