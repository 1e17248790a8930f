"""Holders: the newest epoch that each device is known to hold, and how long that is remembered."""

from __future__ import annotations

import pytest

from cellsync.core.errors import Malformed
from cellsync.core.ids import Day, DeviceId, EpochId
from cellsync.core.membership.epochs import Rank
from cellsync.core.membership.holders import KEPT_DAYS, HeldRotation, Holders, newest_shown
from cellsync.core.membership.rotation import Rotation
from cellsync.core.wire import codec

ANA, BEA = DeviceId(b"a" * 32), DeviceId(b"b" * 32)
OLD, NEW, UNKNOWN = (EpochId(bytes([number]) * 32) for number in (1, 2, 3))
DAY = Day(20_000)
RANKS: dict[EpochId, Rank] = {OLD: (5, OLD), NEW: (9, NEW)}


def rank(epoch: EpochId) -> Rank | None:
    return RANKS.get(epoch)


def test_a_newer_epoch_takes_the_place_of_an_older_and_not_the_other_way_round() -> None:
    held = Holders()
    assert held.note(ANA, OLD, DAY, rank)
    assert held.note(ANA, NEW, DAY, rank)
    assert not held.note(ANA, OLD, Day(DAY + 9), rank)
    assert (held.of(ANA), held.rank(ANA), held.since(ANA)) == (NEW, (9, NEW), DAY)
    assert held.note(ANA, NEW, Day(DAY + 3), rank)
    assert not held.note(ANA, NEW, Day(DAY - 3), rank)
    assert held.since(ANA) == DAY + 3
    assert (held.of(BEA), held.rank(BEA), held.since(BEA)) == (None, None, None)


def test_an_epoch_whose_entry_has_not_come_is_newer_than_all_others() -> None:
    held = Holders()
    held.note(ANA, NEW, DAY, rank)
    assert held.note(ANA, UNKNOWN, DAY, rank)
    assert not held.note(ANA, NEW, DAY, rank)
    assert held.rank(ANA) is None
    assert held.least is None
    held.note(BEA, OLD, DAY, rank)
    assert held.least == (5, OLD)


def test_who_is_active_no_more_or_silent_for_400_days_is_forgotten() -> None:
    held = Holders()
    for device in (ANA, BEA):
        held.note(device, OLD, DAY, rank)
    assert not held.forget({ANA, BEA}, Day(DAY + KEPT_DAYS))
    assert held.forget({ANA}, DAY)
    assert held.of(BEA) is None
    assert held.forget({ANA}, Day(DAY + KEPT_DAYS + 1))
    assert held.of(ANA) is None


def test_storage_gives_it_back() -> None:
    held = Holders()
    held.note(ANA, NEW, DAY, rank)
    held.note(BEA, UNKNOWN, DAY, rank)
    again = Holders.decode(held.encode())
    assert again.encode() == held.encode()
    assert (again.rank(ANA), again.rank(BEA)) == ((9, NEW), None)


@pytest.mark.parametrize(
    "stored", [5, [[]], [[ANA, NEW, 1]], [[ANA[:5], NEW, 1, 1]], [[ANA, NEW, True, 1]], [[ANA, NEW, 1, -1]]]
)
def test_other_records_are_refused(stored: object) -> None:
    with pytest.raises(Malformed):
        Holders.decode(codec.encode(stored))


def shown(*saw: EpochId, rejected: tuple[EpochId, ...] = (), heard: Day = DAY, by: DeviceId = BEA) -> EpochId | None:
    """What Ana is known to hold. The new rotation is for her, the old one for Bea."""
    old = HeldRotation(OLD, 5, by, Rotation(bytes(32), DAY, {BEA: None}, {}))
    new = HeldRotation(NEW, 9, by, Rotation(bytes(32), DAY, {ANA: None, BEA: None}, {}))
    return newest_shown(ANA, [new, old], lambda one: EpochId(one) in saw, rejected, heard)


def test_what_a_device_shows_that_it_holds() -> None:
    assert shown() is None
    assert shown(NEW) == NEW
    assert shown(OLD) is None, "it is for another"
    assert shown(OLD, NEW) == NEW
    assert shown(NEW, rejected=(NEW,)) is None


def test_nobody_shows_by_an_entry_that_they_opened_what_was_dated_ahead_of_it() -> None:
    assert shown(NEW, heard=Day(DAY - 1)) == NEW, "a day ahead is opened"
    assert shown(NEW, heard=Day(DAY - 2)) is None
    assert shown(NEW, heard=Day(DAY - 2), by=ANA) == NEW, "it is her own"
