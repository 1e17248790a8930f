"""Sorting in runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core import runs
from cellsync.core.runs import by_id, in_order


@given(st.lists(st.tuples(st.binary(max_size=2), st.integers())), st.integers(1, 5))
def test_what_is_sorted_in_runs_is_sorted(things: list[tuple[bytes, int]], length: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "LENGTH", length)
        assert list(in_order(iter(things))) == sorted(things)


@given(st.lists(st.binary(min_size=1, max_size=2)), st.integers(1, 5))
def test_numbers_are_sorted_by_their_ids(ids: list[bytes], length: int) -> None:
    named = dict(enumerate(ids, start=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "LENGTH", length)
        assert list(by_id(named, named)) == sorted(named, key=named.__getitem__)
