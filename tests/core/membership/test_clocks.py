"""Clocks: a difference is bounded by the round trip, one member alone moves no shift, and stored clocks come back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.ids import DeviceId, MemberId, Millis
from cellsync.core.membership import clocks
from cellsync.core.membership.clocks import Clocks, Difference

DAY = 86_400_000
NOW = Millis(20_000 * DAY)


def device(number: int) -> DeviceId:
    return DeviceId(number.to_bytes(32, "big"))


def member_of(one: DeviceId) -> MemberId:
    """Two devices per member."""
    return MemberId((int.from_bytes(one, "big") // 2).to_bytes(32, "big"))


def told(*ahead: int) -> Clocks:
    """Each by another member."""
    made = Clocks()
    for number, one in enumerate(ahead):
        made.note(device(2 * number), Difference(one, 0, NOW))
    return made


@given(st.integers(-400 * DAY, 400 * DAY), st.floats(0, 60), st.floats(0, 1))
def test_the_true_difference_is_within_what_it_says(ahead: int, waited: float, when: float) -> None:
    """Whenever in that time the other clock was read."""
    read_at = NOW - round(waited * 1000 * when)
    found = clocks.compare(Millis(read_at + ahead), NOW, waited)
    assert abs(found.ahead - ahead) <= found.within + 1
    assert found.within <= waited * 500 + 1


@pytest.mark.parametrize(
    ("ahead", "notable"), [(0, False), (299_999, False), (300_000, True), (-300_000, True), (-40 * DAY, True)]
)
def test_from_five_minutes_on_it_is_worth_a_word(ahead: int, notable: bool) -> None:
    assert Difference(ahead, 0, NOW).notable is notable
    assert not Difference(ahead, abs(ahead), NOW).notable


@pytest.mark.parametrize(
    ("ahead", "shift"),
    [
        ((), None), ((5,), None), ((5, 5), 5), ((0, 40 * DAY), 0), ((-3, 40 * DAY), 0), ((7, 9), 7), ((-9, -7), -7),
        ((1, 2, 40 * DAY), 2), ((DAY, DAY, -40 * DAY), DAY), ((0, 1, 2, 3), 1),
    ],
)  # fmt: skip
def test_the_shift(ahead: tuple[int, ...], shift: int | None) -> None:
    assert told(*ahead).shift(member_of) == shift


@given(st.lists(st.integers(-1_000, 1_000), min_size=1, max_size=8), st.integers(-(1 << 60), 1 << 60))
def test_one_member_moves_the_shift_nowhere(honest: list[int], lie: int) -> None:
    """It stays among what the others say, or between that and no difference at all."""
    shift = told(*honest, lie).shift(member_of)
    assert shift is not None
    assert min(0, *honest) <= shift <= max(0, *honest)


def test_a_member_has_one_voice_and_no_member_none() -> None:
    made = Clocks()
    made.note(device(0), Difference(5 * DAY, 0, NOW))
    made.note(device(1), Difference(7, 0, NOW))  # the same member's other device, heard later
    assert made.shift(member_of) is None
    made.note(device(2), Difference(8, 0, NOW))
    assert made.shift(member_of) == 7
    assert made.shift(lambda _: None) is None


def test_the_latest_counts_and_few_are_kept() -> None:
    made = Clocks()
    made.note(device(0), Difference(5, 0, NOW))
    made.note(device(0), Difference(6, 1, Millis(NOW + 1)))
    assert made.of(device(0)) == Difference(6, 1, Millis(NOW + 1))
    for number in range(1, clocks.KEPT + 1):
        made.note(device(number), Difference(number, 0, NOW))
    assert made.of(device(0)) is None
    assert made.of(device(clocks.KEPT)) is not None
    assert len(made.encode()) < caps.ENTRY


@given(
    st.dictionaries(
        st.binary(min_size=32, max_size=32).map(DeviceId),
        st.builds(
            Difference, st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, 1 << 40),
            st.integers(0, 1 << 62).map(Millis),
        ),
        max_size=5,
    )
)  # fmt: skip
def test_what_is_kept_comes_back(held: dict[DeviceId, Difference]) -> None:
    back = Clocks.decode(Clocks(held).encode())
    assert all(back.of(one) == difference for one, difference in held.items())
    assert back.encode() == Clocks(held).encode()


@given(st.binary(max_size=60))
def test_what_cannot_be_read_is_forgotten(raw: bytes) -> None:
    Clocks.decode(raw)
    assert Clocks.decode(None).encode() == Clocks().encode()
