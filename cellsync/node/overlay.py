"""The overlay: which of many links pass new entries on immediately, and which only when asked.

With few links all are alike. With more, new entries go immediately over those that are *near*, and over those that have
turned out to be needed (`session.way`). The near ones are chosen on a ring of session keys: the next key on either
side, and one further on. In a full mesh both ends choose alike, and each device gets an entry from four others, so
three that withhold it delay nobody.

Elsewhere a device may depend on a single other one. So each also *watches* some links, drawn at random: it asks there
often, and is served what it lacks. No peer can cause itself to be watched, or not to be.
"""

from __future__ import annotations

from collections.abc import Collection
from math import isqrt
from random import Random
from typing import Final

from cellsync.core.ids import SessionPublic

FEW: Final = 4  # links; up to so many, each carries everything
WATCHED: Final = 3


def near(own: SessionPublic, keys: Collection[SessionPublic]) -> frozenset[SessionPublic]:
    """The near ones among the connected peers."""
    ring = sorted({own, *keys})
    at, size = ring.index(own), len(ring)
    return frozenset(ring[(at + step) % size] for far in (1, isqrt(size)) for step in (far, -far)) - {own}


def watched(
    before: Collection[SessionPublic], keys: Collection[SessionPublic], choose: Random
) -> frozenset[SessionPublic]:
    """The peers to watch: those watched so far, while connected, and as many others as are missing."""
    kept = {key for key in before if key in keys}
    others = sorted(set(keys) - kept)
    return frozenset(kept | set(choose.sample(others, min(len(others), WATCHED - len(kept)))))
