"""What removed devices that are told so may bring in a day."""

from __future__ import annotations

import pytest

from cellsync.core.errors import CapExceeded
from cellsync.core.ids import Day, MemberId
from cellsync.ledger.allowance import DAILY, Allowance

CARA, DAN = MemberId(b"c" * 32), MemberId(b"d" * 32)


def test_each_member_may_bring_so_much_a_day_and_what_began_before_that() -> None:
    allowance, today = Allowance(), Day(20_000)
    allowance.spend(CARA, DAILY - 1, today)
    assert not allowance.is_spent(CARA, today)
    allowance.spend(CARA, DAILY, today)
    assert allowance.is_spent(CARA, today)
    with pytest.raises(CapExceeded):
        allowance.spend(CARA, 1, today)
    allowance.spend(DAN, 1, today)
    assert not allowance.is_spent(DAN, today)
    allowance.spend(CARA, 1, Day(today + 1))
    assert not allowance.is_spent(CARA, Day(today + 1))
