"""Reading: which rows and cells are read, and what is said of those that are not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cellsync.casework.importing import (
    Mapping,
    UnreadableFile,
    read_csv,
)
from cellsync.casework.importing.cells import tidy
from cellsync.casework.importing.persons import is_name
from cellsync.casework.importing.problems import problems
from cellsync.core.errors import InvalidValue
from tests.casework.tables import DATA, table


def test_the_example_reads_without_errors() -> None:
    reading = read_csv(DATA / "cases.csv")
    assert (len(reading.rows), reading.errors, reading.ignored) == (500, [], [])


def test_a_reading_that_is_stopped_counts_the_rows_that_are_left() -> None:
    asked = iter([False, False, True])
    reading = read_csv(
        table("1,Vera,,,,,,", "2,Anton,,,,,,", "3,,,,,,,", ",,,,,,,", "4,,,,,,,"), stop=lambda: next(asked)
    )
    assert ([row.external for row in reading.rows], reading.left) == (["1", "2"], 2)  # an empty row is none


def test_every_mistake_of_the_example_is_reported_with_its_line() -> None:
    reading = read_csv(DATA / "cases-with-errors.csv")
    assert [(error.line, error.column) for error in reading.errors] == [
        (7, "external_id"),  # after a row of two lines
        (9, "external_id"),
        (14, "external_id"),
    ]
    assert [(error.line, error.column, error.cell) for error in reading.unread] == [
        (3, "birth_date", "1984-02-31"),
        (4, "status", "open"),
        (8, "detained_on", "yesterday"),
        (11, "episode_kind", "jail"),
        (13, "next_task_due", "2027-13"),
    ]
    assert [row.line for row in reading.rows] == [2, 3, 4, 5, 8, 10, 11, 12, 13]
    assert str(reading.errors[1]) == "line 9: external_id stands on line 2 already"


def test_a_cell_that_cannot_be_read_costs_itself_and_says_nothing() -> None:
    [row] = read_csv(table("1,Vera,tomorrow,be,parcel,soon,a note,")).rows
    assert row.documents["case"] == {
        ("title", ""): ["Vera"],
        ("timeline", "status"): [],
        ("timeline", "note"): row.documents["case"]["timeline", "note"],
    }
    assert row.documents["task"] == {("kind", ""): ["parcel"], ("title", ""): ["parcel"]}


def test_a_mistake_is_said_once_for_all_the_rows_that_have_it() -> None:
    rows = [f"{number},a,{'tomorrow' if number % 2 else 'later'},,,,," for number in range(368)]
    reading = read_csv(table(*rows, "7,,,,,,,", "8,,,,,,,", ",,,,,,x,"))
    bad, twice, empty = problems(reading.errors, reading.unread)
    choices = "intake, active, pending, closed, rejected, archived"
    assert bad.message == f"lines 2, 3, 4 and 365 more: status is none of {choices}"
    assert (bad.examples, len(bad.lines), bad.left_out) == (("later", "tomorrow"), 368, False)
    assert twice.message == "lines 370, 371: external_id stands on line 9 already"
    assert (empty.lines, empty.left_out) == ((372,), True)
    assert "tomorrow" not in f"{bad}{reading.unread}{reading}"


def test_words_that_belong_into_another_column_say_into_which() -> None:
    """People write where somebody is into a column "Status", which with us says how the work on a case stands."""
    content = "id,ФИО,Статус\n1,Вера К,СИЗО\n2,Ян Б,колония\n3,Ева С,SHIZO\n4,Зоя П,как-то\n"
    reading = read_csv(content.encode())
    [problem] = problems(reading.errors, reading.unread)
    assert problem.fits == ("episode_kind",)
    assert (problem.examples, problem.left_out) == (("СИЗО", "колония", "SHIZO"), False)
    [unknown] = problems([], reading.unread[3:])
    assert unknown.fits == ()


def test_a_mapping_says_where_some_columns_go_and_the_headings_where_the_others_do() -> None:
    """Who mapped the two columns that were not known lost the names, which were."""
    content = "Nr,ФИО,Дата рождения,Статус,Обувь,Адрес\n7,Вера К,1990,СИЗО,43,Млын 3\n".encode()
    reading = read_csv(content, Mapping.of({"Nr": "external_id", "Статус": "episode_kind", "Адрес": []}))
    [row] = reading.rows
    assert (row.external, reading.unread, reading.ignored) == ("7", [], ["Обувь"])
    assert reading.taken == {"ФИО": "name", "Дата рождения": "birth_date"}
    assert row.documents["episode"][("kind", "")] == ["sizo"]
    assert row.documents["case"][("title", "")] == ["Вера К"]
    assert row.documents["person"][("born", "")] == [[1990, None, None, False]]
    assert ("residence", "") not in row.documents["person"]  # mapped to nowhere


def test_a_cell_of_which_one_place_takes_the_word_is_read() -> None:
    columns = Mapping.of({"id": "external_id", "Статус": ["status", "episode_kind", "note"]})
    reading = read_csv("id,ФИО,Статус\n1,Вера К,СИЗО\n2,Ян Б,closed\n3,Ева С,как-то\n".encode(), columns)
    assert [one.line for one in reading.unread] == [4]  # a note takes any text, and tells nothing
    kinds = [row.documents.get("episode", {}).get(("kind", "")) for row in reading.rows]
    assert kinds == [["sizo"], None, None]
    assert [row.documents["case"].get(("status", "")) for row in reading.rows] == [None, ["closed"], None]


@pytest.mark.parametrize(
    ("heading", "name"), [("Imię ojca", "Jan Lis"), ("Father's name", "Jan Lis"), ("Отчество", "Jan P Lis")]
)
def test_the_name_of_the_father_is_no_part_of_a_name(heading: str, name: str) -> None:
    reading = read_csv(f"Imię;{heading};Nazwisko\nJan;P;Lis\n".encode())
    assert [row.external for row in reading.rows] == [name]
    assert reading.ignored == ([heading] if name == "Jan Lis" else [])


def test_what_a_mapping_fills_no_heading_fills() -> None:
    content = b"id,Full name,Who,Born,Birthday,status\n1,Vera K,Vera Kur,1990,1991,closed\n"
    reading = read_csv(content, Mapping.of({"Who": "name", "Birthday": "birth_date"}))
    [row] = reading.rows
    assert (row.external, row.documents["case"][("title", "")]) == ("1", ["Vera Kur"])
    assert row.documents["person"][("born", "")] == [[1991, None, None, False]]
    assert row.documents["case"][("status", "")] == ["closed"]
    assert reading.ignored == ["Full name", "Born"]
    [row] = read_csv(b"Who,status\nVera Kur,closed\n", Mapping.of({"Who": "name"})).rows
    assert (row.external, row.documents["case"][("status", "")]) == ("Vera Kur", ["closed"])
    with pytest.raises(UnreadableFile, match="no column 'external_id', and none for the name"):
        read_csv(b"a,b\n1990,x\n", Mapping.of({"a": "person.born"}))


def test_rows_that_say_no_name_are_told() -> None:
    reading = read_csv(b"id,name,description,status\nA1,Vera K,,active\nA2,,,active\nA3,,woman at the gate,\nA4,?,,\n")
    assert reading.nameless == [(3, "A2"), (5, "A4")]
    assert read_csv(b"id,title\n1,Parcel\n2,\n").nameless == [(3, "2")]
    [(line, called)] = read_csv("ФИО,Статус\nВера К,active\n,closed\n".encode()).nameless
    assert (line, called[:2], len(called)) == (3, "? ", 10)


def test_rows_that_were_left_out_are_counted_and_not_their_mistakes() -> None:
    reading = read_csv(table(f"{'x' * 300},a,,,,,,,more", "2,,,,,,,"))
    assert (len(reading.errors), reading.left_out, len(reading.rows)) == (2, 1, 1)


@pytest.mark.parametrize("word", ["Total:", "ИТОГО", "Всего", "Разам", "Усяго", "Razem", "Ogółem"])
def test_a_row_of_totals_is_nobody(word: str) -> None:
    reading = read_csv(f"№;Фамилия;Имя;Штраф\n1;Лис;Вера;10,5\n;{word};2; 1 260,50 \n2;{word};Вера;3\n".encode())
    assert [row.line for row in reading.rows] == [2, 4]  # where anything else is said it may be a name
    assert [str(error) for error in reading.errors] == ["line 3: this row counts the others: it is about nobody"]


def test_all_errors_of_a_row_are_collected_and_none_repeats_a_cell() -> None:
    secret = "Vera Secretova"
    reading = read_csv(table(f"{secret * 20},a,{secret},{secret},{secret},{secret},,"))
    assert [error.column for error in reading.errors] == ["external_id"]
    reading = read_csv(table(f"1,a,{secret},{secret},{secret},{secret},,"))
    assert [error.column for error in reading.unread] == ["status", "languages", "next_task_due"]
    assert not any("Secretova" in f"{error}{error!r}" for error in reading.unread)
    assert "Secretova" not in repr(read_csv(table(f"1,{secret},,,,,,")).rows)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
def test_encodings_are_told_apart(encoding: str) -> None:
    content = "external_id,name\n1,Вера Рудахмарнік\n".encode(encoding)
    [row] = read_csv(content).rows
    assert row.documents["case"]["title", ""] == ["Вера Рудахмарнік"]


def test_an_encoding_can_be_named() -> None:
    content = "external_id,name\n1,Łucja Żółć\n".encode("cp1250")
    [row] = read_csv(content, encoding="cp1250").rows
    assert row.documents["case"]["title", ""] == ["Łucja Żółć"]
    with pytest.raises(InvalidValue):
        read_csv(content, encoding="no-such-thing")
    with pytest.raises(UnreadableFile):
        read_csv(content, encoding="utf-8")
    assert len(read_csv("external_id\n1\n".encode("utf-8-sig"), encoding="utf-8").rows) == 1


def test_the_old_spreadsheet_reads_like_the_new_one(tmp_path: Path) -> None:
    old = tmp_path / "old.csv"
    subprocess.run([sys.executable, DATA / "generate_cases.py", "--cp1251", old], check=True)
    rows = {row.external: row.documents for row in read_csv(DATA / "cases.csv").rows}
    reading = read_csv(old)
    assert not reading.errors
    assert len(reading.rows) > 300
    assert all(rows[row.external] == row.documents for row in reading.rows)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(delimiter: str, ending: str) -> None:
    lines = [["external_id", "status", "note"], ["1", "active", f'"two{ending}lines"'], [], ["2", "no", ""]]
    reading = read_csv(ending.join(delimiter.join(line) for line in lines).encode())
    assert [row.external for row in reading.rows] == ["1", "2"]
    assert [(error.line, error.column) for error in reading.unread] == [(5, "status")]
    [note] = next(iter(reading.rows)).documents["case"]["timeline", "note"]
    assert note[1] == "two\nlines"


def test_a_delimiter_can_be_named() -> None:
    assert len(read_csv(b"external_id|name\n1|a,b\n", delimiter="|").rows) == 1
    with pytest.raises(InvalidValue):
        read_csv(b"external_id\n1\n", delimiter="||")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"VR-1,Vera\n", "no column 'external_id'"),
        (b"external_id,external_id\n1,2\n", "twice"),
        (b"external_id,name,name\n1,2\n", "twice"),
        (b'"external_id\n1,2\n', "quotes"),
        (b"\xff\xfe\x00", "encoding"),
        (b"external_id\n\x98\n", "encoding"),
    ],
)
def test_what_is_no_table_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(UnreadableFile, match=says) as caught:
        read_csv(content)
    assert "Vera" not in f"{caught.value}{caught.value.hint}"


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(UnreadableFile):
        read_csv("no/such/file.csv")


def test_a_misspelt_id_column_is_recognised() -> None:
    with pytest.raises(UnreadableFile) as caught:
        read_csv(b"externalid,shoe size\n1,a\n")
    assert caught.value.hint == "Did you mean 'externalid'?"


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("1,a,,,,,,,b,", ""),  # more cells than the header
        ('1,"a"b,,,,,,', ""),
        (f"1,{'a' * 140_000},,,,,,", ""),  # beyond what csv reads
        (f"1,{'a' * 31_000},,,,,{'b' * 31_000},", ""),  # each fits, not both
        (f"{'я' * 129},,,,,,,", "external_id"),
    ],
)
def test_a_bad_row_does_not_touch_its_neighbours(row: str, column: str) -> None:
    reading = read_csv(table("0,,,,,,,", row, "2,,,,,,,"))
    assert [row.external for row in reading.rows] == ["0", "2"]
    assert [(error.line, error.column) for error in reading.errors] == [(3, column)]


@pytest.mark.parametrize("name", ["a\0b", "a" * 70_000, "???? ???????"])
def test_a_name_that_cannot_be_kept_costs_itself(name: str) -> None:
    reading = read_csv(table(f"1,{name},active,,,,,"))
    assert [(error.line, error.column) for error in reading.unread] == [(2, "name")]
    [row] = reading.rows
    assert {place: said for place, said in row.documents["case"].items() if said} == {("status", ""): ["active"]}


def test_after_broken_quotes_nothing_is_taken_for_a_row_that_is_none() -> None:
    reading = read_csv(table('1,"a"b,,,,,,"of several', "lines", "2,,,,,,,", "3"))
    assert [row.external for row in reading.rows] == ["2", "3"]
    assert [error.line for error in reading.errors] == [2, 3]


def test_a_quote_that_is_never_closed() -> None:
    reading = read_csv(table("1,,,,,,,", '2,"a,,,,,,', "3,,,,,,,"))
    assert [row.external for row in reading.rows] == ["1"]
    assert [error.line for error in reading.errors] == [3]
    assert "never closed" in reading.errors[0].problem


def test_rows_of_nothing_are_no_rows() -> None:
    reading = read_csv(table(",,,,,,,", " , ,,,,,,", ""))
    assert (list(reading.rows), reading.errors, reading.unread, reading.ignored) == ([], [], [], [])


def test_columns_that_nobody_knows_are_told() -> None:
    assert read_csv(b"external_id,name,shoe size\n1,a,43\n").ignored == ["shoe size"]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("'=A2+1", "=A2+1"), ("'+1", "+1"), ("''=1", "'=1"), ("'-1", "-1"), ("'@x", "@x"),
        ("=1", "=1"), ("'tis", "'tis"), ("'", "'"), (" a\r\nb ", "a\nb"), ("и\u0306", "й"),
    ],
)  # fmt: skip
def test_cells_are_tidied_and_formula_guards_undone(cell: str, value: str) -> None:
    assert tidy(cell) == value


@pytest.mark.parametrize(
    ("cell", "named"),
    [
        ("Кірыл Курадымлін", True), ("Owen Wrenlock-Mire", True), ("Łucja", True), ("გიორგი", True),
        ("жанчына ў сіняй куртцы", False), ("unknown man, about 40", False), ("«Сосед», имя уточняется", False),
        ('"the tall one", name to be confirmed', False), ("?", False),
    ],
)  # fmt: skip
def test_names_and_descriptions(cell: str, named: bool) -> None:
    assert is_name(cell) is named


def parsed(column: str, cell: str) -> list[Any]:
    """What `read_csv` makes of one cell in a column mapped to this field: its plain values, or the problem."""
    reading = read_csv(f"Nr\tx\n1\t{cell}\n".encode(), Mapping.of({"Nr": "external_id", "x": column}))
    if reading.unread:
        return [error.problem.split()[0] for error in reading.unread]
    [row] = reading.rows
    [values] = row.documents[column.partition(".")[0]].values()
    return values


@pytest.mark.parametrize(
    ("column", "cell", "values"),
    [
        ("person.born", "~2024", [[2024, None, None, True]]), ("person.born", "03.05.2024", [[2024, 5, 3, False]]),
        ("person.born", "05/03/2024", ["is"]), ("person.born", "2023-02-29", ["is"]),
        ("person.dependants", "3", [3]), ("person.dependants", "three", ["is"]),
        ("person.dependants", "9" * 30, ["is"]),
        ("person.sex", "Ж", ["female"]), ("person.sex", "x", ["is"]),
        ("person.languages", "be; ru|PL", ["be", "ru", "PL"]),
        ("person.languages", "по-русски", ["ru"]), ("person.languages", "?!", ["is"]),

        ("person.citizenships", "by|pl", ["BY", "PL"]), ("person.citizenships", "Belarus", ["BY"]),
        ("person.citizenships", "Narnia", ["is"]),

        ("case.status", "Closed", ["closed"]), ("case.status", "?", []), ("case.priority", "5", ["watch"]),
        ("case.priority", "6", ["is"]), ("case.review", "2027-10", ["2027-10-01"]), ("case.review", "?", []),
        ("episode.kind", "open type", ["open_type"]), ("episode.warrant", "?", ["unknown"]),
        ("proceeding.articles", "342 ч. 1; 411, 130", ["342 ч. 1", "411", "130"]),
        ("proceeding.listings", "extremist|terrorist", ["extremist", "terrorist"]),
        ("case.tags", "a|b", ["a", "b"]), ("case.line_of_work", "Talks", ["talks"]),
        ("case.line_of_work", "other", ["is"]), ("task.due", "~2027", [[2027, None, None, True]]),
        ("person.names", "van der Berg", [["van der Berg", "latin", "legal"]]),
    ],
)  # fmt: skip
def test_cells_of_every_kind(column: str, cell: str, values: list[Any]) -> None:
    assert parsed(column, cell) == values
