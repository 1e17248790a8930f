"""The search for the owners of beacons: what it asks for its candidates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cellsync.core.beacon import PERIOD
from cellsync.core.ids import MILLIS_PER_DAY, Day, DeviceId
from cellsync.node.search import _Candidates


def test_the_keys_of_each_day_are_asked_for_once() -> None:
    """It looks at a later period and at an earlier one in turn: they were asked for 500 times a beacon."""
    asked: list[Day] = []
    devices = [DeviceId(bytes([1]) * 32)]

    class Circles:
        def shown_by(self, given: list[DeviceId], day: Day) -> Iterator[tuple[bytes, bytes]]:
            assert given == devices
            asked.append(day)
            yield b"key of day %d" % day, given[0]

    circles: Any = Circles()
    candidates, a_day = _Candidates(circles, devices), MILLIS_PER_DAY // PERIOD
    for period in (7 * a_day + way * away for away in range(a_day) for way in (1, -1)):
        assert list(candidates(period)) == [(b"key of day %d" % (period // a_day), devices[0])]
    assert sorted(asked) == [6, 7]
