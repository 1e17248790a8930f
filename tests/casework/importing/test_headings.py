"""Headings: which column each of them means, whatever people add to it."""

from __future__ import annotations

import pytest

from cellsync.casework.importing import read_csv
from cellsync.casework.importing.headings import doubted, ours, part_of_name, recognised
from cellsync.casework.importing.mapping import COLUMNS, one_line
from cellsync.casework.importing.problems import problems, told


@pytest.mark.parametrize(
    ("heading", "column"),
    [
        ("ФИО (полностью)", "name"), ("Name (full)", "name"), ("Name:", "name"), ("Имя*", "name"),
        ("Date of arrest (dd.mm.yyyy)", "detained_on"), ("Дата задержания, если известна", "detained_on"),
        ("Дата ареста - если известна", "detained_on"), ("Name / Имя", "name"), ("Имя / Name", "name"),
        ("Дата рождения / Date of birth (dd.mm.yyyy)", "birth_date"), ("Пол/Sex", "sex"), ("Пол (м/ж)", "sex"),
        ("1. ФИО", "name"), ("2) Дата рождения", "birth_date"), ("Full name [required]", "name"),
        ("Фамилия, имя, отчество (полностью)", "name"), ("Ф. И. О. заключённого", "name"), ("ФИО полностью", "name"),
        ("Прозвішча, імя (поўнасцю)", "name"), ("Дата нараджэння (калі вядома)", "birth_date"),
        ("Дата народження, якщо відома", "birth_date"), ("Imię i nazwisko (pełne)", "name"),
        ("Срок, лет", "sentence"), ("Article(s)", "articles"), ("Статья (УК РБ)", "articles"),
        ("Статус (на 03.05.2024)", "status"), ("Место содержания (СИЗО/колония)", "facility"),
        ("Дата рождения (число, месяц, год)", "birth_date"), ("group_person/full_name", "name"),
        ("Name (Latin)", "name_latin"), ("ФИО (фамилия, имя, отчество)", "name"),
        ("Задержан(а)", "detained_on"), ("Full Name (Last, First)", "name"),
        ("Date of detention/arrest", "detained_on"), ("Status (released / in custody)", "status"),
        ("Дата освобождения (если освобождён)", "detained_until"), ("Дата ареста (2024)", "detained_on"),
    ],
)  # fmt: skip
def test_a_remark_does_not_cost_a_column(heading: str, column: str) -> None:
    assert (ours(heading), doubted(heading)) == (column, "")


@pytest.mark.parametrize(
    ("heading", "column"),
    [
        ("Name (lawyer)", "name"), ("ФИО (адвокат)", "name"), ("Статья / срок", "articles"), ("lawyer/name", "name"),
        ("contact_person/name", "name"), ("Адрес, телефон", "residence"), ("Дата рождения (ребёнка)", "birth_date"),
        ("Address (of facility)", "residence"), ("Комментарий: источник", "note"), ("Фамилия (матери)", "name"),
        ("Код (УК)", "external_id"), ("Court (date)", "court"), ("Приговор (дата)", "sentence"),
        ("Languages (English)", "languages"), ("Name (2)", "name"), ("Name (m)", "name"), ("Court: date", "court"),
        ("Задержан (по)", "detained_on"), ("Sentence (yes/no)", "sentence"), ("Prison (number)", "facility"),
    ],
)  # fmt: skip
def test_what_may_mean_something_else_is_no_column_of_ours(heading: str, column: str) -> None:
    assert (ours(heading), part_of_name(heading), doubted(heading)) == ("", "", column)


@pytest.mark.parametrize(
    "heading",
    [
        "№ п/п",
        "Имя адвоката",
        "Sentence date",
        "Name 2",
        "Address for letters",
        "Телефон (матери)",
        "Обувь, размер",
        "x" * 300,
    ],
)
def test_what_is_no_heading_of_ours_is_none(heading: str) -> None:
    assert (ours(heading), doubted(heading)) == ("", "")


def test_parts_of_a_name_may_have_remarks() -> None:
    header = ["Фамилия*", "Имя (как в паспорте)", "Отчество, если есть"]
    assert recognised(header) == {"name": ("Имя (как в паспорте)", "Отчество, если есть", "Фамилия*")}


def test_a_heading_without_a_remark_goes_before_one_with_it() -> None:
    assert recognised(["Имя (рус)", "ФИО"])["name"] == ("ФИО",)


def test_a_name_in_two_languages_arrives_as_two() -> None:
    [row] = read_csv("ФИО (рус);ФИО (бел);Дата рождения\nПётр Лис;Пятро Ліс;1990\n".encode()).rows
    names = [name for (field, _), said in row.documents["person"].items() if field == "names" for name, *_ in said]
    assert names == ["Пётр Лис", "Пятро Ліс"]
    assert row.documents["case"]["title", ""] == ["Пётр Лис"]


def test_a_column_in_doubt_is_told_with_what_stands_in_it() -> None:
    reading = read_csv("ФИО,Адрес (адвокат)\nВера Тихая,Млын 3\nЯн Бор,\nЕва Птах,Млын 5\n".encode())
    [problem] = problems(reading.errors, reading.unread, reading.doubted)
    assert problem.message.startswith("line 1: Адрес (адвокат) was left out: its heading says residence")
    assert (problem.examples, problem.left_out, reading.ignored) == (("Млын 3", "Млын 5"), False, [])
    assert len(reading.rows) == 3
    assert "Млын" not in f"{problem}{reading}"


@pytest.mark.parametrize(
    ("heading", "cells", "days"),
    [
        ("Born (dd/mm/yyyy)", ["03/05/1981", "25/12/1990"], ["1981-05-03", "1990-12-25"]),
        ("Born (mm/dd/yyyy)", ["03/05/1981", "12/25/1990"], ["1981-03-05", "1990-12-25"]),
        ("Born (mm/dd/yyyy)", ["03/05/1981", "25/12/1990"], [None, "1990-12-25"]),  # it is not so
        ("Born (dd/mm/yyyy)", ["3/5/1981", "25/12/1990"], [None, "1990-12-25"]),  # a program wrote these otherwise
        ("Born (d/m/yyyy)", ["3/5/1981", "1990"], ["1981-05-03", "1990"]),
        ("Born (dd.mm.yyyy)", ["03/05/1981"], [None]),
        ("Born (dd/mm/yy)", ["03/05/81"], ["1981-05-03"]),
        ("Born (mm.dd.yyyy)", ["03.05.1981"], ["1981-03-05"]),
        ("Born", ["03/05/1981", "25/12/1990"], [None, "1990-12-25"]),
        ("Дата рождения (ДД/ММ/ГГГГ)", ["03/05/1981"], ["1981-05-03"]),
        ("Born (dd/mm/yyyy or mm/dd/yyyy)", ["03/05/1981"], [None]),
    ],
)
def test_a_heading_settles_the_order_if_all_dates_are_written_so(
    heading: str, cells: list[str], days: list[str | None]
) -> None:
    rows = [f"Vera {'KLM'[at]}\t{cell}" for at, cell in enumerate(cells)]
    reading = read_csv("\n".join([f"Name\t{heading}", *rows, ""]).encode())
    found = [row.documents["person"].get(("born", "")) for row in reading.rows]
    shown = [said and "-".join(f"{part:02}" for part in said[0][:3] if part) for said in found]
    assert shown == days
    assert len(reading.unread) == days.count(None)


def test_what_a_heading_has_settled_is_told() -> None:
    reading = read_csv(b"Name,Date of arrest (mm/dd/yyyy)\nVera K,05/03/2024\nAnton L,12/25/2023\nEva M,2024\n")
    [notice] = told(reading.notices)
    assert notice.message == "line 2: detained_on is read as its heading says: mm/dd/yyyy"
    assert (notice.examples, reading.unread) == (("05/03/2024",), [])


def test_a_figure_has_the_unit_of_its_heading() -> None:
    rows = read_csv("ФИО;Срок (лет)\nВера К;5\nЯн Б;5 лет 6 мес.\nЕва М;2,5\n".encode()).rows
    assert [row.documents["proceeding"]["sentence", ""] for row in rows] == [["5 лет"], ["5 лет 6 мес."], ["2,5 лет"]]


@pytest.mark.parametrize("column", [one for one in COLUMNS if one not in ("external_id", "further_demands")])
def test_every_column_of_ours_may_have_a_remark_and_none_that_names_others(column: str) -> None:
    for remark in ("{} (if known)", "{}, обязательно", "{}: калі вядома", "{} *", "1. {}", "{}\n(якщо відомо)"):
        assert ours(one_line(remark.format(column))) == column, remark
    for remark in ("{} (lawyer)", "{}, адвокат", "{} / telephone", "{}: жена", "{} (old)"):
        assert (ours(remark.format(column)), doubted(remark.format(column))) == ("", column), remark
