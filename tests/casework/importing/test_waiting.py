"""Waiting rows come back unchanged and in order, any number of times; only few are unpacked at a time."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.casework.importing import waiting as module
from cellsync.casework.importing.waiting import Waiting, WaitingRow

values = (
    st.none() | st.integers(-9, 9) | st.text(max_size=5) | st.lists(st.text(max_size=3) | st.booleans(), max_size=3)
)
places = st.tuples(st.sampled_from(["title", "names"]), st.sampled_from(["", "name"]))
documents = st.dictionaries(
    st.sampled_from(["case", "person"]), st.dictionaries(places, st.lists(values, max_size=2), max_size=3)
)
rows = st.builds(
    WaitingRow, st.integers(1, 99_999), st.text(max_size=8), st.sampled_from([0, 100, 40_000, 300_000]), documents
)


@given(st.lists(rows, max_size=12), st.sampled_from([0, 150, 8 << 20]))
def test_rows_come_back(said: list[WaitingRow], uncompressed: int) -> None:
    waiting = Waiting()
    with mock.patch.object(module, "_UNCOMPRESSED", uncompressed):
        for row in said:
            waiting.append(row)
    assert list(waiting) == list(waiting) == said
    assert len(waiting) == len(said)


@pytest.mark.parametrize(("uncompressed", "fraction"), [(0, 4), (8 << 20, 1), (300_000, 2)])
def test_a_row_that_waits_takes_a_fraction_of_its_values(
    uncompressed: int, fraction: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_UNCOMPRESSED", uncompressed)
    documents: dict[str, dict[tuple[str, str], list[Any]]] = {
        "case": {(f"field {number}", ""): [f"value {number}"] for number in range(30)}
    }
    waiting = Waiting()
    for line in range(2_000):
        waiting.append(WaitingRow(line, f"XX-{line}", 500, documents))
    held = sum(len(block) for _, block in waiting._blocks)
    assert held < 2_000 * 500 / fraction
    assert sum(len(block) for compressed, block in waiting._blocks if not compressed) <= uncompressed
    assert len(waiting._last) * 500 <= 65_000


def test_nothing_of_a_row_is_shown_where_it_is_printed() -> None:
    waiting = Waiting()
    waiting.append(WaitingRow(2, "Secretova", 10, {"case": {("title", ""): ["Secretova"]}}))
    assert "Secretova" not in f"{waiting!r} {list(waiting)!r}"
