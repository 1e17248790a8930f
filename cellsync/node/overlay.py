"""The overlay: over which of many links what is new is passed on at once, and over which the peer is asked for it.

With few links each is as any other. With more, all that is new goes at once over those that are *near*, and over those
that have shown that they are needed (`session.way`). The near ones are chosen on a ring of session keys: the next key
on either side, and one some way on. Where all are connected both ends choose alike, and each device gets an entry from
four others, so that three who keep it to themselves delay nobody.

Elsewhere a device may depend on one other. So each also *watches* some links, drawn at random: it asks there often, and
is served what it lacks. Nobody can see to it that it is watched, or that it is not.
"""

from __future__ import annotations

from collections.abc import Collection
from math import isqrt
from random import Random
from typing import Final

from cellsync.core.ids import SessionPublic

FEW: Final = 4  # links, of which each carries everything
WATCHED: Final = 3


def near(own: SessionPublic, keys: Collection[SessionPublic]) -> frozenset[SessionPublic]:
    """Of those that we are connected with."""
    ring = sorted({own, *keys})
    at, size = ring.index(own), len(ring)
    return frozenset(ring[(at + step) % size] for far in (1, isqrt(size)) for step in (far, -far)) - {own}


def watched(
    before: Collection[SessionPublic], keys: Collection[SessionPublic], choose: Random
) -> frozenset[SessionPublic]:
    """Whom to watch: those whom we do, as long as we are connected with them, and as many others as are missing."""
    kept = {key for key in before if key in keys}
    others = sorted(set(keys) - kept)
    return frozenset(kept | set(choose.sample(others, min(len(others), WATCHED - len(kept)))))
