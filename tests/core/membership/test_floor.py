"""The floor of a circle: whose words make it, and what is no `require`."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.ids import DeviceId, MemberId
from cellsync.core.membership.editions import OURS
from cellsync.core.membership.floor import Require, encode, floor
from cellsync.core.wire import codec
from cellsync.core.wire.tags import Kind

SALT = b"\0" * 16
MEMBERS = [
    (MemberId(bytes([member]) * 32), DeviceId(bytes([device]) * 32)) for device, member in enumerate((0, 1, 1, 2))
]


def read(shape: Any, content: Any = None) -> object | None:
    return OURS.decode(Kind.REQUIRE, codec.encode(shape), SALT + codec.encode(content))


@pytest.mark.parametrize("edition", [1, 2, 255])
def test_what_is_written_is_read(edition: int) -> None:
    assert OURS.decode(Kind.REQUIRE, *encode(Require(edition), SALT)) == Require(edition)


@pytest.mark.parametrize("shape", [[], [0], [256], [-1], [True], [1.0], ["1"], [1, 1], 1, None, [[1]]])
def test_another_form_is_void(shape: Any) -> None:
    assert read(shape) is None


def test_a_content_is_void() -> None:
    assert read([1]) == Require(1)
    assert read([1], []) is None


def test_the_paper_needs_no_second_word() -> None:
    coordinators = [MEMBERS[0], MEMBERS[3]]
    assert floor({MEMBERS[0][1]: 9}, coordinators, [4]) == 4
    assert floor({MEMBERS[0][1]: 9, MEMBERS[3][1]: 5}, coordinators, [4]) == 5
    assert floor({}, [], [4, 2]) == 4


def test_the_founding_needs_nobody() -> None:
    """The least that was said at it: whoever forks there lowers it."""
    coordinators = [MEMBERS[0], MEMBERS[3]]
    assert floor({}, coordinators, founding=[2]) == floor({}, [], founding=[2, 255]) == 2
    assert floor({MEMBERS[0][1]: 9, MEMBERS[3][1]: 5}, coordinators, founding=[2]) == 5


@given(st.lists(st.integers(0, 5), min_size=4, max_size=4), st.sets(st.integers(0, 3)))
def test_two_members_make_a_floor(words: list[int], active: set[int]) -> None:
    coordinators = [MEMBERS[at] for at in sorted(active)]
    required = {MEMBERS[at][1]: word for at, word in enumerate(words) if word}
    naive = max(
        (
            edition
            for edition in range(1, 6)
            if len({member for member, device in coordinators if required.get(device, 1) >= edition})
            >= min(2, max(1, len({member for member, _ in coordinators})))
        ),
        default=1,
    )
    assert floor(required, coordinators) == naive
