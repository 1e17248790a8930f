"""The window of forward secrecy, and what sets it."""

from __future__ import annotations

from cellsync.core.ids import Day, DeviceId
from cellsync.core.membership.window import Window, WindowBound, window

TODAY = Day(20_000)
ANA, BEA = DeviceId(b"a" * 32), DeviceId(b"b" * 32)


def days(ago: int) -> Day:
    return Day(TODAY - ago)


def test_the_longest_sets_it() -> None:
    found = window(TODAY, days(9), days(2), {ANA: days(30), BEA: days(1)}, days(5))
    assert found[0] == Window(30, WindowBound.ABSENT, ANA)
    assert [(row.days, row.bound) for row in found[1:]] == [
        (9, WindowBound.SEAL_SECRET),
        (5, WindowBound.BACKUP),
        (2, WindowBound.UNATTESTED),
    ]


def test_a_backup_or_an_unattested_day_may_set_it() -> None:
    assert window(TODAY, days(1), days(2), {}, days(400))[0] == Window(400, WindowBound.BACKUP)
    assert window(TODAY, days(1), days(80), {BEA: days(3)})[0] == Window(80, WindowBound.UNATTESTED)


def test_days_to_come_count_as_today() -> None:
    assert {row.days for row in window(TODAY, days(-5), days(-1), {ANA: days(-900)})} == {0}
