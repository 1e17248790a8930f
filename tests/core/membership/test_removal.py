"""Removals: when one is about nothing but the author's own devices."""

from __future__ import annotations

import pytest

from cellsync.core.ids import DeviceId, MemberId
from cellsync.core.membership.removal import Leave, Remove, read_leave

FIRST, OTHER, STRANGER = (DeviceId(bytes([number]) * 32) for number in (1, 2, 3))
MEMBER = MemberId(FIRST)


@pytest.mark.parametrize(
    ("targets", "alone", "expected"),
    [
        ([OTHER], [], True), ([OTHER], [OTHER], True), ([FIRST], [FIRST], True), ([FIRST, OTHER], [FIRST], True),
        ([FIRST], [], False), ([FIRST, OTHER], [OTHER], False), ([STRANGER], [], False), ([OTHER, STRANGER], [], False),
    ],
)  # fmt: skip
def test_one_s_own_devices(targets: list[DeviceId], alone: list[DeviceId], expected: bool) -> None:
    """The first device's id means the whole member, unless it is alone: who removes themselves leaves."""
    assert Remove(tuple(targets), tuple(alone)).is_only_of(MEMBER, {FIRST, OTHER}) is expected


def test_leaving_is_an_operation_like_others() -> None:
    assert bool(read_leave([], None)) is True  # an empty tuple would count as false
    assert read_leave([], None) == Leave()
    assert read_leave((), []) is None
