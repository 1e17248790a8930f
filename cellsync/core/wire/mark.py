"""The mark of an entry: which form of it is meant, and the version of its header (protocol/30-history.md, Forms).

mark        = form + 4 × (version − 1)
marked kind = kind + 256 × mark                 where an entry travels; so a full entry of version 1 has its kind
hashed      = hash 32 ‖ length u32              in place of a shape or content that does not travel
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from cellsync.core.wire.tags import ENTRY_VERSION

KINDS: Final = 256  # a marked kind from here on has another mark than 0
MARKED_END: Final = KINDS * 256
_HASHED: Final = struct.Struct(">32sI")
HASHED_BYTES: Final = _HASHED.size


class EntryForm:
    """How much of an entry there is. All forms of an entry have one id. Stores keep the numbers."""

    FULL: Final = 0
    ERASED: Final = 1  # header, shape, and the hash of its content
    SKELETON: Final = 2  # its header
    DETACHED: Final = 3  # out of its chain: header, shape, the hash of its content, its own signature


class Hashed(NamedTuple):
    """What stands in place of a shape or content that does not travel."""

    hash: bytes
    length: int

    @classmethod
    def read(cls, raw: bytes) -> Hashed:
        """From HASHED_BYTES bytes."""
        return cls(*_HASHED.unpack(raw))

    def pack(self) -> bytes:
        return _HASHED.pack(self.hash, self.length)


def marked(kind: int, form: int, version: int = ENTRY_VERSION) -> int:
    return kind + KINDS * (form + 4 * (version - 1))


def kind_of(marked: int) -> int:
    return marked % KINDS


def form_of(marked: int) -> int:
    return marked // KINDS % 4


def version_of(marked: int) -> int:
    return 1 + marked // (4 * KINDS)
