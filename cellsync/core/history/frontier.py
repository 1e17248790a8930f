"""The digest of a frontier: 32 bytes that stand for all entries that count (protocol/30-history.md, Frontier)."""

from __future__ import annotations

from collections.abc import Iterable

from cellsync.core.crypto import labels, primitives
from cellsync.core.ids import DeviceId
from cellsync.core.wire import codec
from cellsync.core.wire.places import Head


def digest(heads: Iterable[Head], equivocators: Iterable[DeviceId], gaps: Iterable[Head]) -> bytes:
    """32 bytes, equal on two replicas exactly if the same entries count on both.

    `heads` are the newest entries that count: an equivocator's branches end at what others cite.
    """
    return primitives.blake2b(labels.FRONTIER, codec.encode([sorted(heads), sorted(equivocators), sorted(gaps)]))
