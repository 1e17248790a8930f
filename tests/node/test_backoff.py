from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from cellsync.node.backoff import Backoff


@given(st.integers(), st.integers(1, 40))
def test_it_doubles_up_to_the_most_and_starts_again_after_a_success(seed: int, failures: int) -> None:
    backoff = Backoff(Random(seed), first=1, most=60)
    for failure in range(failures):
        ceiling = min(2**failure, 60)
        assert ceiling / 2 <= backoff.next() <= ceiling
    backoff.reset()
    assert backoff.next() <= 1


def test_two_devices_are_not_in_step() -> None:
    one, other = Backoff(Random(1)), Backoff(Random(2))
    assert [one.next() for _ in range(5)] != [other.next() for _ in range(5)]
