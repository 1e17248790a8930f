"""A release takes case entries out of quarantine (protocol/40-membership.md, Edition 2).

release   shape [entries, heads]        content salt ‖ nil
          each head stands for itself and everything before it in its chain
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cellsync.core import caps
from cellsync.core.ids import EntryId
from cellsync.core.membership.rows import ids
from cellsync.core.wire import codec

MOST_RELEASED: Final = 1_024
MOST_HEADS: Final = caps.DEVICES


class Release(NamedTuple):
    """The operation of a `release` entry. Its ids are ascending, and there is at least one."""

    entries: tuple[EntryId, ...]
    heads: tuple[EntryId, ...] = ()

    def __repr__(self) -> str:
        return f"<release, entries: {len(self.entries)}, heads: {len(self.heads)}>"


def encode(released: Release, salt: bytes) -> tuple[bytes, bytes]:
    """(shape, content) of a `release` entry."""
    return codec.encode([sorted(released.entries), sorted(released.heads)]), salt + codec.encode(None)


def read(shape: object, content: object) -> Release | None:
    """The operation in a decoded shape and content; None if they lack the form."""
    match shape, content:
        case [entries, heads], None:
            found, up_to = ids(entries, 0, MOST_RELEASED), ids(heads, 0, MOST_HEADS)
            if found is not None and up_to is not None and (found or up_to):
                return Release(found, up_to)
    return None
