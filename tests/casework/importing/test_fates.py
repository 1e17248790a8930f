"""Fates: what became of a person is kept when a column of states tells it."""

from __future__ import annotations

import pytest

from cellsync.casework import CaseFile
from cellsync.casework.documents.case_file import CaseStatus
from cellsync.casework.importing import import_cases
from cellsync.casework.importing.cells import BadCell
from cellsync.casework.importing.fates import entries, status
from cellsync.casework.values.partial_date import UNKNOWN_DATE, PartialDate
from cellsync.casework.values.timeline import TimelineEntry, TimelineKind
from tests.casework.tables import a_cell, document


@pytest.mark.parametrize(
    ("cell", "kind", "date"),
    [
        ("released", "released", UNKNOWN_DATE), ("на свободе", "released", UNKNOWN_DATE),
        ("Отпущен", "released", UNKNOWN_DATE), ("адпушчаная", "released", UNKNOWN_DATE),
        ("звільнений", "released", UNKNOWN_DATE), ("na wolności", "released", UNKNOWN_DATE),
        ("зьміна меры", "note", UNKNOWN_DATE), ("изменение меры пресечения", "note", UNKNOWN_DATE),
        ("умер", "died", UNKNOWN_DATE), ("выехала", "left_country", UNKNOWN_DATE),
        ("освобождён 03.05.2024", "released", PartialDate(2024, 5, 3)),
        ("Released on 3 May 2024", "released", PartialDate(2024, 5, 3)),
        ("вызвалены (травень 2024)", "released", PartialDate(2024, 5)),
    ],
)  # fmt: skip
def test_it_is_an_entry_of_the_timeline_in_the_words_of_the_table(cell: str, kind: str, date: PartialDate) -> None:
    assert entries(cell) == [TimelineEntry(TimelineKind(kind), cell, date)]
    assert status(cell) == []


@pytest.mark.parametrize("cell", ["как-то", "released soon", "не освобождён", "released?!", "x" * 100])
def test_what_says_something_else_is_not_read(cell: str) -> None:
    assert entries(cell) == []
    with pytest.raises(BadCell):
        status(cell)


@pytest.mark.parametrize("cell", ["арестована 03.05.2024", "В СИЗО с 3 мая 2024!", "detained (2024-05-03)"])
def test_a_status_with_a_date_is_both(cell: str) -> None:
    assert status(cell) == [CaseStatus.ACTIVE]
    assert entries(cell) == [TimelineEntry(TimelineKind.NOTE, cell, PartialDate(2024, 5, 3))]


def test_a_status_of_ours_is_one() -> None:
    assert (status("в сизо"), status("?"), entries("active")) == ([CaseStatus.ACTIVE], [], [])


async def test_it_arrives_is_told_and_comes_once() -> None:
    content = "id,ФИО,Статус\n1,Вера К,на свободе\n2,Ян Б,зьміна меры\n3,Ева П,active\n4,Зоя П,как-то\n".encode()
    async with a_cell() as cell:
        for created in (4, 0):
            report = await import_cases(cell, content)
            assert (report.created, report.updated, report.left_out) == (created, 0, 0)
            [notice] = report.notices
            assert notice.message.startswith(
                "lines 2, 3: status says more of the person than how the work on the case stands"
            )
            assert notice.examples == ("на свободе", "зьміна меры")
            assert [problem.examples for problem in report.problems] == [("как-то",)]
            for external, kind, text in (("1", "released", "на свободе"), ("2", "note", "зьміна меры")):
                case = await document(cell, CaseFile, external)
                assert [(entry.kind, entry.text) for entry in case.timeline] == [(kind, text)]
                assert case.status is CaseStatus.INTAKE
            assert not list((await document(cell, CaseFile, "3")).timeline)
        await import_cases(cell, "id,ФИО,Статус\n1,Вера К,умерла\n".encode())
        case = await document(cell, CaseFile, "1")
        assert [entry.kind for entry in case.timeline] == ["released", "died"]  # both have happened
