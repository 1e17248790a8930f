"""Epochs: the first rotation opens to what its founder holds, and a forged clock burns nothing."""

from __future__ import annotations

import pytest

from cellsync.core import founding
from cellsync.core.errors import InvalidValue, Malformed, PeerError
from cellsync.core.ids import CircleId, Day, EpochId, MemberId, Millis, SealSecret
from cellsync.core.membership import control, epochs
from cellsync.core.membership.control import Found
from cellsync.core.membership.epochs import Epochs
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
    with pytest.raises(PeerError):
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
