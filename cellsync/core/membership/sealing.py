"""Sealing: the root of an epoch to every device that it is for and to the recovery keys, and opening it again.

Whoever opens a wrap checks what the rotation commits to. So nobody can hand two roots to two devices under one
rotation, and a `rewrap` of anything else opens nothing. A rotation commits to the states with which its epoch ends, so
states of any day that somebody hands over can be checked as well. (protocol/40-membership.md, Edition 2)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final, TypeVar

from cellsync.core import caps
from cellsync.core.crypto import labels, ratchet, seal
from cellsync.core.crypto.ratchet import Branches
from cellsync.core.errors import InvalidValue, Malformed, PeerError
from cellsync.core.ids import Day, DeviceId, EntryId, EpochId, EpochSecret, Millis, SealPublic, SealSecret, Wrap
from cellsync.core.membership.control import WRAP_BYTES
from cellsync.core.membership.epochs import is_ahead
from cellsync.core.membership.rotation import Rewrap, Rotation
from cellsync.core.rule import Rule
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
    commitment = ratchet.ends(ratchet.branches(root, day))
    begun = Rotation(commitment, day, dict.fromkeys(devices), _wraps(root, commitment, recovery))
    left = room - len(codec.encode(begun.shape))
    if left < 0:
        raise InvalidValue("a rotation has no room for so many recovery keys")
    first = dict(islice(devices.items(), left // _WRAP_GROWTH))
    return begun._replace(devices={**begun.devices, **_wraps(root, commitment, first)})


def rewrap(epoch: EpochId, commitment: bytes, root: EpochSecret, devices: Mapping[DeviceId, SealPublic]) -> Rewrap:
    """The root of an epoch sealed to further devices. Draws the randomness of HPKE."""
    return Rewrap(epoch, _wraps(root, commitment, devices))


def _wraps(root: EpochSecret, commitment: bytes, keys: Mapping[_Key, SealPublic]) -> dict[_Key, Wrap]:
    info = labels.WRAP + commitment
    return {to: Wrap(seal.seal(key, info, root.reveal())) for to, key in keys.items()}


def opened(rotation: Rotation, wraps: Iterable[Wrap], keys: Iterable[SealSecret], now: Millis) -> Branches | None:
    """The branches of a rotation of which there are these wraps to us; None if there is none.

    `keys`: the seal keys that we still hold. Raises Malformed if no wrap opens to the commitment: a `reject` says so.
    Raises InvalidValue if the rotation is dated more than a day ahead.
    """
    if is_ahead(rotation.day, now):
        raise InvalidValue("this epoch is dated more than a day ahead")
    refusal: PeerError | None = None
    held = list(keys)
    for wrap in wraps:
        for key in held:
            try:
                return _open(rotation, wrap, key)
            except PeerError as error:
                refusal = error
    if refusal is not None:
        raise refusal
    return None


def _open(rotation: Rotation, wrap: Wrap, key: SealSecret) -> Branches:
    root = EpochSecret(seal.unseal(key, labels.WRAP + rotation.commitment, wrap))
    begun = ratchet.branches(root, rotation.day)
    if not ratchet.lead_to(begun, rotation.commitment, rotation.day):
        raise Malformed(Rule.EPOCH_COMMITMENT)
    return begun
