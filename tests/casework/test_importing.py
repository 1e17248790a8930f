"""Importing a table: what is read, what is refused and where, what is written, and what a second import keeps."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from cellsync.casework import CaseFile, Episode, Person, Proceeding, SupportTask
from cellsync.casework.documents.case_file import CaseStatus, LineOfWork, Priority
from cellsync.casework.documents.person import Sex
from cellsync.casework.documents.proceeding import ProceedingKind
from cellsync.casework.documents.support_task import TaskKind
from cellsync.casework.importing import (
    Mapping,
    Report,
    RowError,
    UnreadableFile,
    import_cases,
    intake,
    mapping_file,
    read_csv,
)
from cellsync.casework.importing.cells import tidy
from cellsync.casework.importing.persons import is_name
from cellsync.casework.importing.problems import problems
from cellsync.casework.values.link import Link, Relation
from cellsync.casework.values.name import Name, NameKind, Script, name_of
from cellsync.casework.values.partial_date import UNKNOWN_DATE, PartialDate
from cellsync.casework.values.timeline import TimelineKind
from cellsync.cell.cell import Cell
from cellsync.cell.home import Home
from cellsync.cell.opening import open_cell
from cellsync.core.errors import InvalidValue
from cellsync.node.lan import open_lan
from cellsync.store.header import Kdf
from cellsync.testing import MemoryNetwork
from tests.cell.equivocators import joined, show

DATA = Path(__file__).parents[2] / "examples" / "data"
HEADER = "external_id,name,status,languages,next_task,next_task_due,note,court"


def table(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


@asynccontextmanager
async def a_cell(network: MemoryNetwork | None = None) -> AsyncIterator[Cell]:
    device = await (network or MemoryNetwork()).device("ana").found()
    async with device.opened() as cell:
        yield cell


async def document(cell: Cell, schema: type[Any], external: str) -> Any:
    return await cell.get(schema, cell.case_id(schema._kind, external))


def counts(report: Report) -> tuple[int, int, int]:
    return report.created, report.updated, report.unchanged


# --- reading ------------------------------------------------------------------------------------


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


# --- mapping ------------------------------------------------------------------------------------


def test_a_groups_own_table(tmp_path: Path) -> None:
    columns = {"Nr": "external_id", "ФИО": "name", "Родился": "person.born", "Разное": "case.legal_notes"}
    file = tmp_path / "columns.toml"
    file.write_text("\n".join(f'"{name}" = "{where}"' for name, where in columns.items()), "utf-8")
    assert mapping_file.load(file) == columns
    [row] = read_csv("Nr;ФИО;Родился;Разное\n1;Вера Тихая;05.1984;пишет\n".encode(), Mapping.of(columns)).rows
    assert row.documents == {
        "case": {("title", ""): ["Вера Тихая"], ("legal_notes", "Разное"): ["пишет"]},
        "person": {
            ("names", "ФИО"): [["Вера Тихая", "cyrillic", "legal"]],
            ("description", ""): [],
            ("born", ""): [[1984, 5, None, False]],
        },
    }


@pytest.mark.parametrize(
    ("columns", "hint"),
    [
        ({"Nr": "external_id", "a": "nmae"}, "'name'"),
        ({"Nr": "external_id", "a": "persn.born"}, "'person'"),
        ({"Nr": "external_id", "a": "person.bron"}, "'born'"),
        ({"Nr": "external_id", "a": "person.links"}, "born"),
        ({"Nr": "external_id", "a": 7}, "person.born"),
        ({"Nr": "external_id", "b": "external_id"}, "external_id"),
        ({"Nr": "external_id", "a": "person.born", "b": "birth_date"}, ""),
        ({"Nr": "external_id", "a": "task.cost"}, ""),
    ],
)
def test_a_mapping_that_makes_no_sense(columns: dict[str, object], hint: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        Mapping.of(columns)
    assert hint in caught.value.hint


@pytest.mark.parametrize("content", ["{", "[1]"])
def test_a_mapping_file_that_is_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "columns.json"
    file.write_text(content)
    with pytest.raises(InvalidValue):
        mapping_file.load(file)


def test_a_mapped_column_has_to_be_in_the_file() -> None:
    mapping = Mapping.of({"Nr": "external_id", "ФИО": "name"})
    with pytest.raises(UnreadableFile, match="ФИО"):
        read_csv(b"Nr\n1\n", mapping)


# --- importing ----------------------------------------------------------------------------------


async def test_the_example_imports_fully_and_once() -> None:
    async with a_cell() as cell:
        before, told = cell.entries(), []
        dry = await import_cases(cell, DATA / "cases.csv", dry_run=True)
        assert (counts(dry), cell.entries()) == ((500, 0, 0), before)

        report = await import_cases(cell, DATA / "cases.csv", progress=lambda *done: told.append(done))
        assert (counts(report), report.errors) == ((500, 0, 0), [])
        assert told[0] == (100, 500)
        assert told[-1] == (500, 500)

        entries = cell.entries()
        assert counts(await import_cases(cell, DATA / "cases.csv")) == (0, 0, 500)
        assert cell.entries() == entries

        assert len(await cell.cases(CaseFile)) == len(await cell.cases(Person)) == 500
        await _check_spots(cell)
        await _check_all(cell)


async def _check_all(cell: Cell) -> None:
    with (DATA / "cases.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            case, person = (
                await document(cell, CaseFile, row["external_id"]),
                await document(cell, Person, row["external_id"]),
            )
            assert [entry.text for entry in case.timeline] == ([row["note"]] if row["note"] else [])
            assert (case.title, case.handler, case.status) == (row["name"], row["handler"], row["status"])
            assert (person.born, person.occupation) == (PartialDate.parse(row["birth_date"]), row["occupation"])
            names = {row[one] for one in ("name", "name_latin", "name_local")} - {"", person.description}
            assert {name.text for name in person.names} == names
            episode = await document(cell, Episode, row["external_id"])
            assert (episode.kind, episode.place) == (row["episode_kind"], row["facility"])


async def _check_spots(cell: Cell) -> None:
    case = await document(cell, CaseFile, "VR-0001")
    person = await document(cell, Person, "VR-0001")
    assert (case.title, case.external_id) == ("Кірыл Курадымлін", "VR-0001")
    assert (case.status, case.priority, case.line_of_work) == (CaseStatus.ACTIVE, Priority.HIGH, LineOfWork.RELEASE)
    assert set(case.links) == {Link(person.id, Relation.ABOUT)}
    assert list(case.release_demands) == ["вызваліць; дапусціць лекара"]
    [note] = case.timeline
    assert note.kind is TimelineKind.NOTE
    assert note.text.startswith("Сям'я пераехала")
    assert set(person.names) == {
        Name("Кірыл Курадымлін", Script.CYRILLIC),
        Name("Kiryl Kuradymlin", Script.LATIN, NameKind.TRANSLITERATION),
        Name("Кирилл Куродымлин", Script.CYRILLIC),
    }
    assert (person.sex, person.born, person.description) == (Sex.MALE, PartialDate(1979, 9), "")
    assert len(person.links) == 0  # who knows the person does not learn of the case

    episode = await document(cell, Episode, "VR-0001")
    assert (episode.place, episode.since) == ("ЦІП, вул. Млынавая", PartialDate(2023, 6))
    assert Link(case.id, Relation.PART_OF) in episode.links
    proceeding = await document(cell, Proceeding, "VR-0002")
    assert set(proceeding.articles) == {"368", "369"}
    assert proceeding.kind is ProceedingKind.UNKNOWN  # the table does not say it
    task = await document(cell, SupportTask, "VR-0002")
    assert (task.kind, task.due, list(task.notes)) == (TaskKind.PSYCHOLOGICAL, PartialDate(2027, 10), [])
    assert (await document(cell, Person, "VR-0003")).born == UNKNOWN_DATE

    unnamed = [person for person in await cell.cases(Person) if not person.names]
    assert len(unnamed) == 37
    assert {person.sex for person in unnamed} == {Sex.UNKNOWN}
    assert "жанчына ў сіняй куртцы" in {person.description for person in unnamed}


async def test_good_rows_of_a_bad_table_are_imported() -> None:
    async with a_cell() as cell:
        report = await import_cases(cell, DATA / "cases-with-errors.csv")
        assert (counts(report), report.left_out, len(report.unread)) == ((9, 0, 0), 3, 5)
        assert report.unread[0] == RowError(3, "birth_date", "is a date that no calendar has", "1984-02-31")
        ids = {f"VR-000{number}" for number in (1, 2, 3, 5, 6, 7, 8, 9)} | {"VR-0010"}
        assert {case.external_id for case in await cell.cases(CaseFile)} == ids
        assert (await document(cell, CaseFile, "VR-0006")).priority is Priority.HIGH


async def test_only_what_is_filled_gets_a_document() -> None:
    async with a_cell() as cell:
        await import_cases(cell, table("1,,,,,,,", "2,,,,parcel,,,"))
        assert len(await cell.cases(CaseFile)) == 2
        assert [len(await cell.cases(one)) for one in (Person, Episode, Proceeding)] == [0, 0, 0]
        [task] = await cell.cases(SupportTask)
        assert set(task.links) == {Link(cell.case_id("cellsync.case", "2"), Relation.PART_OF)}


async def test_a_case_in_which_nothing_counts_is_new() -> None:
    """Its id follows from the row's: an equivocator may have written in it before."""
    network = MemoryNetwork()
    async with a_cell(network) as cell:
        ben = await joined(network, cell)
        await show(cell, ben.sides(cell, cell.case_id("cellsync.case", "A-1")))
        assert counts(await import_cases(cell, table("A-1,,,,,,,"))) == (1, 0, 0)
        assert [case.id for case in await cell.cases(CaseFile)] == [cell.case_id("cellsync.case", "A-1")]


async def test_marks_do_not_tell_which_cases_say_the_same() -> None:
    async with a_cell() as cell:
        await import_cases(cell, table("1,,active,,,,,", "2,,active,,,,,"))
        marks = [{mark.mark for mark in case.imported if mark.field == "status"} for case in await cell.cases(CaseFile)]
        assert [case.extra for case in await cell.cases(CaseFile)] == [{}, {}]
        assert len(set.union(*marks)) == 2


async def test_a_changed_table_writes_what_changed() -> None:
    async with a_cell() as cell:
        await import_cases(cell, table("1,Vera Tikhaya,active,be|ru,parcel,2027-03-01,a note,", "2,,,,,,,"))
        entries = cell.entries()
        changed = table("1,Vera Tikhaya,closed,be|pl,parcel,2027-03-01,another note,", "2,,,,,,,")
        assert counts(await import_cases(cell, changed)) == (0, 1, 1)
        assert cell.entries() == entries + 2  # the case file and the person
        case = await document(cell, CaseFile, "1")
        assert case.status is CaseStatus.CLOSED
        assert [entry.text for entry in case.timeline] == ["another note"]
        assert [version.value.text for version in case.timeline.items[0].versions] == ["a note", "another note"]
        assert set((await document(cell, Person, "1")).languages) == {"be", "pl"}
        assert not case.conflicts()
        assert counts(await import_cases(cell, changed)) == (0, 0, 2)

        emptied = table("1,Vera Tikhaya,,,parcel,,,", "2,,,,,,,")
        assert counts(await import_cases(cell, emptied)) == (0, 1, 1)
        case = await document(cell, CaseFile, "1")
        assert case.status is CaseStatus.INTAKE
        assert [entry.text for entry in case.timeline] == ["another note"]  # it was said, and stays said
        assert (await document(cell, SupportTask, "1")).due == UNKNOWN_DATE
        assert counts(await import_cases(cell, emptied)) == (0, 0, 2)


async def test_cells_that_are_missing_say_nothing() -> None:
    async with a_cell() as cell:
        await import_cases(cell, table("1,Vera Tikhaya,active,be,,,a note,"))
        assert counts(await import_cases(cell, b"external_id,name,status,languages\n1\n")) == (0, 0, 1)
        assert counts(await import_cases(cell, b"external_id\n1\n")) == (0, 0, 1)


async def test_what_people_edited_stays() -> None:
    before = "1,Vera Tikhaya,active,be|ru,,,a note,"
    async with a_cell() as cell:
        await import_cases(cell, table(before))
        case, person = await document(cell, CaseFile, "1"), await document(cell, Person, "1")
        async with case.edit() as draft:
            draft.status = CaseStatus.PENDING
            draft.timeline.correct(draft.timeline.items[0], draft.timeline[0]._replace(text="a better note"))
        async with person.edit() as draft:
            draft.languages.discard("ru")
            draft.languages.add("lt")
        entries = cell.entries()
        assert counts(await import_cases(cell, table(before))) == (0, 0, 1)
        assert cell.entries() == entries

        # the table changes elsewhere
        await import_cases(cell, table("1,Vera Tikhaya-Novik,active,be|ru|pl,,,a note,"))
        case, person = await document(cell, CaseFile, "1"), await document(cell, Person, "1")
        assert (case.title, case.status) == ("Vera Tikhaya-Novik", CaseStatus.PENDING)
        assert [entry.text for entry in case.timeline] == ["a better note"]
        assert set(person.languages) == {"be", "lt", "pl"}
        assert set(person.names) == {name_of("Vera Tikhaya-Novik")}
        assert not case.conflicts()


async def test_where_both_changed_people_decide() -> None:
    async with a_cell() as cell:
        await import_cases(cell, table("1,,active,,,,a note,"))
        case = await document(cell, CaseFile, "1")
        async with case.edit() as draft:
            draft.status = CaseStatus.PENDING
            draft.timeline.correct(draft.timeline.items[0], draft.timeline[0]._replace(text="mine"))
        theirs = table("1,,closed,,,,theirs,")
        assert counts(await import_cases(cell, theirs)) == (0, 1, 0)
        case = await document(cell, CaseFile, "1")
        register, log = case.conflicts()
        assert {value.value for value in register.values} == {CaseStatus.PENDING, CaseStatus.CLOSED}
        assert {value.value.text for value in log.values} == {"mine", "theirs"}
        assert counts(await import_cases(cell, theirs)) == (0, 0, 1)

        async with case.edit() as draft:
            draft.resolve(register, CaseStatus.PENDING)
        assert counts(await import_cases(cell, theirs)) == (0, 0, 1)
        assert (await document(cell, CaseFile, "1")).status is CaseStatus.PENDING


async def test_an_edit_that_says_what_the_table_says_is_no_conflict() -> None:
    async with a_cell() as cell:
        await import_cases(cell, table("1,,active,,,,,"))
        async with (await document(cell, CaseFile, "1")).edit() as draft:
            draft.status = CaseStatus.CLOSED
        await import_cases(cell, table("1,,closed,,,,,"))
        case = await document(cell, CaseFile, "1")
        assert (case.status, case.conflicts()) == (CaseStatus.CLOSED, [])


async def test_a_retracted_note_is_not_brought_back() -> None:
    async with a_cell() as cell:
        await import_cases(cell, table("1,,,,,,a note,"))
        case = await document(cell, CaseFile, "1")
        async with case.edit() as draft:
            draft.timeline.retract(draft.timeline.items[0])
        for note, shown in [("a note", []), ("another", ["another"]), ("another", ["another"])]:
            await import_cases(cell, table(f"1,,,,,,{note},"))
            timeline = (await document(cell, CaseFile, "1")).timeline
            assert [entry.text for entry in timeline] == shown


async def test_a_name_that_is_here_already_is_told_however_it_is_typed() -> None:
    async with a_cell() as cell:
        person = await cell.create(Person)
        async with person.edit() as draft:
            draft.names.add(name_of("Дар’я Вераб'ёва"))
        rows = table("1,ДАР'Я ВЕРАБʼЕВА,,,,,,", "2,Vera Tikhaya,,,,,,", "3,Věra  Tikhaya,,,,,,", "4,Anton,,,,,,")
        report = await import_cases(cell, rows, dry_run=True)
        assert report.alike == [(2, person.id, None), (4, None, 3)]
        assert "Tikhaya" not in repr(report.alike)
        assert counts(await import_cases(cell, rows)) == (4, 0, 0)
        assert (await import_cases(cell, rows)).alike == []  # it is they themselves


async def test_a_row_with_the_id_of_somebody_else_is_left_out() -> None:
    """Else all that is known of one person becomes another's, whose name is then written there."""
    async with a_cell() as cell:
        await import_cases(cell, table("1,Anna Zieleń,,,,,,", "2,Vera Tikhaya,,,,,,", "3,,,,,,,", "4,Ihar Lis,,,,,,"))
        second = table("1,Zoe Zed,,,,,,", "2,VERA Ptakh,,,,,,", "3,Olga Morska,,,,,,", "4,?,,,,,,", "5,New One,,,,,,")
        case, person = await document(cell, CaseFile, "1"), await document(cell, Person, "1")
        title, named = case.title, person.names
        for dry_run in (True, False):
            report = await import_cases(cell, second, dry_run=dry_run)
            assert (report.renamed, report.left_out) == ([(2, person.id)], 1)
            assert report.created + report.updated + report.unchanged == 4
        assert (await document(cell, CaseFile, "1")).title == title
        assert (await document(cell, Person, "1")).names == named
        async with person.edit() as draft:
            draft.names.add(name_of("Zed Zieleń"))
        report = await import_cases(cell, second)  # one word is enough: names are spelt in many ways
        assert (report.renamed, report.updated) == ([], 1)
        async with person.edit() as draft:
            for name in (await document(cell, Person, "1")).names:
                draft.names.discard(name)
            draft.names.add(name_of("Zelda Q"))
        assert (await import_cases(cell, second)).renamed == []  # what people have written since then stays
        made = await cell.create(CaseFile, title="Anton", external_id="A")
        theirs = await cell.create(Person)
        async with theirs.edit() as draft:
            draft.names.add(name_of("Anton Lis"))
        async with made.edit() as draft:
            draft.links.add(Link(theirs.id, Relation.ABOUT))
        assert (await import_cases(cell, table("A,Boris Volk,,,,,,"))).renamed == [(2, theirs.id)]


async def test_a_row_finds_the_case_that_people_gave_its_external_id() -> None:
    async with a_cell() as cell:
        case = await cell.create(CaseFile, title="Vera", external_id="VR-1")
        assert counts(await import_cases(cell, table("VR-1,Vera,active,,,,,"))) == (0, 1, 0)
        assert (await cell.get(CaseFile, case.id)).status is CaseStatus.ACTIVE
        assert len(await cell.cases(CaseFile)) == 1
        twin = await cell.create(CaseFile, title="another Vera", external_id="VR-2")
        await cell.create(CaseFile, title="a third Vera", external_id="VR-2")
        assert counts(await import_cases(cell, table("VR-2,Vera,active,,,,,"))) == (1, 0, 0)  # nobody knows which
        assert (await cell.get(CaseFile, twin.id)).status is CaseStatus.INTAKE


async def test_groups_are_bounded_in_bytes() -> None:
    told: list[tuple[int, int]] = []
    async with a_cell() as cell:
        rows = [f"{number},{'a' * 50_000},,,,,," for number in range(12)]
        await import_cases(cell, table(*rows), progress=lambda *done: told.append(done))
    assert told == [(5, 12), (10, 12), (12, 12)]  # a name is stored twice


async def test_two_devices_that_import_the_same_table_make_the_same_cases(
    autojump_clock: trio.testing.MockClock,
) -> None:
    net = MemoryNetwork(seed=3)
    ana = await net.device("ana").found()
    async with ana.opened() as first:
        ben = await net.device("ben").join(first)
        async with ben.opened() as second:
            await first.synced()
            net.partition("ana", "ben")
            content = table("1,Vera Tikhaya,active,be|ru,parcel,2027-03,a note,", "2,,closed,,,,,")
            for cell in (first, second):
                assert counts(await import_cases(cell, content)) == (2, 0, 0)
            net.heal()
            await first.synced()
            await second.synced()

            assert await first.state_digest() == await second.state_digest()
            for cell in (first, second):
                assert len(await cell.cases(CaseFile)) == 2
                case, person = await document(cell, CaseFile, "1"), await document(cell, Person, "1")
                assert case.conflicts() == person.conflicts() == []
                assert {value.author for value in case.said("status")} == {"ana", "ben"}
                assert [entry.text for entry in case.timeline] == ["a note"]
                assert list(person.names) == [name_of("Vera Tikhaya")]
                assert (await document(cell, SupportTask, "1")).due == PartialDate(2027, 3)
                assert counts(await import_cases(cell, content)) == (0, 0, 2)
            changed = table("1,Vera Tikhaya,pending,be,parcel,2027-03,another note,")
            await import_cases(first, changed)
            case = await document(first, CaseFile, "1")
            assert (case.status, case.conflicts()) == (CaseStatus.PENDING, [])
            assert [entry.text for entry in case.timeline] == ["another note"]


KILLED = """
import os, signal, sys
from functools import partial
from pathlib import Path
import trio
from cellsync.casework.importing import import_cases
from cellsync.cell.founding import found_cell
from cellsync.cell.home import Home
from cellsync.cell.opening import open_cell
from cellsync.node.lan import open_lan
from cellsync.store.header import Kdf

home = Home(Path(sys.argv[1]), partial(open_lan, mode="off", interfaces=["127.0.0.1"]), kdf=Kdf.CHEAP)

def die(done: int, of: int) -> None:
    if done == 100:
        os.kill(os.getpid(), signal.SIGKILL)

async def main() -> None:
    await found_cell(home, "Mill Street", name="ana", passphrase="x")
    async with open_cell(home, passphrase="x") as cell:
        await import_cases(cell, sys.argv[2], progress=die)

trio.run(main)
"""


async def test_an_import_that_was_killed_is_resumed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "ana"), str(DATA / "cases.csv")]
    killed = await trio.run_process(command, check=False, cwd=DATA.parents[1])
    assert killed.returncode == -9
    home = Home(tmp_path / "ana", partial(open_lan, mode="off", interfaces=["127.0.0.1"]), kdf=Kdf.CHEAP)
    async with open_cell(home, passphrase="x") as cell:
        assert len(await cell.cases(CaseFile)) == 100  # whole groups, all that were reported
        assert counts(await import_cases(cell, DATA / "cases.csv")) == (400, 0, 100)


async def test_a_group_is_written_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped while a group is under way, by whatever: the cases of a row are all there, or none."""
    monkeypatch.setattr(intake, "GROUP_ROWS", 2)
    rows = [f"{number},Vera Tikhaya,,,parcel,,," for number in range(5)]

    def stop(done: int, of: int) -> None:
        if done == 4:
            raise KeyError("stopped")

    async with a_cell() as cell:
        with pytest.raises(KeyError, match="stopped"):
            await import_cases(cell, table(*rows), progress=stop)
        assert [len(await cell.cases(one)) for one in (CaseFile, Person, SupportTask)] == [4, 4, 4]
        assert counts(await import_cases(cell, table(*rows))) == (1, 0, 4)


async def test_a_row_is_updated_if_a_value_changes_and_not_if_it_is_noted_who_said_it() -> None:
    async with a_cell() as cell:
        person = await cell.create(Person)
        async with person.edit() as named:
            named.names.add(name_of("Vera"))
        case = await cell.create(CaseFile, external_id="VR-1", title="Vera")
        async with case.edit() as draft:
            draft.tags.add("parcel")
            draft.links.add(Link(person.id, Relation.ABOUT))
        for rows, said in (
            (["VR-1,Vera,parcel"], (0, 0, 1)),
            (["VR-1,Vera,parcel"], (0, 0, 1)),
            (["VR-1,Vera,parcel|letter"], (0, 1, 0)),
            (["VR-1,Vera,letter"], (0, 1, 0)),  # what a table brought, or has said since, it takes away again
            (["VR-1,Vera K,letter", "VR-2,Anton,"], (1, 1, 0)),
        ):
            for dry_run in (True, False):
                given = table(*rows, header="external_id,title,tags")
                assert counts(await import_cases(cell, given, dry_run=dry_run)) == said
        assert (case.title, set(case.tags)) == ("Vera K", {"letter"})
