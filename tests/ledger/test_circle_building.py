"""A batch for a peer is built in a thread only if it may take long."""

from __future__ import annotations

import pytest

from cellsync.core.history.store import Arrival
from cellsync.ledger.circle import FEW, LARGE_BYTES, _are_few


def _arrivals(count: int, size: int = 200, *, last: bool = True) -> list[Arrival]:
    return [Arrival(number, 1, number, size, last) for number in range(1, count + 1)]


@pytest.mark.parametrize(
    ("arrivals", "until", "few"),
    [
        ([], 9, True),
        (_arrivals(FEW), 99, True),
        (_arrivals(FEW + 1), 99, False),
        (_arrivals(FEW + 1), FEW, True),  # what comes later is not for the peer yet
        (_arrivals(FEW + 1), 0, True),
        (_arrivals(FEW + 1, last=False), 1, False),  # one commit, which is taken whole
        (_arrivals(2, LARGE_BYTES), 2, False),
        (_arrivals(2, LARGE_BYTES), 1, True),
    ],
)
def test_only_what_is_for_the_peer_counts(arrivals: list[Arrival], until: int, few: bool) -> None:
    assert _are_few(arrivals, until) is few
