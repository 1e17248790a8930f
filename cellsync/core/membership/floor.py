"""The floor of a circle: the least edition with which it may be used (protocol/40-membership.md).

    require   shape [edition]        content salt ‖ nil

Two coordinators have to say it (`words`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from cellsync.core.ids import DeviceId, MemberId
from cellsync.core.membership import words
from cellsync.core.wire import codec

LOWEST: Final = 1
HIGHEST: Final = 255


class Require(NamedTuple):
    """The operation of a `require` entry."""

    edition: int


def encode(required: Require, salt: bytes) -> tuple[bytes, bytes]:
    """(shape, content) of a `require` entry."""
    return codec.encode([required.edition]), salt + codec.encode(None)


def read(shape: object, content: object) -> Require | None:
    """The operation in a decoded shape and content; None if they lack the form."""
    match shape, content:
        case [int(edition)], None if type(edition) is int and LOWEST <= edition <= HIGHEST:
            return Require(edition)
    return None


def floor(
    required: Mapping[DeviceId, int],
    coordinators: Collection[tuple[MemberId, DeviceId]],
    paper: Collection[int] = (),
) -> int:
    """The greatest edition that two members require, or the only one of them; or a recovery key.

    `required`: the greatest edition that each device has required; `coordinators`: the active ones; `paper`: what
    recovery keys in force have required, from edition 2 on.
    """
    said: dict[MemberId, int] = {}
    for member, device in coordinators:
        said[member] = max(said.get(member, LOWEST), required.get(device, LOWEST))
    return words.reached(said.values(), LOWEST, paper)
