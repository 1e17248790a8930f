"""The committed example data is what its generator writes, and contains everything that importers trip over."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from examples.data import generate_cases as generator

DATA = Path(generator.__file__).parent


def read(content: bytes, encoding: str = "utf-8") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(encoding), newline="")))


@pytest.mark.parametrize("name", generator.files())
def test_committed_file_is_what_the_generator_writes(name: str) -> None:
    assert (DATA / name).read_bytes() == generator.files()[name], "run examples/data/generate_cases.py"


def test_csv_survives_a_round_trip() -> None:
    assert read(generator.files()["cases.csv"]) == generator.good_rows()


def test_good_rows_are_five_hundred_different_cases() -> None:
    rows = generator.good_rows()
    assert len({row["external_id"] for row in rows}) == len(rows) == 500
    assert all(row["external_id"] for row in rows)


def test_good_rows_have_what_importers_trip_over() -> None:
    rows = generator.good_rows()
    letters = "".join(row["name"] + row["note"] for row in rows)
    assert set("ўіыщłżśóABC") <= set(letters)  # Belarusian, Russian, Polish, English
    assert {len(row["detained_on"]) for row in rows} == {0, 1, 4, 7, 10}  # "", "?", year, month, day
    assert sum(row["name"] == "" for row in rows) > 2
    assert any("\n" in row["note"] for row in rows)
    assert any('"' in row["note"] and "," in row["note"] for row in rows)
    assert any(row["note"].startswith("=") for row in rows)


def test_broken_rows_still_have_good_ones_between_them() -> None:
    rows = read(generator.files()["cases-with-errors.csv"])
    unchanged = [row for row in rows if row in generator.good_rows()]
    assert (len(rows), len(unchanged)) == (12, 3)


def test_cp1251_holds_most_rows_and_not_the_polish_ones() -> None:
    rows = [row for row in generator.good_rows() if generator.fits(row, "cp1251")]
    assert 300 < len(rows) < 500
    assert read(generator.as_csv(rows).encode("cp1251"), "cp1251") == rows
