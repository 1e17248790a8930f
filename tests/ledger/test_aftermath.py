"""The countdown to a wipe, on its own: time is lived through, never read from a clock that can be set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.ids import EntryId
from cellsync.ledger.aftermath import PATIENCE, Countdown, _countdown

REMOVAL = EntryId(b"r" * 32)


@given(st.lists(st.lists(st.integers(0, 10**9), min_size=1, max_size=5), min_size=1, max_size=4))
def test_as_much_is_counted_as_was_seen_to_pass_within_each_start(starts: list[list[int]]) -> None:
    """In whatever way the machine was on and off, or another one. Each list: looks since one start."""
    looks = [sorted(times) for times in starts]
    count, passed = Countdown(REMOVAL, 0, looks[0][0], bytes(1)), 0
    for boot, times in enumerate(looks):
        passed += times[-1] - times[0]
        for time in times:
            count = count.at(time, bytes([boot]))
        assert count.lived == passed
        assert count.left == max(0, PATIENCE - count.lived)


@pytest.mark.parametrize(
    "raw",
    [
        None,
        b"",
        b"\xc0",
        b"\x93",
        b"\x94\xc4\x01r\xff\x00\xc4\x00",
        b"\x93\xc4\x01r\x00\x00",
        b"\x92\xc4\x01r\x00",
        bytes(400),
    ],
)
def test_what_cannot_be_read_has_not_begun(raw: bytes | None) -> None:
    assert _countdown(raw) is None
