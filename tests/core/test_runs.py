"""Sorting in runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core import runs
from cellsync.core.runs import in_order


@given(st.lists(st.tuples(st.binary(max_size=2), st.integers())), st.integers(1, 5))
def test_what_is_sorted_in_runs_is_sorted(things: list[tuple[bytes, int]], length: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "LENGTH", length)
        assert list(in_order(iter(things))) == sorted(things)
