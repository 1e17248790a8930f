"""Tables as people really have them (`field/`): each arrives with the values that a caseworker expects.

`field/README.md` tells for each file what is expected; `expected.json` has the rows of four whole tables. All persons
are invented.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import trio

from cellsync.casework.importing import (
    Mapping,
    Reading,
    Report,
    UnreadableFile,
    import_cases,
    mapping_file,
    read_csv,
)
from cellsync.casework.importing.mapping import DOCUMENTS
from cellsync.casework.values.name import NameKind
from cellsync.cell.cell import Cell
from cellsync.core.errors import InvalidValue, NotFound
from cellsync.core.schema.schema import fields_of, kind_of
from tests.casework.tables import a_cell

FIELD = Path(__file__).with_name("field")
EXPECTED: dict[str, list[dict[str, Any]]] = json.loads((FIELD / "expected.json").read_text("utf-8"))
Found = dict[str, Any]


def mapping(file: str | None) -> Mapping | None:
    return None if file is None else Mapping.of(mapping_file.load(FIELD / file))


def reading(table: str, columns: str | None = None) -> Reading:
    return read_csv(FIELD / table, mapping(columns))


async def arrived(table: str, columns: str | None = None) -> tuple[Report, list[Found]]:
    """What stands in the documents of each row, after an import into an empty cell, by "document.field"."""
    async with a_cell() as cell:
        report = await import_cases(cell, FIELD / table, mapping=mapping(columns))
        return report, [await _row(cell, row.external) for row in reading(table, columns).rows]


async def _row(cell: Cell, external: str) -> Found:
    found: Found = {"external_id": external}
    for name, schema in DOCUMENTS.items():
        try:
            document: Any = await cell.get(schema, cell.case_id(kind_of(schema), external))
        except NotFound:
            continue
        for field in fields_of(schema):
            if hasattr(document, field):
                found[f"{name}.{field}"] = getattr(document, field)
        if name == "person":
            for key, kind in (("name", NameKind.LEGAL), ("alias", NameKind.ALIAS)):
                found[key] = next((one.text for one in document.names if one.kind is kind), None)
    return found


def as_expected(value: Any, expected: Any) -> Any:
    """A value as `expected.json` writes it."""
    if isinstance(expected, list):
        return sorted(map(str, value))
    if hasattr(value, "items") and not isinstance(value, str):
        return next((entry.text for entry in value), None)  # a timeline
    return None if value is None else str(value)


# --- whole tables ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", EXPECTED)
async def test_a_table_with_a_persons_own_mapping(table: str) -> None:
    report, rows = await arrived(table, table.replace(".csv", ".json"))
    check(report, rows, EXPECTED[table])


@pytest.mark.parametrize("table", EXPECTED)
async def test_the_same_table_without_any_mapping(table: str) -> None:
    report, rows = await arrived(table)
    expected = [dict(row) for row in EXPECTED[table]]
    if table == "kobo.csv":
        for row in expected:
            row.pop("episode.place", None)  # a form's "place" may be any
    check(report, rows, expected)


def check(report: Report, rows: list[Found], expected: list[Found]) -> None:
    assert (report.created, report.left_out, report.unread) == (len(expected), 0, [])
    for row, values in zip(rows, expected, strict=True):
        found = {key: as_expected(row.get(key), value) for key, value in values.items()}
        assert found == {key: sorted(one) if isinstance(one, list) else one for key, one in values.items()}


async def test_what_a_form_has_no_answer_to_stays_empty() -> None:
    _, [_, second] = await arrived("kobo.csv", "kobo.json")
    assert str(second["person.born"]) == "?"
    assert not list(second["case.timeline"])
    assert second["episode.place"] == ""
    assert "task.kind" not in second


async def test_a_period_that_is_not_over_has_no_end() -> None:
    _, [over, lasts] = await arrived("uwazi.csv", "uwazi.json")
    assert (str(over["episode.until"]), lasts["episode.until"]) == ("2024-09-01", None)


# --- lists with a column `expect` ------------------------------------------------------------------------------


def listed(table: str, field: str, name: str | None = None) -> list[Any]:
    """(the cell, what is expected, what arrived in a field; "refused" if the cell was not read)."""
    with (FIELD / table).open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    read = reading(table)
    assert read.errors == []
    document, _, own = field.partition(".")
    column = name or next(one for one in lines[0] if one not in ("external_id", "name", "expect"))
    unread = {error.line for error in read.unread if error.column == column}
    assert len(unread) == len(read.unread)
    found = []
    for line, row in zip(lines, read.rows, strict=True):
        values = [value for (at, _), said in row.documents.get(document, {}).items() if at == own for value in said]
        found.append((line[column], line["expect"], "refused" if row.line in unread else values))
    return found


def test_dates() -> None:
    found = listed("dates.csv", "episode.since")
    assert len(found) == 17
    for cell, expect, values in found:
        if expect.startswith("refuse"):
            assert values == "refused", cell
        else:
            [(year, month, day, estimated)] = values
            parts = [f"{year:04}" if year else "?", *(f"{one:02}" for one in (month, day) if one)]
            assert ("~" if estimated else "") + "-".join(parts) == expect, cell


def test_a_refused_date_says_why() -> None:
    problems = [error.problem for error in reading("dates.csv").unread]
    for said, problem in zip(
        ("a number in place of a date", "day or the month", "no calendar has"), problems, strict=True
    ):
        assert said in problem


def test_words_that_say_nothing_are_empty_cells() -> None:
    assert [values for _, _, values in listed("empty-words.csv", "case.status")] == [[], [], []]


def test_sex() -> None:
    for cell, expect, values in listed("sex.csv", "person.sex"):
        assert values == ([] if expect == "unknown" else [expect]), cell  # nothing said is unknown


@pytest.mark.parametrize(
    ("table", "field"), [("citizenship.csv", "person.citizenships"), ("languages.csv", "person.languages")]
)
def test_countries_and_languages(table: str, field: str) -> None:
    for cell, expect, values in listed(table, field):
        assert "|".join(values) == expect, cell


def test_articles_are_not_torn_apart() -> None:
    (_, _, parts), (_, _, comma), (_, expect, two) = listed("articles.csv", "proceeding.articles")
    assert parts == ["342 ч. 1, 2"]
    assert comma == "refused"
    assert "|".join(two) == expect


def test_names() -> None:
    names = [[name for name, *_ in values] for _, _, values in listed("names.csv", "person.names", "name")]
    assert names == [[], [], [], ["Ганна Ціхаструм"], ["ганна ціхаструм"], ["Смолокот оглы"]]
    descriptions = [values for _, _, values in listed("names.csv", "person.description", "name")]
    assert descriptions == [["Неизвестно"], ["Unknown"], [], [], [], []]


# --- files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "columns", "names"),
    [
        ("sep-line.csv", None, ["Ганна Ціхаструм", "Пётр Смалакот"]),
        ("trailing-empty-cells.csv", None, ["Ганна Ціхаструм", "Пётр Смалакот"]),
        ("commas-in-quoted-header.csv", None, ["Ганна Ціхаструм"]),
        ("two-byte-order-marks.csv", None, ["Ганна Ціхаструм"]),
        ("header-capitals.csv", None, ["Ганна Ціхаструм"]),
        ("header-with-line-break.csv", "header-with-line-break.toml", ["Ганна Ціхаструм"]),
        ("header-with-line-break.csv", None, ["Ганна Ціхаструм"]),
        ("cp866.csv", None, ["Анна Тихострум", "Петр Смолокот"]),
        ("cp1250.csv", None, ["Łucja Śnieżkołap"]),
        ("title-above-header.csv", None, ["Ганна Ціхаструм"]),
        ("no-id-column.csv", None, ["Ганна Ціхаструм"]),
        ("given-and-family-name.csv", "given-and-family-name.toml", ["Ганна Пятроўна Ціхаструм", "Пётр Смалакот"]),
        ("given-and-family-name.csv", None, ["Ганна Пятроўна Ціхаструм", "Пётр Смалакот"]),
        ("ids-kept-as-text.csv", None, ["Ганна Ціхаструм", "Пётр Смалакот"]),
    ],
)
async def test_every_name_of_a_table_arrives(table: str, columns: str | None, names: list[str]) -> None:
    report, rows = await arrived(table, columns)
    assert [row["name"] for row in rows] == [row["case.title"] for row in rows] == names
    assert (report.created, report.left_out, report.unread) == (len(names), 0, [])


def test_ids_that_were_kept_as_text() -> None:
    assert [row.external for row in reading("ids-kept-as-text.csv").rows] == ["007", "008"]


def test_the_header_is_found_below_a_title() -> None:
    assert reading("title-above-header.csv").header_line == 3


async def test_a_table_without_ids_is_known_by_its_names_and_comes_once() -> None:
    async with a_cell() as cell:
        for created in (1, 0):
            report = await import_cases(cell, FIELD / "no-id-column.csv")
            assert (report.created, report.id_column) == (created, "")
    assert [row.external for row in reading("no-id-column.csv").rows] == ["Ганна Ціхаструм 1990"]


def test_a_broken_byte_costs_one_name_of_forty() -> None:
    read = reading("utf8-one-broken-byte.csv")
    names = [row.documents["case"].get(("title", ""), ["?"])[0] for row in read.rows]
    assert (len(names), set(names)) == (40, {"Ганна Ціхаструм", "?"})
    assert [str(error) for error in read.unread] == ["line 21: name contains characters that are broken in the file"]


def test_a_workbook_is_named_as_what_it_is() -> None:
    with pytest.raises(UnreadableFile, match=r"this is a workbook \(\.xlsx\), not a CSV file") as caught:
        reading("really-a-workbook.csv")
    assert "save it as CSV" in caught.value.hint


@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_a_mapping_is_no_table(tmp_path: Path, bom: str) -> None:
    """It was one with a single column, and each of its lines became a case."""
    given = tmp_path / "columns.toml"
    given.write_text(f'{bom}# where our columns go\n"ФИО" = "name"\nNr = "external_id"\nX = []\n', "utf-8")
    with pytest.raises(UnreadableFile, match="says where columns go") as caught:
        read_csv(given, None)
    assert "--columns" in caught.value.hint
    given.write_text(f"{bom}name\nAnna = Ganna\n", "utf-8")
    assert len(read_csv(given, None).rows) == 1


def test_one_row_with_two_problems_is_one_row_left_out() -> None:
    read = reading("one-row-two-problems.csv")
    assert [row.external for row in read.rows] == ["T-1"]
    assert (read.left_out, [error.column for error in read.errors]) == (1, ["birth_date", "status"])


def test_a_mapping_with_an_unquoted_key_says_which_line_and_what_to_do() -> None:
    with pytest.raises(InvalidValue, match="line 2") as caught:
        mapping("unquoted-key.toml")
    assert 'need quotes: "Прозвішча"' in caught.value.hint


def test_a_key_in_other_letters_says_which_column_was_meant() -> None:
    with pytest.raises(UnreadableFile, match="'nr'") as caught:
        reading("given-and-family-name.csv", "key-letter-case.toml")
    assert caught.value.hint == "Did you mean 'Nr'?"


@pytest.mark.e2e
async def test_nothing_is_lost_after_a_backup_was_put_back() -> None:
    with trio.fail_after(120):
        done = await trio.run_process(
            [sys.executable, FIELD / "restored_backup.py"], check=False, capture_stdout=True, cwd=FIELD.parents[2]
        )
    assert done.returncode == 0, done.stdout.decode()


def test_every_input_of_the_field_is_tried() -> None:
    tried = Path(__file__).read_text("utf-8")
    inputs = [file.name for file in FIELD.iterdir() if file.suffix in (".csv", ".toml", ".py")]
    assert len(inputs) == 31
    assert [name for name in inputs if name not in tried and name not in EXPECTED] == []
