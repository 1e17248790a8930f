from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.ids import SessionPublic
from cellsync.node import overlay

KEYS = st.sets(st.binary(min_size=4, max_size=4).map(SessionPublic), min_size=2, max_size=60)


@given(KEYS)
def test_where_all_are_connected_both_ends_choose_alike_and_nobody_is_left_out(keys: set[SessionPublic]) -> None:
    near = {key: overlay.near(key, keys - {key}) for key in keys}
    assert all(key in near[other] for key in keys for other in near[key])
    assert all(min(len(keys) - 1, 2) <= len(others) <= 4 for others in near.values())
    reached, new = set[SessionPublic](), {min(keys)}
    while new:
        reached |= new
        new = {other for key in new for other in near[key]} - reached
    assert reached == keys


@given(KEYS, st.randoms(use_true_random=False))
def test_who_is_watched_stays_so_while_connected(keys: set[SessionPublic], choose: Random) -> None:
    before = overlay.watched((), keys, choose)
    assert len(before) == min(len(keys), overlay.WATCHED)
    left = keys - {min(before)}
    after = overlay.watched(before, left, choose)
    assert before - {min(before)} <= after <= left
    assert len(after) == min(len(left), overlay.WATCHED)
