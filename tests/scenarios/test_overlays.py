"""Many devices, some of which lie about what they hold: all honest devices get everything soon, and cheaply."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scenarios.overlays import Lies, Script, history, play, two_groups


@settings(max_examples=4)
@given(st.integers(0, 1 << 32))
def test_whoever_lies_all_that_are_honest_get_everything_soon(seed: int) -> None:
    history(seed)


@pytest.mark.parametrize("seed", range(2))
def test_one_connection_between_two_groups_is_enough(seed: int) -> None:
    """A device that was passed by asked three others, and told those behind it a minute later: 21.5 s late and more."""
    play(two_groups(5), seed)


def test_all_lies_at_once() -> None:
    liars = {3: Lies(denies=True), 7: Lies(invents=True, lag=3.0)}
    steps = [("lure", 0), ("write", 0), ("drop", 1), ("lure", 1), ("write", 4), ("turn", 0), ("write", 5)]
    play(Script(9, liars, frozenset(), steps), 1)
