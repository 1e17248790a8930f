"""Ids and tables in shapes: ascending, all different, and as many as there may be."""

from __future__ import annotations

from typing import Any

import pytest

from cellsync.core.membership.rows import ids, is_id, table

ONE, TWO, THREE = (bytes([number]) * 32 for number in (1, 2, 3))


@pytest.mark.parametrize("value", [[ONE], [ONE, TWO]])
def test_ids(value: Any) -> None:
    assert ids(value, 1, 2) == tuple(value)


@pytest.mark.parametrize("value", [
    [], [ONE, TWO, THREE], [TWO, ONE], [ONE, ONE], [ONE[1:]], [ONE + b"\0"], ["1" * 32], [[ONE]], [ONE, None], None,
    ONE, {"a": ONE},
])  # fmt: skip
def test_no_ids(value: Any) -> None:
    assert ids(value, 1, 2) is None


def test_a_table() -> None:
    rows = [[ONE, 1], [TWO, 0]]
    assert table(rows, is_id, lambda found: found in (0, 1), 0, 2) == {ONE: 1, TWO: 0}
    assert table([], is_id, bool, 0, 2) == {}


@pytest.mark.parametrize("value", [
    [[ONE, 1], [TWO, 1], [THREE, 1]], [], [[TWO, 1], [ONE, 1]], [[ONE, 1], [ONE, 1]], [[ONE, 0]], [[ONE]],
    [[ONE, 1, 1]], [ONE, 1], [[1, 1], [ONE, 1]], [[[], 1]], None, {"a": 1}, [b"ab"],
])  # fmt: skip
def test_no_table(value: Any) -> None:
    assert table(value, is_id, lambda found: found == 1, 1, 2) is None
