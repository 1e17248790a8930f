"""Reading: readings of cells are cached column by column, and equal those of each cell by itself."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.casework.importing import read_csv, reading
from cellsync.casework.importing.mapping import EXAMPLE, Mapping
from tests.models import tables

HEADER = (
    "external_id", "Фамилия", "Имя", "status", "born", "languages", "next_task", "next_task_due", "note", "court",
    "detained_since", "timeline", "country",
)  # fmt: skip
CELLS = st.sampled_from([
    "", " ", "-", "?", "n/a", "unknown", "active", "Active ", "released", "no such word", "1990-05-03", "1990-02-31",
    "03.05.1990", "1990", "be", "be|ru", "be;xx", "Belarus", "parcel", "'=1", '="7"', '"a|b"|c', "Vera", "Вера",
    "Кавалёва", "woman seen at the gate", "a note", "a\nb", "Mill Street 5", "??????", "2024-05: moved", "\ufffd",
    "a text that is too long to be remembered, whatever it says", "2027-03", "x" * 41,
])  # fmt: skip
MAPPINGS = [
    EXAMPLE,
    Mapping.of({"note": ["person.born", "case.summary"]}),  # a text takes what is no date, and does not know better
    Mapping.of({"court": ["person.born", "person.sex"], "status": ["case.status", "task.due"]}),
]


def content_of(header: list[str], rows: list[list[str]]) -> bytes:
    made = io.StringIO(newline="")
    writer = csv.writer(made)
    writer.writerow(header)
    for number, row in enumerate(rows):
        writer.writerow([f"VR-{number}", *row])
    return made.getvalue().encode()


@given(
    st.permutations(HEADER[1:]), st.lists(st.lists(CELLS, min_size=1, max_size=12), min_size=1, max_size=6), st.data()
)
def test_a_row_is_read_as_its_cells_are_by_themselves(
    header: list[str], rows: list[list[str]], data: st.DataObject
) -> None:
    mapping = data.draw(st.sampled_from(MAPPINGS))
    content = content_of(["external_id", *header], [rows[0], *rows])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reading, "_REMEMBERED", data.draw(st.sampled_from([1, 2, 1_000])))
        read = read_csv(content, mapping)
    plain = {line: (documents, unread) for line, documents, unread in tables.rows(content, mapping)}
    for row in read.rows:
        documents, _ = plain[row.line]
        assert row.documents == documents
        assert list(row.documents) == list(documents)
        assert [list(one) for one in row.documents.values()] == [list(one) for one in documents.values()]
        assert row.size >= sum(map(reading._size, documents.values()))
    lines = {row.line for row in read.rows}
    assert read.unread == [one for line, (_, unread) in plain.items() if line in lines for one in unread]
    assert len(read.rows) >= len(rows)  # but for a first row that may be another header
