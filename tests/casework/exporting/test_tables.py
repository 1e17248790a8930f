"""Tables: what leaves in one, and how it is read back."""

from __future__ import annotations

import csv
from io import StringIO

import pytest

from cellsync.casework import Consent, Episode, Person, Proceeding, TimelineEntry
from cellsync.casework.documents.case_file import LineOfWork, Priority
from cellsync.casework.documents.consent import Scope
from cellsync.casework.exporting import Form, export_cases
from cellsync.casework.importing import Mapping, import_cases, read_csv
from cellsync.casework.importing.cells import guard, tidy
from cellsync.casework.values.link import Link, Relation
from cellsync.casework.values.name import NameKind, name_of
from cellsync.casework.values.partial_date import PartialDate
from cellsync.casework.values.timeline import TimelineKind
from cellsync.casework.vocabulary import meant
from cellsync.core.errors import InvalidValue
from cellsync.core.ids import CaseId
from cellsync.core.schema.schema import creation
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from tests.casework.exporting.cases import a_case, rows
from tests.casework.tables import DATA, a_cell, counts


async def test_the_example_comes_back_unchanged() -> None:
    async with a_cell() as cell:
        with (DATA / "cases.csv").open(encoding="utf-8", newline="") as file:
            table = list(csv.DictReader(file))
        before = {
            row["external_id"]: row for row in table[:120] + [one for one in table if one["name"] == one["name_local"]]
        }
        assert len(before) > 120
        written = StringIO(newline="")
        writer = csv.DictWriter(written, table[0])
        writer.writeheader()
        writer.writerows(before.values())
        await import_cases(cell, written.getvalue().encode())
        consents: list[tuple[CaseId, list[Operation]]] = []
        for number, person in enumerate(await cell.cases(Person)):
            link = Operation(int(Op.ADD), "links", None, list(Link(person.id, Relation.ABOUT)))
            done = [*creation(Consent, {"scope": Scope.INTERNAL}), link]
            consents.append((CaseId(number.to_bytes(32, "big")), done))
        await cell.write(consents)
        export = await export_cases(cell, form=Form.CSV, audience=Scope.INTERNAL)
        assert (len(export.cases), export.refused) == (len(before), [])

        entries = cell.entries()
        report = await import_cases(cell, export.content)
        assert (counts(report), report.errors) == ((0, 0, len(before)), [])
        assert cell.entries() == entries

        texts = ("name_latin", "name_local", "line_of_work", "agency", "facility", "sentence", "next_task")
        words = ("status", "recognition", "episode_kind", "warrant")  # an empty cell says the default
        for row in rows(export):
            said = before[row["external_id"]]
            assert [row[one] for one in texts] == [said[one] for one in texts]
            assert row["title"] == said["name"] == (row["name"] or row["description"])
            assert [row[one] for one in words if said[one]] == [said[one] for one in words if said[one]]
            assert tidy(row["note"]) == before[row["external_id"]]["note"]
            assert row["priority"] == (meant(said["priority"], Priority) or Priority.NORMAL)
        assert "handler" not in rows(export)[0]

    async with a_cell() as empty:
        assert counts(await import_cases(empty, export.content)) == (len(before), 0, 0)


async def test_one_row_in_the_dialect_of_uwazi() -> None:
    async with a_cell() as cell:
        case = await a_case(cell, title="=HYPERLINK(1)", summary="-5 людей", line_of_work=LineOfWork.TALKS)
        person = (await cell.cases(Person))[0]
        async with person.edit() as edited:
            edited.languages.add("be")
            edited.languages.add("ru")
            edited.names.add(name_of("Kestrel", NameKind.ALIAS))
        for since, until in ((PartialDate(2024, 5), PartialDate(2024, 6, 3)), (PartialDate(2025), None)):
            episode = await cell.create(Episode, since=since, until=until)
            async with episode.edit() as draft:
                draft.links.add(Link(case.id, Relation.PART_OF))
        async with case.edit() as changed:
            changed.timeline.append(TimelineEntry(TimelineKind.NOTE, "a note"))
            changed.timeline.append(TimelineEntry(TimelineKind.HEARING, "put off", PartialDate(2024, 7, 1)))
        export = await export_cases(cell, form=Form.CSV, audience=Scope.PARTNERS, language="ru")
        [row] = rows(export)
        assert (row["title__ru"], row["summary__ru"]) == ("'=HYPERLINK(1)", "'-5 людей")
        assert set(row["languages"].split("|")) == {"be", "ru"}
        assert (row["other_names"], row["also"]) == ("Kestrel", "episode: 1")
        assert row["detention"] in {"2024-05-01:2024-06-03", "2025-01-01:"}
        assert (row["note__ru"], row["timeline__ru"]) == ("a note", "2024-07-01 hearing: put off")
        assert (row["line_of_work"], row["conflicts"]) == ("talks", "")

        [read] = read_csv(export.content, Mapping.of({"external_id": "external_id", "title__ru": "name"})).rows
        assert read.documents["case"]["title", ""] == ["=HYPERLINK(1)"]
        with pytest.raises(InvalidValue):
            await export_cases(cell, form=Form.CSV, audience=Scope.PARTNERS, language="Russian!")


@pytest.mark.parametrize("label", ["a|b", "a::b", "a;b", "a\nb", '"a"', "n/a", "?", "342, part 1", "a;=b"])
async def test_a_label_with_a_separator_leaves_and_is_read_back(label: str) -> None:
    async with a_cell() as cell:
        case = await a_case(cell)
        proceeding = await cell.create(Proceeding)
        async with case.edit() as draft, proceeding.edit() as edited:
            draft.tags.add(label)
            draft.tags.add("plain")
            edited.links.add(Link(case.id, Relation.PART_OF))
            edited.articles.add(label)
            edited.articles.add("293")
        table = (await export_cases(cell, form=Form.CSV, audience=Scope.PARTNERS)).content
    [row] = read_csv(table).rows
    assert set(row.documents["case"]["tags", "tags"]) == {label, "plain"}
    assert set(row.documents["proceeding"]["articles", "articles"]) == {label, "293"}


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "'=1", "''=1", "'tis", "'", "", "a=1", "=\tx"])
def test_the_import_undoes_the_guard(text: str) -> None:
    assert tidy(guard(text)) == text
    assert not guard(text).startswith(("=", "+", "-", "@"))
