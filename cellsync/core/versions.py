"""Versions of the protocol: what a build speaks, and what two builds have in common (protocol/20-wire.md, Version).

A version covers everything in a conversation after its handshake. The handshake itself is the same for all versions,
so two builds without a common version still learn who the other is, and can tell their users who has to update. Each
side states its versions inside the handshake, where nobody in the middle can change them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cellsync.core.errors import HandshakeFailed, NoCommonVersion, PeerNewer, PeerOlder
from cellsync.core.rule import Rule

BYTES: Final = 2


class Versions(NamedTuple):
    """All versions that one build speaks, from the lowest, its floor, to the highest."""

    lowest: int
    highest: int

    @property
    def said(self) -> str:
        lowest, highest = self
        return f"version {highest}" if lowest == highest else f"versions {lowest} to {highest}"

    def encode(self) -> bytes:
        """The bytes in a handshake's payload."""
        return bytes(self)

    def common(self, theirs: Versions) -> int | None:
        """The version in use between two builds: the highest that both speak; None if there is none."""
        version = min(self.highest, theirs.highest)
        return version if version >= max(self.lowest, theirs.lowest) else None

    def apart(self, theirs: Versions) -> NoCommonVersion | None:
        """None if there is a version in common; else who has to update."""
        if self.common(theirs) is not None:
            return None
        return PeerOlder() if theirs.highest < self.lowest else PeerNewer()


SPOKEN: Final = Versions(3, 3)  # by this build
UNSAID: Final = Versions(1, 1)  # by builds from before versions were negotiated: their bytes are zeros or missing


def decode(raw: bytes) -> Versions:
    """The other side's versions, from the bytes after the key in its payload. Raises HandshakeFailed."""
    encoded = raw[:BYTES]
    if len(encoded) < BYTES or not any(encoded):
        return UNSAID
    versions = Versions(*encoded)
    if not 0 < versions.lowest <= versions.highest:
        raise HandshakeFailed(Rule.HANDSHAKE_VERSIONS)
    return versions
