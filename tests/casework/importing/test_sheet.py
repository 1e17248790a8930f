"""Sheets: headings in two rows, and rows that are not headings."""

from __future__ import annotations

import pytest

from cellsync.casework.importing import read_csv
from cellsync.casework.importing.mapping import EXAMPLE
from cellsync.casework.importing.sheet import read_sheet


@pytest.mark.parametrize(
    ("rows", "header", "first"),
    [
        (["№;ФИО;;Дата рождения", ";Фамилия;Имя;", "1;Лис;Ян;1990"], ["№", "Фамилия", "Имя", "Дата рождения"], 3),
        (["ФИО;Арест;;Срок", ";дата;место;", "Лис;1990;x;y"], ["ФИО", "Арест: дата", "Арест: место", "Срок"], 3),
        (["ФИО;Телефон;;", "Вера;37;Минск;"], ["ФИО", "Телефон", "", ""], 2),  # columns without a name
        (["ФИО;;Дата задержания", "Тихая;Вера;", "Бор;Ян;"], ["ФИО", "", "Дата задержания"], 2),
        (["Семьи узников;;;3 мая", "ФИО;Адрес;Статус;Теги", "Лис;x;;"], ["ФИО", "Адрес", "Статус", "Теги"], 3),
        (["Список;;;", "ФИО;Адрес;Статус;Теги", "Лис;x;;"], ["ФИО", "Адрес", "Статус", "Теги"], 3),
        (
            ["Узник;;Мать;", "ФИО;Адрес;ФИО;Адрес", "a;b;c;d"],
            ["ФИО", "Адрес", "Мать: ФИО", "Мать: Адрес"],
            3,
        ),
    ],
)
def test_headings_take_one_row_or_two(rows: list[str], header: list[str], first: int) -> None:
    sheet = read_sheet("\n".join([*rows, ""]), EXAMPLE.knows)
    assert sheet.header == header
    lines = [line for line, _ in sheet.rows]
    assert lines == [line for line, _ in sheet.again()] == list(range(first, len(rows) + 1))


def test_what_a_group_is_about_is_not_mixed_up() -> None:
    content = "Узник;;Мать;\nФИО;Адрес;ФИО;Адрес\nЯн Лис;Млын 3;Ева Лис;Млын 4\n"
    reading = read_csv(content.encode())
    [row] = reading.rows
    assert row.external == "Ян Лис"
    assert [(one.column, one.cell) for one in reading.doubted] == [("Мать: ФИО", "Ева Лис"), ("Мать: Адрес", "Млын 4")]
