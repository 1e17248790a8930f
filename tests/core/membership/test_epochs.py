"""Epochs: the founder can open the first rotation, and a forged clock burns no keys."""

from __future__ import annotations

from typing import Any

import pytest

from cellsync.core.crypto import ratchet
from cellsync.core.errors import InvalidValue, Malformed
from cellsync.core.ids import BranchState, CircleId, Day, EpochId, EpochSecret, MemberId, Millis, SealSecret
from cellsync.core.membership import control, epochs
from cellsync.core.membership.control import Found
from cellsync.core.membership.epochs import Epochs
from cellsync.core.replica import founding
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from cellsync.core.wire.tags import Kind

DAY = 86_400_000
NOW = Millis(20_000 * DAY + 7)


def founded() -> tuple[founding.Founding, Found, SealSecret]:
    secrets = founding.device_secrets(bytes(range(96)))
    made = founding.found("Mill Street", "Ana", secrets.public, NOW, bytes(founding.ENTROPY))
    found = control.decode(Kind.FOUND, made.intention.shape, made.intention.content)
    assert isinstance(found, Found)
    return made, found, secrets.seal


def test_the_first_rotation_opens_to_the_states_of_the_founder() -> None:
    made, found, seal = founded()
    opened = epochs.open_rotation(found.rotation, seal, NOW)
    assert opened.encode() == made.branches.encode()


def test_a_rotation_that_is_not_ours_or_not_yet_or_not_what_it_says() -> None:
    _, found, seal = founded()
    stranger = founding.device_secrets(bytes(reversed(range(96)))).seal
    with pytest.raises(Malformed):
        epochs.open_rotation(found.rotation, stranger, NOW)
    with pytest.raises(Malformed):
        epochs.open_rotation(found.rotation._replace(commitment=bytes(32)), seal, NOW)
    assert epochs.open_rotation(found.rotation, seal, Millis(NOW - DAY)).day == 20_000
    with pytest.raises(InvalidValue):
        epochs.open_rotation(found.rotation, seal, Millis(NOW - 2 * DAY))


@pytest.mark.parametrize(
    ("days", "attested"),
    [({}, None), ({"me": 9}, None), ({"b": 5}, 5), ({"b": 9, "c": 5}, 5), ({"b": 9, "c": 5, "d": 7}, 7)],
)
def test_two_others_attest_a_day_or_the_only_other(days: dict[str, int], attested: int | None) -> None:
    newest = [(MemberId(name.encode()), Millis(day * DAY)) for name, day in days.items()]
    assert epochs.attested_day(newest, MemberId(b"me")) == attested


def test_neither_our_clock_nor_theirs_alone_deletes() -> None:
    far = Millis(NOW + 1_000 * DAY)
    assert epochs.oldest_needed(far, None) is None
    assert epochs.oldest_needed(far, Day(20_000)) == 19_999
    assert epochs.oldest_needed(NOW, Day(30_000)) == 19_999


def test_the_oldest_day_is_the_first_whose_key_opens() -> None:
    made, _, _ = founded()
    held = Epochs(CircleId(made.circle))
    held.add(EpochId(b"a" * 32), made.branches.at(Day(20_010)))
    held.add(EpochId(b"b" * 32), made.branches)
    assert held.oldest == 20_000
    assert held.forget_before(Day(20_005))
    assert held.oldest == 20_005
    for day in range(20_003, 20_008):
        assert all(key.day >= held.oldest for key in held.session_keys(Millis(day * DAY)))


@pytest.mark.parametrize(
    "kept", [5, None, {}, {"a": []}, [5], [[]], [[bytes(31), [1, *[bytes(32)] * 4]]], [[bytes(32), [1]]], [[bytes(32)]]]
)
def test_another_record_of_epochs_is_refused(kept: Any) -> None:
    """An integer, say, was a TypeError."""
    with pytest.raises(Malformed):
        Epochs.decode(CircleId(bytes(32)), codec.encode(kept))


def holding(first: int, epochs_held: int = 1) -> Epochs:
    made, _, _ = founded()
    held = Epochs(CircleId(made.circle))
    for number in range(epochs_held):
        held.add(EpochId(bytes([number]) * 32), made.branches.at(Day(first)))
    return held


def days_of(held: Epochs, *others: int, at: int = 20_010) -> list[int]:
    return [key.day for key in held.session_keys(Millis(at * DAY), map(Day, others))]


def test_days_of_other_clocks_are_accepted_beside_ones_own() -> None:
    held = holding(20_000)
    assert days_of(held) == [20_010, 20_009, 20_011]
    assert days_of(held, 20_013) == [20_010, 20_009, 20_011, 20_013, 20_012, 20_014]
    assert days_of(held, 20_011, 20_009, 20_010) == [20_010, 20_009, 20_011]  # its own window holds them
    assert days_of(held, 20_012) == [20_010, 20_009, 20_011, 20_012, 20_013]
    assert set(days_of(held, 20_003, 20_050)) == {
        20_009,
        20_010,
        20_011,
        20_002,
        20_003,
        20_004,
        20_049,
        20_050,
        20_051,
    }


def test_no_state_that_is_gone_comes_back_for_another_clock() -> None:
    held = holding(20_009)
    assert days_of(held, 20_007, 20_000) == [20_010, 20_009, 20_011]
    assert not held.keys_on(Day(20_008))
    assert not held.calling_keys([Day(20_008)])
    assert [key.day for key in held.calling_keys(map(Day, (20_050, 20_008, 20_010, 20_050)))] == [20_050, 20_010]
    assert held.forget_before(Day(20_020))
    assert not held.keys_on(Day(20_019))
    assert set(days_of(held, 20_012, 20_019, at=20_020)) == {20_020, 20_021}


def test_how_many_other_days_there_are_is_bounded() -> None:
    """Whatever members claim: the nearest count, and a stranger's knock costs so many hashes at most."""
    held = holding(20_000, epochs_held=5)
    at = 20_400
    others = [*range(at - 390, at + 390, 5), at + 401, at + 3_000, 1 << 40, 0]
    keys = days_of(held, *others, at=at)
    assert len(keys) == epochs.NEWEST * (3 + 3 * epochs.OTHER_DAYS)
    assert max(abs(day - at) for day in keys) <= 5 * epochs.OTHER_DAYS
    assert days_of(held, at + epochs.SPAN + 1, at=at) == days_of(held, at=at)
    assert at + epochs.SPAN in days_of(held, at + epochs.SPAN, at=at)


def test_keys_are_made_once_and_few_are_kept() -> None:
    held = holding(20_000, epochs_held=2)
    (first, second) = held.keys_on(Day(20_005))
    assert first.epoch == bytes([1]) * 32
    assert held.keys_on(Day(20_005))[1] is second
    for day in range(20_010, 20_600):
        held.keys_on(Day(day))
    assert len(held._made) <= 256


def test_a_key_of_beacons_is_made_once_and_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a clock that is years off, 4,000 hashes were made with each beacon that anybody showed."""
    held, made = holding(20_000), []
    real = ratchet.ratchet

    def counted(state: BranchState, before: Day, after: Day) -> BranchState:
        made.append(after)
        return real(state, before, after)

    monkeypatch.setattr(ratchet, "ratchet", counted)
    assert held.discovery_key(held.newest, Day(23_999)) == held.discovery_key(held.newest, Day(23_999))
    assert made == [23_999]
    for day in range(20_010, 20_600):
        held.discovery_key(held.newest, Day(day))
    assert len(held._discovery) <= 256
    gone = held.discovery_key(held.newest, Day(20_001))
    held.forget_before(Day(20_500))
    assert not held._discovery, "what is forgotten is not kept here"
    assert held.discovery_key(held.newest, Day(20_001)) == held.discovery_key(held.newest, Day(20_500)) != gone


def test_beacons_of_another_day_are_under_that_days_key_or_the_first_held() -> None:
    held = holding(20_009)
    today = held.today(Millis(20_010 * DAY)).discovery
    assert held.discovery_key(held.newest, Day(20_010)) == today
    assert held.discovery_key(held.newest, Day(20_000)) == held.discovery_key(held.newest, Day(20_009)) != today
    assert held.discovery_key(held.newest, Day(20_009 + 4_001)) is None


def test_an_older_epoch_keeps_how_absent_devices_call_and_show_themselves() -> None:
    """And gets rid of earlier days like the others. What an earlier build kept has no way to see them."""
    held = holding(20_000)
    [first] = held.recent
    shown, heights = held.discovery_key(first, Day(20_030)), {first: 1}
    for number in range(1, 5):
        epoch = EpochId(bytes([number]) * 32)
        heights[epoch] = 10 * number
        held.take(epoch, ratchet.branches(EpochSecret(bytes([number]) * 32), Day(20_000)))
        held.decide(epoch, lambda one: (heights[one], one), (1, first))
    assert first in held.older
    assert held.discovery_key(first, Day(20_030)) == shown
    held.forget_before(Day(20_020))
    assert held.discovery_key(first, Day(20_030)) == shown
    assert held.discovery_key(first, Day(20_000)) == held.discovery_key(first, Day(20_020))
    again = Epochs.decode(held.circle, held.encode(), held.encode_older())
    assert again.discovery_key(first, Day(20_030)) == shown
    assert again.since((1, first)) == held.since((1, first)) == [*held.recent, *held.older]
    assert again.since((2, first)) == [epoch for epoch in again.since((1, first)) if epoch != first]
    assert again.since(None) == again.recent
    rows = [row[:4] for row in codec.decode(held.encode_older(), 1 << 16, Rule.CAP_KEPT)]
    before = Epochs.decode(held.circle, held.encode(), codec.encode(rows))
    assert before.discovery_key(first, Day(20_030)) is None
    assert list(Epochs.decode(held.circle, before.encode(), before.encode_older()).older) == list(held.older)
    for junk in ([bytes(32), 1, 20_000, bytes(32), bytes(31)], [bytes(32), 1, 20_000, bytes(32), None, None], [1]):
        with pytest.raises(Malformed):
            Epochs.decode(held.circle, held.encode(), codec.encode([junk]))


def test_a_caller_tries_the_older_epochs_that_it_keeps_the_newest_first() -> None:
    held = holding(20_000, epochs_held=6)
    ids = [EpochId(bytes([number]) * 32) for number in range(6)]
    held.decide(ids[5], lambda epoch: (ids.index(epoch), epoch), (1, ids[1]))
    assert [(key.epoch, key.day) for key in held.older_keys(Day(20_005))] == [(ids[2], 20_005), (ids[1], 20_005)]
    assert {key.epoch for key in held.calling_keys([Day(20_005)])}.isdisjoint(ids[:3])
    assert held.older_keys(Day(19_999)) == [], "its states are gone"
