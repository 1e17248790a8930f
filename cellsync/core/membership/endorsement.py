"""An endorsement: a coordinator's vote for entries of others (protocol/40-membership.md, Edition 2).

endorse   shape [entries]        content salt ‖ nil
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cellsync.core.ids import EntryId
from cellsync.core.membership.rows import ids
from cellsync.core.wire import codec

MOST_ENDORSED: Final = 48


class Endorse(NamedTuple):
    """The operation of an `endorse` entry."""

    entries: tuple[EntryId, ...]  # ascending

    def __repr__(self) -> str:
        return f"<endorse, entries: {len(self.entries)}>"


def encode(endorsed: Endorse, salt: bytes) -> tuple[bytes, bytes]:
    """(shape, content) of an `endorse` entry."""
    return codec.encode([sorted(endorsed.entries)]), salt + codec.encode(None)


def read(shape: object, content: object) -> Endorse | None:
    """The operation in a decoded shape and content; None if they lack the form."""
    match shape, content:
        case [entries], None if (found := ids(entries, 1, MOST_ENDORSED)) is not None:
            return Endorse(found)
    return None
