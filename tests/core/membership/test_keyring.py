"""Keyrings: nobody who is active is shut out, and nobody who was removed opens what came after."""

from __future__ import annotations

import pytest

from cellsync.core.ids import EpochId
from tests.core.membership.captures import cell_of, check_live, check_removed, live


def test_the_first_week_passes_under_the_epoch_that_was_handed_over_in_pairings() -> None:
    _cell, devices = cell_of(3)
    assert {device.keyring.epochs.newest for device in devices} == {EpochId(devices[0].id)}
    assert all(device.is_up_to_date for device in devices)


def test_one_device_rotates_each_week_and_all_open_it() -> None:
    cell, devices = cell_of(4)
    begun = []
    for _ in range(35):
        cell.sleep(1)
        cell.all_meet(*devices, rounds=1)
    cell.all_meet(*devices)
    assert all(device.is_up_to_date for device in devices)
    begun = [held for held in devices[0].rotations.values() if held.epoch != EpochId(devices[0].id)]
    assert len(begun) == 5
    assert not cell.handed


def test_the_next_one_rotates_after_a_days_silence() -> None:
    cell, devices = cell_of(4)
    cell.sleep(7)
    for device in devices:
        device.step()
    [first] = [device for device in devices if device.duties.turn is not None and device.duties.turn.place == 0]
    rest = [device for device in devices if device is not first]
    cell.all_meet(*rest)
    assert len(rest[0].rotations) == 1
    cell.sleep(1)
    cell.all_meet(*rest)
    assert len(rest[0].rotations) == 2
    assert all(device.is_up_to_date for device in rest)


def test_a_member_who_was_away_for_six_months_and_five_rotations_comes_back_over_a_session() -> None:
    cell, (ana, bea, eva, dan) = cell_of(4)
    cell.sleep(8)
    cell.all_meet(ana, bea, eva, dan)
    for _ in range(5):
        cell.sleep(30)
        cell.all_meet(ana, bea, eva)
        cell.sleep(6)
        cell.all_meet(ana, bea, eva)
    assert len(ana.rotations) >= 6
    assert ana.keyring.holders.of(dan.id) not in ana.keyring.epochs.recent
    for other in (ana, bea, eva):
        assert dan.reaches(other)
        assert other.reaches(dan)
    assert dan.meet(eva)
    dan.work()
    assert dan.is_up_to_date
    assert not cell.handed, "its wraps open, because nobody has seen a newer seal key of it"


def test_the_epoch_that_is_kept_for_one_device_is_accepted_from_no_other() -> None:
    cell, (ana, bea, eva, dan) = cell_of(4)
    cell.sleep(8)
    cell.all_meet(ana, bea, eva, dan)
    for _ in range(6):
        cell.sleep(8)
        cell.all_meet(ana, bea, eva)
    old = ana.keyring.holders.of(dan.id)
    assert old is not None
    assert old in ana.keyring.epochs.older
    assert ana.keyring.epochs.accepts(old, [ana.keyring.holders.rank(dan.id)])
    assert not ana.keyring.epochs.accepts(old, [ana.keyring.holders.rank(bea.id)])
    assert not ana.keyring.epochs.accepts(old, [])
    cell.sleep(401)
    cell.all_meet(ana, bea, eva)
    assert ana.keyring.holders.of(dan.id) is None
    assert not ana.keyring.epochs.older
    assert not dan.reaches(ana)


def test_two_rotate_at_once_and_a_third_seals_to_both() -> None:
    cell, (ana, bea, eva) = cell_of(3)
    cell.sleep(1)
    one, other = ana.rotate(), bea.rotate()
    assert ana.reaches(bea)
    eva.meet(ana)
    eva.meet(bea)
    assert {one, other} <= set(eva.keyring.epochs.recent)
    third = eva.rotate()
    cell.all_meet(ana, bea, eva)
    for device in (ana, bea, eva):
        assert device.keyring.epochs.newest == third
    assert not cell.handed


@pytest.mark.parametrize("ahead", [2, 400, 5_000])
def test_a_clock_set_forward_burns_nothing(ahead: int) -> None:
    """Its rotation is the chosen one, and waits: everybody stays in the epoch before, and the week goes on."""
    cell, (ana, bea, eva) = cell_of(3)
    cell.sleep(1)
    before = ana.keyring.epochs.newest
    eva.ahead = ahead
    eva.step()
    eva.rotate()
    eva.ahead = 0
    eva.step()
    for device in (ana, bea):
        device.hear(eva)
        assert device.keyring.epochs.newest == before
        assert device.keyring.waits_until == ana.today + ahead - 1
        assert device.keyring.wanted is None
    ana.meet(bea)
    cell.sleep(7)
    cell.all_meet(ana, bea)
    cell.sleep(2)
    cell.all_meet(ana, bea)
    assert ana.is_up_to_date
    assert bea.is_up_to_date
    assert ana.keyring.epochs.newest != before
    assert eva.meet(ana), "it was in the epoch before, and is known to hold it"
    eva.work()
    assert eva.keyring.epochs.holds(ana.keyring.epochs.newest)


def test_a_clock_set_back_begins_no_epoch_in_the_past() -> None:
    cell, (ana, bea, eva) = cell_of(3)
    cell.sleep(30)
    cell.all_meet(ana, bea, eva)
    eva.ahead = -10_000
    begun = eva.rotate()
    assert eva.rotations[eva.keyring.epochs.newest].rotation.day >= cell.day - 1
    ana.hear(eva)
    assert ana.keyring.epochs.newest == begun


def test_a_device_that_a_rotation_did_not_know_of_is_handed_todays_states() -> None:
    cell, (ana, bea, _eva) = cell_of(3)
    cell.sleep(1)
    dan = ana.admit()
    begun = bea.rotate()
    ana.hear(bea)
    assert begun in ana.keyring.epochs.recent
    cell.sleep(3)
    assert dan.meet(ana)
    assert dan.is_up_to_date
    assert cell.handed == [(begun, dan.id)]
    assert dan.had[ana.keyring.epochs.newest].day == dan.today


def test_one_who_locks_out_a_member_locks_out_nobody() -> None:
    """The wrap is false: the victim is handed the states, and rejects alone, so that the epoch stands."""
    cell, (ana, bea, eva) = cell_of(3)
    cell.sleep(1)
    bea.active[eva.id] = bea.active[eva.id]._replace(seal=ana.active[ana.id].seal)
    begun = bea.rotate()
    eva.hear(bea)
    assert eva.duties.rejects == [begun]
    eva.work()
    assert eva.duties.rejects == []
    assert eva.keyring.epochs.newest != begun
    assert eva.meet(ana)
    ana.hear(bea)
    assert eva.meet(ana)
    assert eva.is_up_to_date
    assert cell.handed == [(begun, eva.id)]


def test_devices_for_whose_wraps_there_is_no_room_are_sent_them_in_the_same_step() -> None:
    cell, (ana, bea, eva) = cell_of(3)
    cell.room = 2_800
    begun = ana.rotate()
    assert sum(wrap is not None for wrap in ana.rotations[ana.keyring.epochs.newest].rotation.devices.values()) < 3  # type: ignore[union-attr]
    for device in (bea, eva):
        device.hear(ana)
        assert device.keyring.epochs.newest == begun


def test_the_epoch_of_before_a_removal_is_not_sealed_under() -> None:
    _, (ana, bea, eva, dan) = cell_of(4)
    before = ana.keyring.epochs.newest
    bea.rotate(removing=eva.id)
    ana.hear(bea)
    chosen = ana.keyring.chosen(ana.facts())
    assert chosen is not None
    assert chosen != before
    assert before in ana.keyring.epochs.recent, "whoever has not heard calls under it"
    assert dan.reaches(ana) == before
    assert eva.keyring.epochs.newest == before
    assert eva.reaches(ana) is None, "a removed device gets silence"
    assert eva.reaches(dan) == before, "from whoever has heard of it"


def test_two_halves_that_were_apart_for_two_months_meet_again() -> None:
    """Each has rotated several times, and neither has any of the other's epochs."""
    cell, (ana, bea, eva, dan) = cell_of(4)
    for _ in range(9):
        cell.sleep(8)
        cell.all_meet(ana, bea)
        cell.all_meet(eva, dan)
    cell.sleep(1)
    cell.all_meet(ana, dan)
    cell.all_meet(ana, bea, eva, dan)
    assert len({device.keyring.epochs.newest for device in (ana, bea, eva, dan)}) == 1
    assert all(device.is_up_to_date for device in (ana, bea, eva, dan))


# --- who stays apart ------------------------------------------------------------------------------------------


def test_those_whom_a_removed_device_alone_admitted_stay_apart_and_are_no_members() -> None:
    """A search took them for members who were shut out: it let every admission count, whoever had been removed."""
    cell, (ana, bea, dan) = cell_of(3)
    cell.sleep(1)
    ana.rotate(removing=dan.id)
    bea.meet(ana)
    eva = dan.admit()
    fay = eva.admit()
    eva.rotate(removing=dan.id)
    fay.meet(eva)
    cell.sleep(8)
    assert check_live(cell) == 2, "ana and bea, eva and fay"
    assert not eva.reaches(ana)
    assert not fay.reaches(bea)
    everything = cell.written.known((1 << len(cell.written.entries)) - 1)
    assert everything.active.keys() == {ana.id, bea.id}
    assert check_removed(cell)


def test_whoever_was_removed_is_not_answered_and_does_not_bring_what_would_undo_it() -> None:
    """A search expected of all that what all have written decides; it does where it is heard."""
    cell, (ana, bea, eva, dan) = cell_of(4)
    cell.sleep(1)
    eva.rotate(removing=dan.id)
    eva.rotate(removing=bea.id)
    for device in (ana, dan):
        device.meet(eva)
    bea.rotate(removing=eva.id)
    everything = cell.written.known((1 << len(cell.written.entries)) - 1)
    assert {ana.id, bea.id} <= everything.active.keys(), "her word weighs, and that of eva does not"
    assert eva.id not in everything.active
    check_live(cell)
    assert not bea.reaches(ana)
    assert bea.id in ana.known.gone


def test_a_newcomer_of_an_earlier_epoch_comes_in_with_whoever_is_known() -> None:
    cell, (ana, bea, eva) = cell_of(3)
    cell.sleep(1)
    dan = eva.admit()
    bea.rotate()
    ana.meet(bea)
    assert not dan.meet(ana), "nobody there has heard of it, and it is not in the epoch in use"
    assert eva.meet(ana)
    assert dan.meet(ana)
    assert dan.is_up_to_date


# --- random histories -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
def test_a_removed_device_opens_nothing_newer_and_nobody_else_is_shut_out(seed: int) -> None:
    cell = live(seed)
    check_removed(cell)
    assert check_live(cell)
    check_removed(cell)


@pytest.mark.slow
def test_no_removed_device_of_many_cells_opens_anything_newer() -> None:
    tried = pairs = 0
    for seed in range(1_000, 1_040):
        cell = live(seed, days=60)
        pairs += check_live(cell)
        tried += check_removed(cell)
    assert tried > 400
    assert pairs > 100
