"""Partial dates: dates as far as they are known."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.casework.values.partial_date import (
    BIRTHS,
    EVENTS,
    UNKNOWN_DATE,
    PartialDate,
    Precision,
    read_by_rule,
)
from cellsync.core.errors import InvalidValue
from cellsync.core.schema.values import Misfit, store, value_type


@st.composite
def partial_dates(draw: st.DrawFn) -> PartialDate:
    day = draw(st.dates())
    known = draw(st.integers(0, 3))
    year, month, dated = (part if at < known else None for at, part in enumerate((day.year, day.month, day.day)))
    return PartialDate(year, month, dated, estimated=known > 0 and draw(st.booleans()))


@given(partial_dates())
def test_it_reads_back_what_it_writes(when: PartialDate) -> None:
    assert PartialDate.parse(str(when)) == when
    kind = value_type(PartialDate)
    assert kind.decode(store(kind, "born", when)) == when


@given(partial_dates())
def test_its_bounds_hold_every_day_it_can_be(when: PartialDate) -> None:
    if when.earliest is None or when.latest is None:
        assert when.precision is Precision.UNKNOWN
        return
    days = (when.latest - when.earliest).days + 1
    allowed = {Precision.DAY: {1}, Precision.MONTH: {28, 29, 30, 31}, Precision.YEAR: {365, 366}}
    assert days in allowed[when.precision]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-03", PartialDate(2024, 5, 3)),
        ("2024-5-3", PartialDate(2024, 5, 3)),
        ("2024-05", PartialDate(2024, 5)),
        (" 2024 ", PartialDate(2024)),
        ("03.05.2024", PartialDate(2024, 5, 3)),
        ("5.2024", PartialDate(2024, 5)),
        ("~2024", PartialDate(2024, estimated=True)),
        ("ок. 05.2024", PartialDate(2024, 5, estimated=True)),
        ("ca. 2024", PartialDate(2024, estimated=True)),
        ("?", UNKNOWN_DATE),
        ("", UNKNOWN_DATE),
        ("Невядома", UNKNOWN_DATE),
        ("нет данных", UNKNOWN_DATE),
        ("0000-00-00", UNKNOWN_DATE),
        ("2024-00", PartialDate(2024)),
        ("?.02.2023", PartialDate(2023, 2)),
        ("xx.xx.2023", PartialDate(2023)),
        ("2024/05/03", PartialDate(2024, 5, 3)),
        ("2024.05", PartialDate(2024, 5)),
        ("13/02/2023", PartialDate(2023, 2, 13)),
        ("02/13/2023", PartialDate(2023, 2, 13)),
        ("05-05-2023", PartialDate(2023, 5, 5)),
        ("05/2023", PartialDate(2023, 5)),
        ("03.05.2024 14:30", PartialDate(2024, 5, 3)),
        ("2024-03-05T23:59:00+03:00", PartialDate(2024, 3, 5)),
        ("2023?", PartialDate(2023, estimated=True)),
        ("3.05.2024 (?)", PartialDate(2024, 5, 3, estimated=True)),
        ("около 1985 г.", PartialDate(1985, estimated=True)),
        ("1990 г.р.", PartialDate(1990)),
        ("1 мая 2023 года", PartialDate(2023, 5, 1)),
        ("1 лют. 2023", PartialDate(2023, 2, 1)),
        ("lipiec 2024 r.", PartialDate(2024, 7)),
        ("March 5th, 2024", PartialDate(2024, 3, 5)),
        ("Вясна 2024", PartialDate(2024)),
        ("3 траўня 1981", PartialDate(1981, 5, 3)),
        ("травень 1981", PartialDate(1981, 5)),
        ("3-May-1981", PartialDate(1981, 5, 3)),
        ("3/мая/1981", PartialDate(1981, 5, 3)),
        ("3.V.1981", PartialDate(1981, 5, 3)),
        ("13. XII. 1981 r.", PartialDate(1981, 12, 13)),
        ("03 мая 1981 г. 12:30", PartialDate(1981, 5, 3)),
        ("1981-05-03T12:30:00Z", PartialDate(1981, 5, 3)),
        ("2024/05/03 12:30:00 PM GMT+3", PartialDate(2024, 5, 3)),
        ("03.05.2024 12.30", PartialDate(2024, 5, 3)),
        ("13/05/1981 г.р.", PartialDate(1981, 5, 13)),
        ("1981 г/р", PartialDate(1981)),
        ("3 травня 1981 р.", PartialDate(1981, 5, 3)),
        ("1981 р.н.", PartialDate(1981)),
        ("род. 03.05.1981", PartialDate(1981, 5, 3)),
        ("born 3 May 1981", PartialDate(1981, 5, 3)),
        ("3rd of May 1981", PartialDate(1981, 5, 3)),
        ("около 1981", PartialDate(1981, estimated=True)),
        ("May 1981", PartialDate(1981, 5)),
        ("2024, май", PartialDate(2024, 5)),
        ("1981 май 3", PartialDate(1981, 5, 3)),
        ("3мая 1981", PartialDate(1981, 5, 3)),
        ("03. 05. 1981", PartialDate(1981, 5, 3)),
        ("03,05,1981", PartialDate(1981, 5, 3)),
        ("03.05.1981.", PartialDate(1981, 5, 3)),
        ("пн 03.05.2024", PartialDate(2024, 5, 3)),
        ("Fri May 03 2024", PartialDate(2024, 5, 3)),
        ("03.05.2024 (пт)", PartialDate(2024, 5, 3)),
        ("Q2 2024", PartialDate(2024)),
        ("2 квартал 2024", PartialDate(2024)),
        ("II кв. 2024 г.", PartialDate(2024)),
        ("конец мая 2024 г.", PartialDate(2024, 5)),
        ("mid-2024", PartialDate(2024)),
    ],
)
def test_it_reads_what_people_type(text: str, expected: PartialDate) -> None:
    assert PartialDate.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "05/03/2024", "2024-13", "2024-02-30", "32.01.2024", "24", "~", "~?", "soon", "٢٠٢٤", "1990-2000", "01-02-2023",
        "44958", "44958.5", "31/02/2023", "1 x 2023", "2023 2024", "20230201", "весна", "13.13.2023", "2024 ab",
        "3.vv.1981", "3-V/1981", "v.1981", "31.II.1981", "3-May-81", "03.05.81", "'81", "81 г.р.", "1981-1985",
        "1980/81", "1980-е", "до 1985", "45 лет", "3 мая", "24-May", "03/05/1981 г.р.", "1981-05-02T21:00:00.000Z",
        "с 3 по 5 мая 2024", "2024-05-03 " * 20,
    ],
)  # fmt: skip
def test_it_refuses_what_is_no_date_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        PartialDate.parse(text)
    assert text not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "birth", "event"),
    [
        ("3-May-81", "1981-05-03", "1981-05-03"),
        ("03.05.81", "1981-05-03", "1981-05-03"),
        ("03 мая 81 г.", "1981-05-03", "1981-05-03"),
        ("13/05/81", "1981-05-13", "1981-05-13"),
        ("май.81", "1981-05", "1981-05"),
        ("May-24", "2024-05", "2024-05"),
        ("'81", "1981", "1981"),
        ("81 г.р.", "1981", "1981"),
        ("3.5.05", "2005-05-03", "2005-05-03"),
        ("3.5.25", "2025-05-03", "2025-05-03"),
        ("3.5.27", None, "2027-05-03"),  # born a hundred years ago, or not yet
        ("3.5.30", "1930-05-03", "2030-05-03"),
        ("3.5.50", "1950-05-03", "1950-05-03"),
        ("03/05/81", None, None),  # May or March
        ("25/03/24", None, None),  # 2024 or 2025
        ("81-05-03", None, None),
        ("май 24", None, None),  # the 24th?
        ("81", None, None),
    ],
)
def test_years_of_two_digits_have_the_century_that_the_rule_says(
    text: str, birth: str | None, event: str | None
) -> None:
    for rule, expected in ((BIRTHS, birth), (EVENTS, event)):
        if expected is None:
            with pytest.raises(InvalidValue):
                PartialDate.parse(text, rule)
        else:
            assert str(PartialDate.parse(text, rule)) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("3-May-81", "two digits"), ("май.81", "two digits"), ("81 г.р.", "two digits"), ("Q2 2024", "part of a year"),
        ("весна 2024", "part of a year"), ("конец мая 2024", "part of a year"), ("3 мая 1981 г. 12:30", ""),
        ("1981", ""),
        ("2024-05-03", ""), ("03.05.2024", ""), ("?", ""), ("~2024", ""), ("2024?", ""), ("2024-05", ""),
    ],
)  # fmt: skip
def test_what_a_reader_took_for_granted_is_said(text: str, says: str) -> None:
    told = read_by_rule(text, BIRTHS)
    assert (says in told) if says else (told == "")


@pytest.mark.parametrize("plain", [[2024, 13], [None, 1], [2024, None, 3], ["2024"], [None, None, None, True], 2024])
def test_a_stored_date_that_is_none_does_not_fit(plain: object) -> None:
    with pytest.raises(Misfit):
        value_type(PartialDate).decode(plain)


def test_bounds_and_precision() -> None:
    assert (PartialDate(2024, 2).earliest, PartialDate(2024, 2).latest) == (date(2024, 2, 1), date(2024, 2, 29))
    assert PartialDate(9999, 12).latest == date(9999, 12, 31)
    assert PartialDate.of(date(2024, 5, 3)).precision is Precision.DAY
    assert (UNKNOWN_DATE.earliest, UNKNOWN_DATE.latest, str(UNKNOWN_DATE)) == (None, None, "?")
