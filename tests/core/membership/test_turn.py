"""Whose turn it is: one device a week, the next one a day later, and at once if nothing may be sealed."""

from __future__ import annotations

import pytest

from cellsync.core.ids import Day, DeviceId, EpochId, Millis
from cellsync.core.membership.turn import Begun, Turn, date, turn

DAY = Day(20_000)
NOW = Millis(DAY * 86_400_000)
DEVICES = [DeviceId(bytes([number]) * 32) for number in (10, 20, 30)]
LATE = Begun(EpochId(bytes([15]) * 32), DAY)


def turns(chosen: Begun | None, in_use: Begun = LATE, *, stands: bool = True) -> list[Turn]:
    return [turn(chosen, in_use, device, DEVICES, NOW, stands=stands) for device in DEVICES]


def test_the_first_that_is_not_below_the_epoch_begins_after_a_week() -> None:
    assert turns(LATE) == [Turn(Day(DAY + 9), 2), Turn(Day(DAY + 7), 0), Turn(Day(DAY + 8), 1)]


@pytest.mark.parametrize(("epoch", "first"), [(0, 0), (10, 0), (11, 1), (20, 1), (30, 2), (31, 0), (255, 0)])
def test_another_epoch_begins_with_another_device(epoch: int, first: int) -> None:
    found = turns(Begun(EpochId(bytes([epoch]) * 32), DAY))
    assert [one.place for one in found].index(0) == first
    assert sorted(one.due for one in found) == [DAY + 7, DAY + 8, DAY + 9]


def test_without_a_usable_epoch_it_is_everybodys_turn() -> None:
    assert [one.due for one in turns(None)] == [0, 0, 0]
    assert sorted(one.place for one in turns(None)) == [0, 1, 2]


def test_an_epoch_that_waits_delays_nothing() -> None:
    ahead = Begun(EpochId(bytes([15]) * 32), Day(DAY + 300))
    assert [one.due for one in turns(ahead, Begun(EpochId(bytes(32)), Day(DAY - 7)))] == [DAY + 2, DAY, DAY + 1]
    assert [one.due for one in turns(ahead, stands=False)] == [0, 0, 0]


def test_a_rotation_is_dated_with_the_latest_day_that_is_known() -> None:
    assert date(DAY, None, Day(DAY - 3)) == DAY
    assert date(Day(5), None, Day(DAY - 3)) == DAY - 3
    assert date(Day(5), Day(DAY - 1), Day(DAY - 3)) == DAY - 1
    assert date(Day(DAY + 9), DAY, DAY) == DAY + 9
