"""The countdown to a wipe, on its own: time is lived through, never read from a clock that can be set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.ids import EntryId
from cellsync.ledger.aftermath import PATIENCE, Countdown, _countdown

REMOVAL = EntryId(b"r" * 32)


@given(st.lists(st.lists(st.integers(0, 10**9), min_size=1, max_size=5), min_size=1, max_size=4))
def test_as_much_is_counted_as_each_start_of_the_machine_has_gone_on(starts: list[list[int]]) -> None:
    """Never more than what has really passed, in whatever way it was on and off. Each list: looks since one start."""
    looks = [sorted(times) for times in starts]
    count, passed = Countdown(REMOVAL, 0, looks[0][0], looks[0][0]), looks[0][-1] - looks[0][0]
    for time in looks[0]:
        count = count.at(time, time)
    assert count.lived == passed
    clock = looks[0][-1]
    for times in looks[1:]:
        passed += times[-1]
        for time in times:
            count = count.at(time, clock + time)
        clock += times[-1]
        assert count.lived <= passed
        assert count.left == max(0, PATIENCE - count.lived)


def test_another_machine_counts_from_where_it_begins_and_a_clock_that_is_set_back_stops_it() -> None:
    hour, year = 3_600_000, 365 * 86_400_000
    count = Countdown(REMOVAL, hour, 2 * hour, year)
    assert count.at(year, year + hour).lived == 2 * hour, "carried to a machine that has been on for a year"
    assert count.at(3 * hour, 2 * year).lived == 2 * hour, "the clock is set ahead"
    assert count.at(year, 2 * hour).lived == hour, "the clock is set back"


@pytest.mark.parametrize(
    "raw",
    [
        None,
        b"",
        b"\xc0",
        b"\x93",
        b"\x94\xc4\x01r\xff\x00\x00",
        b"\x93\xc4\x01r\x00\x00",
        b"\x92\xc4\x01r\x00",
        bytes(400),
    ],
)
def test_what_cannot_be_read_has_not_begun(raw: bytes | None) -> None:
    assert _countdown(raw) is None
