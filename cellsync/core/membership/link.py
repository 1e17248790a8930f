"""A link brings in one more device of its author's member (protocol/40-membership.md, Edition 2).

link   shape keys        content salt ‖ [name of the device]
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cellsync.core.membership.control import DeviceKeys, device_keys, is_name
from cellsync.core.wire import codec

_BEHIND: Final = " / "


class LinkDevice(NamedTuple):
    """The operation of a `link` entry."""

    keys: DeviceKeys
    name: str

    def __repr__(self) -> str:
        return "<link>"  # no name


def full_name(member: str, device: str) -> str:
    """What a linked device is shown as: `Ben / Phone`."""
    return f"{member}{_BEHIND}{device}"


def own_name(full: str) -> str:
    """What a linked device is called by itself: `Phone`; of another one, all of its name."""
    return full.rpartition(_BEHIND)[2]


def encode(linked: LinkDevice, salt: bytes) -> tuple[bytes, bytes]:
    """(shape, content) of a `link` entry."""
    return codec.encode(list(linked.keys)), salt + codec.encode([linked.name])


def read(shape: object, content: object) -> LinkDevice | None:
    """The operation in a decoded shape and content; None if they lack the form."""
    match content:
        case [str(name)] if is_name(name) and (keys := device_keys(shape)) is not None:
            return LinkDevice(keys, name)
    return None
