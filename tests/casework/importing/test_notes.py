"""Notes: rows that are about no person are left out and reported; a row that may be about a person is imported."""

from __future__ import annotations

import csv

import pytest

from cellsync.casework.importing import notes, read_csv
from cellsync.casework.importing.problems import problems
from tests.casework.tables import DATA

HEADER = ["№", "Name", "Born", "Status"]

NOTES = [
    "Source: RHC", "Источник: сайт правозащитников", "Крыніца — сайт", "Джерело: сайт", "Źródło: strona",
    "* not confirmed", "** со слов знакомых", "¹ по данным СМИ", "Updated 3 May", "Обновлено 3 мая", "Updated May",
    "Абноўлена 03.05.2024", "Stan na 3 maja 2024", "По состоянию на 1 мая", "Data as of 1 May 2024",
    "Станом на 1 травня",
    "Составила: Анна Лис", "Составила Анна Лис", "Compiled by Anna Fox", "Данные уточняются", "данные уточняются",
    "Подпись ____________", "____________", "- - - -", "https://example.org/list", "См. также t.me/example",
    "Список обновляется каждую неделю.", "The list is not complete.", "Not all of these were confirmed by relatives",
    "Эти люди задержаны на акции у суда.", "Исполнитель: Лис А.А. тел. 29 000", "Обновляется",
    "End of list", "(c) RHC", "© RHC 2024", "Подпись",
]  # fmt: skip
SECTIONS = [
    "Май 2024", "May 2024", "Травень 2024 року", "2024", "2 квартал 2024", "Гомельская область", "Homiel region",
    "Мінская вобласць", "г. Минск", "м. Київ",
]  # fmt: skip
PEOPLE = [
    "Вера Тихая", "ганна ціхаструм", "Вера", "Иванов Г.", "Иванов А.А.", "Van der Berg J.", "Page Larry", "Key Anna",
    "Василий Край", "Май Вера", "April", "Мохаммед бин Салман ибн Абдулазиз Аль Сауд", "woman in a blue jacket",
    "Woman seen at the gate of the mill.", "жанчына ў сіняй куртцы", "Пожилой мужчина, имя уточняется.",
    "«Сосед», имя уточняется", "student of the third year, seen in the van", "Totalova Anna", "Всеволод Лис", "?",
    "* Вера Тихая", "«Вера Тихая»", "Ева Птах*", "2 человека",
    "Иванов-Петров Сергей Александрович мл.", "Вера Тихая (1981 г.р.)", "Иванова Мария Петровна (псевдоним)",
    "Vera Quiet @vera_quiet", "Данные Пётр", "Список Иван", "Total Ivan", "Region Anna", "Source Mary", "семья Лисов",
    "1. Вера Тихая", "Данила Лис", "Вера Тихая, дочь Ивана",
    "Сидоров И. И., 1985 г.р., г. Минск", "СМОЛОКОТ ПЁТР", "Hanna & Jan",
]  # fmt: skip


@pytest.mark.parametrize("said", NOTES)
@pytest.mark.parametrize("at", [0, 1])
def test_a_note_is_about_nobody(said: str, at: int) -> None:
    record = ["", "", "", ""]
    record[at] = said
    assert notes.about_nobody(record, HEADER) == (notes.NOTE, said)


@pytest.mark.parametrize("said", SECTIONS)
def test_a_heading_between_the_rows_is_about_nobody(said: str) -> None:
    assert notes.about_nobody(["", said, "", ""], HEADER) == (notes.SECTION, said)


@pytest.mark.parametrize("said", PEOPLE)
def test_a_name_or_a_description_alone_is_somebody(said: str) -> None:
    assert notes.about_nobody(["", said, "", ""], HEADER) == ("", "")
    assert len(read_csv(f"№;Name;Born;Status\n1;Ян Бор;1990;\n;{said};;\n".encode()).rows) == 2 - (said == "?")


@pytest.mark.parametrize("said", [*NOTES, *SECTIONS])
def test_where_more_is_said_it_may_be_a_row(said: str) -> None:
    if ":" not in said:
        assert notes.about_nobody(["3", said, "1990", "active"], HEADER) == ("", "")


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (["Всего: 12", "", "", ""], notes.COUNTS), (["Total: 12 people", "", "", ""], notes.COUNTS),
        (["", "Итого", "12", ""], notes.COUNTS), (["Усяго чалавек", "12", "", ""], notes.COUNTS),
        (["", "Updated", "3 May 2024", ""], notes.NOTE), (["Source: RHC", " Mill", " 2024", "x"], notes.NOTE),
        (["Составила", "Анна Лис", "", ""], notes.NOTE), (["№", "Name", "Born", "Status"], notes.HEADINGS),
        (["", "NAME", "born", ""], notes.HEADINGS), (["", "12 человек всего", "", ""], notes.COUNTS),
        (["1 person in total", "", "", ""], notes.COUNTS),
    ],
)  # fmt: skip
def test_rows_of_several_cells_that_are_about_nobody(record: list[str], why: str) -> None:
    assert notes.about_nobody(record, HEADER)[0] == why


@pytest.mark.parametrize(
    "record",
    [
        ["", "Page", "Larry", ""], ["", "Вера Тихая", "1990", ""], ["5", "Итого", "12", "active"],
        ["", "Name", "1990", ""], ["", "", "", ""],
    ],
)  # fmt: skip
def test_rows_that_only_look_so(record: list[str]) -> None:
    assert notes.about_nobody(record, HEADER) == ("", "")


def test_a_list_of_names_has_no_notes() -> None:
    reading = read_csv("ФИО\nВера Тихая\nИсточник: сайт\nЯн Бор\n".encode())
    assert [row.external for row in reading.rows][::2] == ["Вера Тихая", "Ян Бор"]


def test_what_is_left_out_is_told_with_what_stands_there_and_counted_in_rows() -> None:
    rows = "1;Вера Тихая;active\n2;;\n3;;\n\n;Всего: 1;\n;* не подтверждено;\n;Источник: сайт;\n;Ева Птах;\n"
    reading = read_csv(f"№;ФИО;Статус\n{rows}".encode())
    assert [row.external for row in reading.rows] == ["Вера Тихая", "Ева Птах"]
    assert reading.left_out == 5
    found = {problem.message: (problem.examples, problem.left_out) for problem in problems(reading.errors, [])}
    assert found == {
        f"lines 3, 4: this row {notes.EMPTY}": (("2", "3"), True),
        f"line 6: this row {notes.COUNTS}": (("Всего: 1",), True),
        f"lines 7, 8: this row {notes.NOTE}": (("* не подтверждено", "Источник: сайт"), True),
    }


def test_our_own_tables_have_no_notes() -> None:
    table = "external_id,name,title,also,conflicts\nSource: x,,Source: RHC,,\nTotal,,,,\n"
    assert [row.external for row in read_csv(table.encode()).rows] == ["Source: x", "Total"]


def test_no_row_of_the_example_is_a_note_nor_is_any_name_of_it_alone() -> None:
    with (DATA / "cases.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    named = [header.index(one) for one in ("name", "name_latin", "name_local")]
    alone = [["", name, "", ""] for row in rows for name in (row[at] for at in named) if name]
    assert len(alone) > 900
    assert [row for row in rows if notes.about_nobody(row, header)[0]] == []
    assert [row for row in alone if notes.about_nobody(row, HEADER)[0]] == []
