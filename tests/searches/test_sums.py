from __future__ import annotations

import pytest

from tests.searches import sums
from tests.searches.registry import SEARCHES
from tests.searches.sums import Sum

TEXT = """\
# Search

| search | one history | histories | next seed | counterexamples | open | last run |
|---|---|---:|---:|---:|---|---|
| one | a first thing | 12,345 | 17 | 2 | seed 17 | 2026-01-31 |
| two | a second | 0 | 0 | 0 | – | – |

What comes after it.
"""
READ = {
    "one": Sum("a first thing", 12_345, 17, 2, True, "2026-01-31"),
    "two": Sum("a second"),
}


def test_sums_are_read_and_written() -> None:
    assert sums.read(TEXT) == READ
    assert sums.write(TEXT, READ) == TEXT
    more = READ | {"three": Sum("a third", 1, 1, 0, False, "2026-02-01")}
    assert sums.read(sums.write(TEXT, more)) == more


@pytest.mark.parametrize(
    "text", [TEXT.replace("| 17 |", "| many |"), TEXT.replace("| a second", "| a | b"), "# Search\n"]
)
def test_a_table_that_was_spoilt_is_not_written_over(text: str) -> None:
    with pytest.raises(ValueError, match="row of the sums" if "|---" in text else "not there"):
        sums.write(text, sums.read(text))


def test_the_next_run_goes_on() -> None:
    one = Sum("it").plus("it", 100, 10, False, "2026-01-01")
    assert one == Sum("it", 100, 10, 0, False, "2026-01-01")
    assert one.plus("said better", 30, 3, False, "2026-01-02") == Sum("said better", 130, 13, 0, False, "2026-01-02")


def test_a_counterexample_stays_open_and_counts_once() -> None:
    found = Sum("it", 100, 10).plus("it", 30, 3, True, "2026-01-01")
    assert found == Sum("it", 130, 13, 1, True, "2026-01-01")
    still = found.plus("it", 0, 0, True, "2026-01-02")
    assert still == Sum("it", 130, 13, 1, True, "2026-01-02")
    mended_and_another = still.plus("it", 20, 2, True, "2026-01-03")
    assert mended_and_another == Sum("it", 150, 15, 2, True, "2026-01-03")
    assert mended_and_another.plus("it", 20, 2, False, "2026-01-04") == Sum("it", 170, 17, 2, False, "2026-01-04")


def test_the_sums_of_the_project_can_be_read() -> None:
    known = sums.read(sums.DOCUMENT.read_text(encoding="utf-8"))
    assert known.keys() <= SEARCHES.keys(), "a search that is gone: keep its row above the table, in words"
