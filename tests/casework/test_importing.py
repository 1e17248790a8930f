"""Importing a table: what is written, what a second import keeps, and what people edited meanwhile."""

from __future__ import annotations

import csv
import json
import sys
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from cellsync.casework import CaseFile, Episode, Person, Proceeding, SupportTask
from cellsync.casework.documents.case_file import CaseStatus, LineOfWork, Priority
from cellsync.casework.documents.person import Sex
from cellsync.casework.documents.proceeding import ProceedingKind
from cellsync.casework.documents.support_task import TaskKind
from cellsync.casework.importing import (
    RowError,
    import_cases,
    intake,
)
from cellsync.casework.importing.whole import FORMAT
from cellsync.casework.values.link import Link, Relation
from cellsync.casework.values.name import Name, NameKind, Script, name_of
from cellsync.casework.values.partial_date import UNKNOWN_DATE, PartialDate
from cellsync.casework.values.timeline import TimelineKind
from cellsync.cell.cell import Cell
from cellsync.cell.home import Home
from cellsync.cell.opening import open_cell
from cellsync.core.schema.schema import Schema, kind_of
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from cellsync.node.lan import open_lan
from cellsync.store.header import Kdf
from cellsync.testing import MemoryNetwork
from tests.casework.tables import DATA, a_cell, counts, document, table
from tests.cell.equivocators import joined, show


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
from cellsync.core.schema.schema import Schema, kind_of
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
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


# --- a member who knows how the rows are numbered --------------------------------------------------------------


@pytest.mark.parametrize(("schema", "kind"), [(CaseFile, "cellsync.person"), (Person, "org.example.other")])
async def test_a_row_whose_place_is_taken_by_another_kind_is_left_out_and_told(schema: type[Schema], kind: str) -> None:
    """It was written into that document, under `changed`, and its case stood in no list."""
    async with a_cell() as cell:
        place = cell.case_id(kind_of(schema), "1")
        async with cell.first.circle.lock:
            await cell.first.own_entries.write_locked([(place, [Operation(Op.CREATE, kind, 1, None)])])
        entries = cell.entries()
        for dry_run in (True, False):
            report = await import_cases(cell, table("1,Anna,,,,,,", "2,Vera,,,,,,"), dry_run=dry_run)
            assert counts(report) == (1, 0, 0)
            assert report.left_out == 1
            [problem] = report.problems
            assert (problem.lines, problem.left_out) == ((2,), True)
            assert "something of another kind is here" in problem.message
        assert cell.entries() - entries == len({"case", "person"})
        assert [case.external_id for case in await cell.cases(CaseFile)] == ["2"]


async def test_a_row_whose_place_somebody_has_only_written_into_is_created() -> None:
    async with a_cell() as cell:
        place = cell.case_id(kind_of(CaseFile), "1")
        async with cell.first.circle.lock:
            await cell.first.own_entries.write_locked([(place, [Operation(Op.APPEND, "odd", None, "x")])])
        report = await import_cases(cell, table("1,Anna,,,,,,"))
        assert report.left_out == 0
        [case] = await cell.cases(CaseFile)
        assert (case.id, case.title) == (place, "Anna")
        assert counts(await import_cases(cell, table("1,Anna,,,,,,"))) == (0, 0, 1)


async def test_a_document_of_our_json_whose_place_is_taken_is_told_and_not_written() -> None:
    async with a_cell() as cell:
        place = cell.case_id("org.example.other", "1")
        async with cell.first.circle.lock:
            await cell.first.own_entries.write_locked([(place, [Operation(Op.CREATE, "org.example.other", 1, None)])])
        entries = cell.entries()
        title = {"values": [{"value": "Anna"}]}
        document = {"id": place.hex(), "kind": kind_of(CaseFile), "fields": {"title": title}}
        whole = {"format": FORMAT, "version": 1, "cases": [{"documents": [document]}]}
        report = await import_cases(cell, json.dumps(whole).encode())
        assert [(error.line, "another kind" in error.problem) for error in report.unread] == [(1, True)]
        assert cell.entries() == entries
