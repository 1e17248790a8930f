"""The floor of a circle: the least edition with which it may be used (protocol/40-membership.md).

    require   shape [edition]        content salt ‖ nil

Two coordinators have to say it (`words`). One that follows the `found`, and has nothing else before it, is part of the
founding: it holds whoever comes and goes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from cellsync.core.ids import DeviceId, MemberId
from cellsync.core.membership import words
from cellsync.core.wire import codec

LOWEST: Final = 1
HIGHEST: Final = 255
FOUNDING_HEIGHT: Final = 2
"""Of an entry that has the `found` before it and nothing else."""


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
    founding: Collection[int] = (),
) -> int:
    """The greatest edition that two members require, or the only one of them; or a recovery key; or the founding.

    `required`: the greatest edition that each device has required; `coordinators`: the active ones whose word counts;
    `paper`: what recovery keys in force have required, from edition 2 on; `founding`: what was required at the
    founding. A founder who forks can say several things there: the least of them, so that it stops nobody later.
    """
    said: dict[MemberId, int] = {}
    for member, device in coordinators:
        said[member] = max(said.get(member, LOWEST), required.get(device, LOWEST))
    return max(words.reached(said.values(), LOWEST, paper), min(founding, default=LOWEST))
