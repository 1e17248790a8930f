"""Tables as collectives keep them, in four languages and from four programs: every value arrives, or is reported.

All persons are invented. `[...]` is the content of a row's field, `told` the report of the import on the rest.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from cellsync.casework.importing import Reading, read_csv
from cellsync.casework.importing.problems import problems, told
from cellsync.casework.values.partial_date import PartialDate
from cellsync.core.schema.values import value_type


class Kept(NamedTuple):
    content: bytes
    rows: list[dict[str, str]]
    told: dict[str, tuple[str, ...]]  # how a problem or notice begins, and its examples
    ignored: tuple[str, ...] = ()


EXCEL_RUSSIAN = Kept(
    """Список задержанных;;;;;;
по состоянию на 12.03.2024;;;;;;
;;;;;;
№ п/п;Фамилия, имя, отчество;Дата рожд. (дд.мм.гггг);Место работы, должность;Город;Статья УК РБ;Примечание
1;Тихая Вера Ивановна;03.05.1981;учительница;Минск;342 ч. 1;ждём адвоката
2;Бор Ян;05.1990;;;342, 293;
3;Неизвестный мужчина лет 40;;;;;
;;;;;;
Всего: 3 чел.;;;;;;
Исполнитель: Лис А.А. тел. 29 000;;;;;;
""".encode("cp1251"),
    [
        {
            "names": "Тихая Вера Ивановна", "born": "1981-05-03", "occupation": "учительница", "articles": "342 ч. 1",
            "timeline": "ждём адвоката",
        },
        {"names": "Бор Ян", "born": "1990-05", "articles": "342|293"},
        {"description": "Неизвестный мужчина лет 40", "title": "Неизвестный мужчина лет 40"},
    ],
    {
        "line 9: this row counts the others": ("Всего: 3 чел.",),
        "line 10: this row is a note": ("Исполнитель: Лис А.А. тел. 29 000",),
    },
    ("№ п/п", "Город"),
)  # fmt: skip
GOOGLE_FORM = Kept(
    b"Timestamp,Full name of the detainee *,Date of birth (if known),"
    b"""Gender (m/f),Date of detention,"Contact person (name, phone)"
2024/02/12 9:14:22 PM GMT+3,"Vera Quiet",5/3/1981,f,2024/02/12 9:00:00 AM GMT+3,"Anna, 29000"
2024/02/12 9:20:00 PM GMT+3,"Jan Forest ",,Male,12 Feb 2024,
""",
    [
        {"names": "Vera Quiet", "sex": "female", "since": "2024-02-12"},
        {"names": "Jan Forest", "sex": "male", "since": "2024-02-12"},
    ],
    {
        "line 1: Contact person (name, phone) was left out": ("Anna, 29000",),
        "line 2: birth_date is a date of which nobody knows": ("5/3/1981",),
    },
    ("Timestamp",),
)
BELARUSIAN_UTF16 = Kept(
    """Прозвішча\tІмя\tІмя па бацьку\tДата нараджэння\tДата затрымання\tСтатус\tГорад
Студзень 2024\t\t\t\t\t\t
Ціхая\tВера\tІванаўна\t3 траўня 1981\t12.01.2024\tу СІЗА\tМенск
Бор\tЯн\t\t1990\t15.01.2024\tадпушчаны 20.01.2024\tГародня
Люты 2024\t\t\t\t\t\t
Птах\tЕва\t\t\t02.02.2024\tасуджана\tМенск
Разам\t3\t\t\t\t\t
""".encode("utf-16"),
    [
        {"names": "Вера Іванаўна Ціхая", "born": "1981-05-03", "since": "2024-01-12", "status": "active"},
        {"names": "Ян Бор", "born": "1990", "since": "2024-01-15", "timeline": "адпушчаны 20.01.2024"},
        {"names": "Ева Птах", "since": "2024-02-02", "status": "active"},
    ],
    {
        "lines 2, 5: this row is a heading": ("Студзень 2024", "Люты 2024"),
        "line 7: this row counts the others": ("Разам 3",),
        "line 4: status says more of the person": ("адпушчаны 20.01.2024",),
    },
    ("Горад",),
)
RANGES = Kept(
    """ФИО,Дата задержания (если известна),Освобождён
Вера Тихая,03.05–05.06.2024,
Ян Бор,с 3 мая 2024,
Ева Птах,3-4 мая 2024,
""".encode(),
    [{"names": "Вера Тихая", "since": "2024-05-03"}, {"names": "Ян Бор", "since": "2024-05-03"}, {"names": "Ева Птах"}],
    {
        "line 4: detained_on is not a date": ("3-4 мая 2024",),
        "line 2: detained_on says an end as well": ("03.05–05.06.2024",),
    },
)
UKRAINIAN_TWO_ROWS = Kept(
    """\ufeff"№","ПІБ","Затримання",,"Обвинувачення",,"Адвокат",
,,"дата","місце","стаття","термін, років","ПІБ","телефон"
1,"Тиха Віра","01.02.2024","Київ","109","5","Лис Петро","050"
2,"Бір Іван","лютий 2024",,"110-2","7","Лис Петро",
,,,,,,,
"Джерело: сайт",,,,,,,
""".encode(),
    [
        {"names": "Тиха Віра", "since": "2024-02-01", "articles": "109", "sentence": "5 років"},
        {"names": "Бір Іван", "since": "2024-02", "articles": "110-2", "sentence": "7 років"},
    ],
    {"line 2: Адвокат: ПІБ was left out": ("Лис Петро",), "line 6: this row is a note": ("Джерело: сайт",)},
    ("№", "Затримання: місце", "Адвокат: телефон"),
)
TELEGRAM = Kept(
    """Имя\tГод рожд.\tГде\tСрок
1. Вера Тихая\t1981 г.р.\tИК-4\t5 лет
2. Ян Бор\t90 г.р.\tСИЗО-1\t—
3. Ева Птах\t\t\t
💔 Пётр Лис\t1970\tумер\t
Обновляется @kanal_bot\t\t\t
""".encode(),
    [
        {"names": "Вера Тихая", "title": "Вера Тихая", "born": "1981", "sentence": "5 лет"},
        {"names": "Ян Бор", "born": "1990"},
        {"names": "Ева Птах"},
        {"names": "Пётр Лис", "title": "Пётр Лис", "born": "1970"},
    ],
    {
        "line 6: this row is a note": ("Обновляется @kanal_bot",),
        "line 3: birth_date has a year of two digits: 00 to 25": ("90 г.р.",),
    },
    ("Где",),
)
EMPTY_COLUMNS = Kept(
    """;;Имя и фамилия;;Дата ареста;;Приговор;
;;Вера Тихая;;12/02/2024;;5 лет колонии;
;;Ян Бор;;;;;
;;Имя и фамилия;;Дата ареста;;Приговор;
;;Ева Птах;;13/02/2024;;;
""".encode(),
    [
        {"names": "Вера Тихая", "sentence": "5 лет колонии"},
        {"names": "Ян Бор"},
        {"names": "Ева Птах", "since": "2024-02-13"},
    ],
    {
        "line 2: detained_on is a date of which nobody knows": ("12/02/2024",),
        "line 4: this row names the columns once more": ("Имя и фамилия Дата ареста Приговор",),
    },
)
POLISH = Kept(
    """Lp.;Imię i nazwisko (pełne);Data urodzenia (dd.mm.rrrr);Obywatelstwo;Data zatrzymania;Zarzuty (art.);Uwagi
1;Wiera Cicha;03.05.1981 r.;białoruskie;12 lutego 2024;342;
2;Jan Bór;maj 1990;BY/PL;luty 2024 r.;;zdrowy
Źródło: strona, stan na 1 marca 2024;;;;;;
""".encode("cp1250"),
    [
        {"names": "Wiera Cicha", "born": "1981-05-03", "citizenships": "BY", "since": "2024-02-12", "articles": "342"},
        {"names": "Jan Bór", "born": "1990-05", "citizenships": "BY|PL", "since": "2024-02", "timeline": "zdrowy"},
    ],
    {"line 4: this row is a note": ("Źródło: strona, stan na 1 marca 2024"[:40],)},
    ("Lp.",),
)
EXCEL_ENGLISH = Kept(
    b"""S.No,Name,DOB,Arrest date,Charge,Current location,Remarks
1,Vera Quiet,3-May-81,12-Feb-24,342,Prison no. 4,
2,Jan Forest,Jan-90,Feb-24,"342, 293",,released 3-Mar-24
3,,,,,,
Grand Total,2,,,,,
""",
    [
        {"names": "Vera Quiet", "born": "1981-05-03", "since": "2024-02-12", "articles": "342"},
        {
            "names": "Jan Forest", "born": "1990-01", "since": "2024-02", "articles": "342|293",
            "timeline": "released 3-Mar-24",
        },
    ],
    {
        "line 4: this row says nothing": ("3",),
        "line 5: this row counts the others": ("Grand Total 2",),
        "lines 2, 3: birth_date has a year of two digits": ("3-May-81", "Jan-90"),
        "lines 2, 3: detained_on has a year of two digits": ("12-Feb-24", "Feb-24"),
    },
    ("S.No", "Current location"),
)  # fmt: skip
TWO_LANGUAGES = Kept(
    """ФИО / Name;Д.р.;Статус (в СИЗО / осуждён / освобождён)
Вера Тихая / Vera Quiet;3.5.81;в СИЗО
Ян Бор / Jan Forest;;освобождён
""".encode(),
    [
        {"names": "Вера Тихая|Vera Quiet", "title": "Вера Тихая", "born": "1981-05-03", "status": "active"},
        {"names": "Ян Бор|Jan Forest", "title": "Ян Бор", "timeline": "освобождён"},
    ],
    {
        "line 2: birth_date has a year of two digits": ("3.5.81",),
        "line 3: status says more of the person": ("освобождён",),
    },
)
MERGED_GROUPS = Kept(
    """Заключённый;;;Адвокат;;Арест;
ФИО;Дата рождения;Статья;ФИО;Телефон;Дата;Место
Вера Тихая;03.05.81;342;Пётр Лис;29;01.02.2024;Минск
Ян Бор;;293;;;;
""".encode(),
    [{"names": "Вера Тихая", "born": "1981-05-03", "articles": "342", "since": "2024-02-01"}, {"names": "Ян Бор"}],
    {
        "line 2: Адвокат: ФИО was left out": ("Пётр Лис",),
        "line 3: birth_date has a year of two digits": ("03.05.81",),
    },
    ("Адвокат: Телефон", "Арест: Место"),
)
NAME_TWICE = Kept(
    "Name;Name (Cyrillic);Status\nVera Quiet;Вера Тихая;in custody\n* not confirmed;;\n".encode(),
    [{"names": "Vera Quiet|Вера Тихая", "title": "Vera Quiet", "status": "active"}],
    {"line 3: this row is a note": ("* not confirmed",)},
)
TABLES = {name: table for name, table in list(globals().items()) if name.isupper() and isinstance(table, Kept)}


def said(reading: Reading) -> list[dict[str, str]]:
    """What each row says, field by field."""
    found = []
    for row in reading.rows:
        values: dict[str, list[Any]] = {}
        for document in row.documents.values():
            for (field, _), several in document.items():
                values.setdefault(field, []).extend(several)
        found.append({field: "|".join(_shown(field, one) for one in several) for field, several in values.items()})
    return found


def _shown(field: str, value: Any) -> str:
    if field in ("born", "since", "until"):
        return str(value_type(PartialDate).decode(value))
    return str(value[{"names": 0, "timeline": 1}[field]]) if isinstance(value, list) else str(value)


@pytest.mark.parametrize("name", TABLES)
def test_every_value_arrives_or_is_told(name: str) -> None:
    kept = TABLES[name]
    reading = read_csv(kept.content)
    found = said(reading)
    assert [
        {field: row.get(field) for field in expected} for row, expected in zip(found, kept.rows, strict=True)
    ] == kept.rows
    all_told = [*problems(reading.errors, reading.unread, reading.doubted), *told(reading.notices)]
    assert {one.message: one.examples for one in all_told} == {
        next((one.message for one in all_told if one.message.startswith(begins)), begins): examples
        for begins, examples in kept.told.items()
    }
    assert tuple(reading.ignored) == kept.ignored
    assert reading.left_out == len({error.line for error in reading.errors})
