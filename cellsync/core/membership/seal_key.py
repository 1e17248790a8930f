"""A new seal key of the author's device, so that one seized later opens little (protocol/40-membership.md, Edition 2).

seal_key   shape [X-Wing]        content salt ‖ nil
"""

from __future__ import annotations

from typing import NamedTuple

from cellsync.core.ids import SealPublic
from cellsync.core.membership.recovery import is_seal_public
from cellsync.core.wire import codec


class SealKey(NamedTuple):
    """The operation of a `seal_key` entry."""

    key: SealPublic

    def __repr__(self) -> str:
        return "<seal_key>"


def encode(renewed: SealKey, salt: bytes) -> tuple[bytes, bytes]:
    """(shape, content) of a `seal_key` entry."""
    return codec.encode([renewed.key]), salt + codec.encode(None)


def read(shape: object, content: object) -> SealKey | None:
    """The operation in a decoded shape and content; None if they lack the form."""
    match shape, content:
        case [bytes(key)], None if is_seal_public(key):
            return SealKey(SealPublic(key))
    return None
