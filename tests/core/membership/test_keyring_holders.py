"""What others are known to hold: whoever is away finds that its epoch is still accepted from it, when it comes back."""

from __future__ import annotations

from cellsync.core.ids import EntryId, EpochId
from tests.core.membership.captures import cell_of
from tests.core.membership.cells import Cell, Device


def away(cell: Cell, *others: Device, weeks: int = 6) -> None:
    """Others go on, and rotate each week."""
    for _ in range(weeks):
        cell.sleep(7)
        cell.all_meet(*others)


def test_a_newcomer_is_known_to_hold_what_was_chosen_where_it_was_admitted() -> None:
    """A search found it shut out: it was taken for a holder of the newest epoch there, which nobody could use."""
    cell, (ana, bea, eva, dan) = cell_of(4)
    cell.sleep(1)
    given = ana.rotate(removing=dan.id)
    bea.rotate()
    fallen = bea.rotate()
    eva.hear(ana)
    eva.hear(bea)
    fay = eva.admit()
    assert fay.keyring.epochs.newest == given
    assert eva.facts().rank(fallen) > eva.facts().rank(given)  # type: ignore[operator]
    cell.all_meet(ana, bea, eva)
    assert ana.keyring.holders.of(fay.id) == given
    away(cell, ana, bea, eva)
    assert fay.meet(ana)
    assert fay.is_up_to_date


def test_a_newcomer_that_was_away_with_its_sponsor_is_heard_of_before_its_epoch_is_forgotten() -> None:
    cell, (ana, bea, eva) = cell_of(3)
    cell.sleep(1)
    dan = eva.admit()
    away(cell, ana, bea)
    assert not dan.meet(ana)
    assert eva.meet(ana)
    assert dan.id not in ana.too_late
    assert dan.meet(ana)
    assert dan.is_up_to_date


def test_a_newcomer_of_a_removed_sponsor_is_heard_of_too_late_and_not_answered() -> None:
    """A search took it for a member who was shut out by mistake. Nobody keeps an epoch for whom they do not know."""
    cell, (ana, bea, eva) = cell_of(3)
    cell.sleep(1)
    dan = eva.admit()
    ana.rotate(removing=eva.id)
    bea.meet(ana)
    away(cell, ana, bea)
    ana.held |= dan.held
    ana.step()
    assert dan.id not in ana.active, "it was admitted by somebody who was removed, and had not been seen to do so"
    ana.endorse(EntryId(dan.id))
    assert dan.id in ana.active
    assert dan.id in ana.too_late
    assert not dan.meet(ana)


def test_whoever_admits_and_lacks_the_chosen_epoch_rotates_first() -> None:
    cell, (ana, bea, eva) = cell_of(3)
    cell.sleep(1)
    eva.ahead = 400
    ahead = eva.rotate()
    bea.hear(eva)
    assert bea.facts().chosen == ahead
    dan = bea.admit()
    assert dan.keyring.epochs.newest == bea.facts().chosen != ahead
    ana.meet(bea)
    away(cell, ana, bea)
    assert dan.meet(ana)


def test_whoever_cites_a_rotation_that_is_dated_ahead_is_not_known_to_hold_it() -> None:
    """Else somebody who dates one far ahead shuts out whoever cites it and is away for four weeks."""
    cell, (ana, bea, eva, dan) = cell_of(4)
    cell.sleep(1)
    eva.ahead = 400
    eva.rotate()
    dan.hear(eva)
    dan.renew()
    cell.all_meet(ana, bea, dan, rounds=1)
    away(cell, ana, bea)
    assert dan.meet(ana)
    assert dan.is_up_to_date


def test_what_a_device_is_taken_to_hold_it_opens_also_if_all_others_hold_something_newer() -> None:
    cell, (ana, bea, eva, fay) = cell_of(4)
    cell.sleep(1)
    dan = ana.admit()
    ana.hear(dan)
    for_dan = ana.rotate()
    not_for_dan = [bea.rotate() for _ in range(9)][-1]
    usable = fay.rotate(removing=eva.id)
    for device in (bea, fay):
        ana.hear(device)
    for device in (ana, bea, fay):
        device.hear(ana)
        device.renew()
        ana.hear(device)
    for device in (bea, fay):
        device.hear(ana)
    dan.meet(ana)
    assert dan.keyring.epochs.newest == usable
    dan.renew()
    ana.meet(dan)
    assert dan.keyring.holders.least is not None
    assert dan.keyring.holders.least[1] == not_for_dan
    bea.hear(ana)
    assert bea.keyring.holders.of(dan.id) == for_dan
    away(cell, ana, bea, fay)
    assert dan.meet(bea)
    assert dan.is_up_to_date


def test_an_epoch_that_fell_has_its_place_in_the_order_of_choice() -> None:
    """Else it counts as newer than all that come after it, and a device that met others under it stays where it was."""
    cell, (ana, bea, eva, dan) = cell_of(4)
    cell.sleep(1)
    fallen = eva.rotate()
    for device in (ana, dan):
        device.meet(eva)
    bea.rotate(removing=eva.id)
    ana.meet(bea)
    assert fallen not in ana.rotations
    assert dan.meet(ana)
    assert dan.is_up_to_date
    dan.work()
    ana.meet(dan)
    away(cell, ana, bea)
    assert fallen not in ana.keyring.epochs.recent
    assert dan.meet(ana)
    assert dan.is_up_to_date


def test_two_that_quarrelled_for_long_meet_in_an_older_epoch_that_neither_is_known_to_hold() -> None:
    """A search found them: what either is known to hold the other has forgotten, and their newest differ."""
    cell, (ana, bea, eva, dan) = cell_of(4)
    cell.sleep(1)
    common = bea.rotate()
    for device in (ana, eva, dan):
        device.meet(bea)
    eva.rotate(removing=dan.id)
    ana.meet(eva)
    eva.rotate()
    ana.meet(eva)
    bea.rotate(removing=eva.id)
    ana.meet(bea)
    for device in (ana, dan):
        for _ in range(4):
            device.rotate()
    first = EpochId(ana.id)
    assert (ana.keyring.holders.of(dan.id), dan.keyring.holders.of(ana.id)) == (first, first)
    assert not ana.keyring.epochs.keeps(first)
    assert {*ana.keyring.epochs.recent}.isdisjoint(dan.keyring.epochs.recent)
    assert common not in {*ana.keyring.epochs.recent, *dan.keyring.epochs.recent}
    assert [dan.reaches(ana), ana.reaches(dan)] == [common, common]
    assert dan.meet(ana)
    cell.all_meet(ana, dan, bea)
    assert ana.keyring.epochs.newest == dan.keyring.epochs.newest == bea.keyring.epochs.newest


def test_whoever_was_held_to_be_removed_and_is_suspended_stays_accepted() -> None:
    """Who heard of one of two removals first forgot what the other one holds, and never spoke to it again."""
    cell, (ana, bea, eva, dan) = cell_of(4)
    cell.sleep(1)
    held = bea.keyring.epochs.newest
    ana.rotate(removing=bea.id)
    bea.rotate(removing=ana.id)
    eva.hear(ana)
    assert eva.keyring.holders.of(bea.id) is None
    eva.hear(bea)
    assert bea.id in eva.known.heard - eva.active.keys()
    assert eva.keyring.holders.of(bea.id) == held
    away(cell, eva, dan)
    assert eva.keyring.epochs.keeps(held)
