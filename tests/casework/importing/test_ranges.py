"""Ranges: their first day and their last."""

from __future__ import annotations

import pytest

from cellsync.casework.importing.cells import BadCell
from cellsync.casework.importing.ranges import first_day, last_day


@pytest.mark.parametrize(
    ("cell", "since", "until"),
    [
        ("2024-03-05~2024-09-01", "2024-03-05", "2024-09-01"),
        ("2024-05-03 -", "2024-05-03", ""),
        ("2019–2021", "2019", "2021"),
        ("3 мая – 5 июня 2024", "2024-05-03", "2024-06-05"),
        ("03.05.–05.06.2024", "2024-05-03", "2024-06-05"),
        ("from May 2023 to March 2024", "2023-05", "2024-03"),
        ("с 2019 по н.в.", "2019", ""),
        ("ад 3 мая 2024", "2024-05-03", ""),
        ("2024-03-05 to now", "2024-03-05", ""),
        ("1 грудня 2023 до 3 травня 2024", "2023-12-01", "2024-05-03"),
    ],
)
def test_both_ends_are_read(cell: str, since: str, until: str) -> None:
    assert ["".join(map(str, one(cell))) for one in (first_day, last_day)] == [since, until]


@pytest.mark.parametrize("cell", ["3-4 мая 2024", "с 3 по 5 мая 2024", "декабрь – январь 2024", "с мая", "до 1985"])
def test_what_lacks_more_than_a_year_is_not_guessed(cell: str) -> None:
    for one in (first_day, last_day):
        with pytest.raises(BadCell):
            one(cell)
