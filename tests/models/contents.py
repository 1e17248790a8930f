"""Contents read the plain way: decoded, encoded again, looked at."""

from __future__ import annotations

from cellsync.core.errors import PeerError
from cellsync.core.rule import Rule
from cellsync.core.wire import codec

_SALT = 16
_LONGEST = 255


def lone_text(content: bytes) -> str | None:
    """The value of a content that is one canonical text of at most 255 bytes, else None."""
    try:
        values = codec.decode(content[_SALT:], 1 << 16, Rule.CAP_ENTRY)
    except PeerError:
        return None
    if not isinstance(values, list) or len(values) != 1 or not isinstance(values[0], str):
        return None
    return values[0] if len(values[0].encode()) <= _LONGEST else None
