"""Words, cells, lists and whole tables that we write are read back."""

from __future__ import annotations

import csv
import json
from io import StringIO
from typing import Any
from unicodedata import normalize

import pytest
import trio
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from cellsync.casework import CaseFile, Consent, Contact, Demand, Episode, Person, Proceeding, SupportTask
from cellsync.casework.documents.case_file import CaseStatus, LineOfWork, Priority
from cellsync.casework.documents.consent import Scope
from cellsync.casework.documents.person import Sex
from cellsync.casework.documents.support_task import TaskKind
from cellsync.casework.editing import texts as typed
from cellsync.casework.exporting import Form, export_cases
from cellsync.casework.importing import UnreadableFile, import_cases, read_csv
from cellsync.casework.importing.articles import articles
from cellsync.casework.importing.cells import Parser, as_cell, guard, text, tidy
from cellsync.casework.importing.codes import countries, languages
from cellsync.casework.importing.lists import ALIASES, NAMES, TEXTS, TRANSLITERATIONS, joined, lines
from cellsync.casework.importing.mapping import COLUMNS, DOCUMENTS, TOLD, _usual_parser
from cellsync.casework.importing.whole import read_whole
from cellsync.casework.values.link import Link, Relation
from cellsync.casework.values.name import NameKind, name_of
from cellsync.casework.values.timeline import Reliability, Source, TimelineEntry, TimelineKind, entry_of
from cellsync.casework.values.words import as_text, as_typed
from cellsync.casework.vocabulary import _SAID, meant
from cellsync.cell.cell import Cell
from cellsync.cli.commands.tables import _COLUMNS
from cellsync.core.plain import settled
from cellsync.core.schema.schema import fields_of
from tests.casework.tables import a_cell, counts
from tests.casework.test_exporting_spreadsheets import NASTY, texts
from tests.casework.values.test_partial_date import partial_dates

BLANKS = " \t\n\u00a0"
NOTHING = [
    "n/a",
    "-",
    "?",
    "NULL",
    '"n/a"',
    '""-""',
    '"',
    '""',
    '"Viasna"',
    "unknown",
    "нет данных",
    "????? ?????",
    "a|b;c",
]
anything = texts | st.sampled_from(NOTHING)


def kept(said: str) -> str:
    """A text as a file keeps it: control characters replaced, no blanks around it, one form of each letter."""
    return normalize("NFC", settled(said)).strip(BLANKS)


# --- words -----------------------------------------------------------------------------------------------------

CHOICES = [
    (f"{name}.{field}", own.kinds[0], choice)
    for name, schema in DOCUMENTS.items()
    for field, own in fields_of(schema).items()
    if own.kinds and field != "links"
    for described in [own.kinds[0].description]
    for inner in [described.get("optional", described) if isinstance(described, dict) else {}]
    for choice in (inner.get("values", []) if isinstance(inner, dict) else [])
]


@pytest.mark.parametrize(("field", "kind", "choice"), CHOICES)
def test_every_choice_is_read_from_a_cell_and_from_a_command_by_the_same_words(
    field: str, kind: Any, choice: str
) -> None:
    document, _, name = field.partition(".")
    read = _usual_parser(document, name)
    assert read is not None
    value = kind.decode(choice)
    for word in (choice, as_text(value), choice.upper(), choice.replace("_", "-"), f" {choice}."):
        assert [as_text(one) for one in read(tidy(word))] == [as_text(value)]
    for word in (choice, as_text(value), choice.upper(), choice.replace("_", "-")):
        assert typed.plain_of(kind.description, word, lambda *_: pytest.fail("no id was meant")) == choice


def test_there_are_many_such_choices() -> None:
    assert len(CHOICES) > 70


def test_a_word_that_people_use_means_one_choice() -> None:
    for choice, words in _SAID.items():
        for word in words.split(","):
            assert meant(word, list(type(choice))) is choice, word
            assert meant(f"{word.strip().upper()}.", [one.value for one in type(choice)]) == choice.value, word


def test_the_command_line_names_every_column() -> None:
    named = _COLUMNS.removeprefix("Columns: ").partition(";")[0].split(", ")
    assert sorted(named) == sorted(COLUMNS)


# --- cells -----------------------------------------------------------------------------------------------------


@given(anything)
@example("\u3000")
@example("ОРЁЛ?")
def test_a_text_comes_back(said: str) -> None:
    cell = tidy(guard(as_cell(settled(said))))
    assert [kept(one) for one in text(cell)] == ([kept(said)] if kept(said) else [])


LISTS: list[Parser] = [TEXTS, countries, languages, articles]


@pytest.mark.parametrize("read", LISTS, ids=lambda read: getattr(read, "__name__", "texts"))
@given(st.lists(anything, max_size=4))
@example(["a|b", "c;d", "e\nf", 'g"h', '"i"', " j ", "k,l", "BY", "be_BY", "342,1"])
@example(["", "-"])
def test_a_list_comes_back_whatever_its_elements_are(read: Parser, said: list[str]) -> None:
    said = [normalize("NFC", settled(one)) for one in said]
    cell = tidy(guard(joined(said, read)))
    assert read(cell) == said or (read(cell) == [] and not cell)


@pytest.mark.parametrize(
    ("read", "kind"),
    [(NAMES, NameKind.LEGAL), (ALIASES, NameKind.ALIAS), (TRANSLITERATIONS, NameKind.TRANSLITERATION)],
)
@given(st.lists(anything.map(settled).map(name_of).map(lambda name: name.text).filter(bool), max_size=3))
def test_names_come_back(read: Parser, kind: NameKind, said: list[str]) -> None:
    cell = tidy(guard(joined(said, read)))
    assert read(cell) == [name_of(one, kind) for one in said]


@given(st.lists(anything.map(kept).filter(bool), max_size=3))
def test_lines_come_back(said: list[str]) -> None:
    assert lines(tidy(guard(joined(said, lines, "\n")))) == said


words = anything.map(lambda said: settled(said).strip()) | st.sampled_from(
    ["", "hearing", "hearing 2024-05: x", "x (lawyer)", "x (lawyer, confirmed)", "x (other)", "2024", "a: b", "(other)"]
)
entries = st.tuples(
    st.sampled_from(TimelineKind), words, partial_dates(), st.sampled_from(Source), st.sampled_from(Reliability)
).map(lambda parts: TimelineEntry(*parts))


@given(entries)
@settings(max_examples=300)
def test_an_entry_comes_back_from_what_is_shown_of_it(entry: TimelineEntry) -> None:
    assert entry_of(as_typed(entry)) == entry


# --- whole tables -----------------------------------------------------------------------------------------------

labels = st.lists(anything.map(kept).filter(bool), max_size=3, unique=True)
names = st.lists(
    st.sampled_from(["Вера Ціхая", "ганна", "Kestrel", "Łucja|Ż", "n/a", '"Сосед"', "Дар'я"]), max_size=3, unique=True
)
written = anything.map(kept)  # what a file cannot keep makes a contradiction, which `conflicts` tells
stories = st.fixed_dictionaries(
    {
        "external": st.sampled_from(["", "VR-1", "007", '="007"', "n/a"]),
        "title": written, "summary": written, "occupation": written, "place": written, "sentence": written,
        "description": written, "tags": labels, "articles": labels, "demands": labels, "names": names,
        "aliases": names,
        "status": st.sampled_from(CaseStatus), "priority": st.sampled_from(Priority), "sex": st.sampled_from(Sex),
        "line": st.sampled_from([None, *LineOfWork]), "born": partial_dates(), "since": partial_dates(),
        "until": st.none() | partial_dates().filter(lambda date: date.earliest is not None),
        "timeline": st.lists(entries, max_size=3, unique=True),  # the same thing said twice is one line
        "task": st.none() | st.tuples(anything.map(kept).filter(bool), st.sampled_from([None, *TaskKind])),
    }
)  # fmt: skip
Story = dict[str, Any]


async def write(cell: Cell, story: Story) -> None:
    """A case with its person and all the rest, and a consent."""
    external = tidy(guard(story["external"]))
    case = await cell.create(
        CaseFile, title=story["title"], external_id=external, summary=story["summary"], status=story["status"],
        priority=story["priority"], line_of_work=story["line"],
    )  # fmt: skip
    person = await cell.create(
        Person, sex=story["sex"], born=story["born"], occupation=story["occupation"], description=story["description"]
    )
    async with person.edit() as of_person:
        for name in story["names"]:
            of_person.names.add(name_of(name))
        for name in story["aliases"]:
            of_person.names.add(name_of(name, NameKind.ALIAS))
    async with case.edit() as draft:
        draft.links.add(Link(person.id, Relation.ABOUT))
        for tag in story["tags"]:
            draft.tags.add(tag)
        for demand in story["demands"]:
            draft.release_demands.append(demand)
        for entry in story["timeline"]:
            draft.timeline.append(entry)
    beside: list[Any] = [
        await cell.create(Episode, since=story["since"], until=story["until"], place=story["place"]),
        await cell.create(Proceeding, sentence=story["sentence"]),
    ]
    if story["task"] is not None:
        beside.append(await cell.create(SupportTask, title=story["task"][0], kind=story["task"][1]))
    for one in beside:
        async with one.edit() as edited:
            edited.links.add(Link(case.id, Relation.PART_OF))
            if isinstance(one, Proceeding):
                for article in story["articles"]:
                    edited.articles.add(article)
    await consent(cell)


async def consent(cell: Cell) -> None:
    for person in await cell.cases(Person):
        made = await cell.create(Consent, scope=Scope.INTERNAL)
        async with made.edit() as draft:
            draft.links.add(Link(person.id, Relation.ABOUT))


async def exported(cell: Cell) -> bytes:
    return (await export_cases(cell, form=Form.CSV, audience=Scope.INTERNAL)).content


def told(table: bytes) -> list[dict[str, Any]]:
    """What a table says, without what only tells something; sets in no order."""
    rows = csv.DictReader(StringIO(table.decode(), newline=""), strict=True)
    shown: list[dict[str, Any]] = [{name: cell for name, cell in row.items() if name not in TOLD} for row in rows]
    for row in shown:
        for name in ("tags", "other_names", "articles"):
            row[name] = "".join(sorted(row[name]))
        row["names"] = sorted(row.pop("name") + row.pop("name_local"))  # which comes first may change
    return shown


@given(stories)
@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.generate])
@example({
    "external": "", "title": "a", "summary": "-", "occupation": '"n/a"', "place": "?", "sentence": "=1",
    "description": "жанчына", "tags": ["a|b", "c\nd", '"e"'], "articles": ["342,1", "ч. 1 ст. 342, ч. 2 ст. 293"],
    "demands": ["one\ntwo", "-", "three"], "names": ["ганна", "Вера Ціхая"], "aliases": ["n/a", "Łucja|Ż"],
    "status": CaseStatus.CLOSED, "priority": Priority.WATCH, "sex": Sex.OTHER, "line": LineOfWork.TALKS,
    "born": next(iter([entry_of("note 2024-05: x").date])), "since": entry_of("note: x").date, "until": None,
    "timeline": [TimelineEntry(TimelineKind.NOTE, "x (lawyer)"), TimelineEntry(TimelineKind.HEARING, "")],
    "task": ("parcel letter", None),
})  # fmt: skip
def test_a_table_that_we_wrote_is_read_back(story: Story) -> None:
    async def main() -> None:
        async with a_cell() as cell:
            await write(cell, story)
            before = await exported(cell)
            cases, documents = len(await cell.cases(CaseFile)), len(cell.first.circle.replica.held.cases)
            report = await import_cases(cell, before)
            assert (report.created, report.left_out, report.unread) == (0, 0, [])
            assert len(await cell.cases(CaseFile)) == cases
            assert len(cell.first.circle.replica.held.cases) == documents  # no document was added
            again = await exported(cell)
            assert told(again) == told(before)
            assert (await import_cases(cell, again)).unchanged == 1
        async with a_cell() as other:
            report = await import_cases(other, before)
            assert (report.created, report.left_out, report.unread) == (1, 0, [])
            await consent(other)
            for row, expected in zip(told(await exported(other)), told(before), strict=True):
                differ = {name: (cell, expected[name]) for name, cell in row.items() if cell != expected[name]}
                assert not differ, differ
            assert (await import_cases(other, before)).unchanged == 1

    trio.run(main)


def whole(table: bytes) -> Any:
    """What JSON says of every field, without who said it and when, sets in no order, links to what did not leave."""
    said = {}
    for case in json.loads(table)["cases"]:
        for document in case["documents"]:
            for name, field in document["fields"].items():
                pieces = field.get("items") or field.get("entries") or [{"values": [one]} for one in field["values"]]
                values = [(one.get("key"), one["values"][0]["value"]) for one in pieces]
                said[document["id"], name] = sorted(map(repr, values)) if field["type"] == "set" else values
    return said


@given(stories)
@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_json_that_we_wrote_is_read_back_under_its_own_ids(story: Story) -> None:
    async def exported_whole(cell: Cell) -> bytes:
        return (await export_cases(cell, form=Form.JSON, audience=Scope.INTERNAL)).content

    async def main() -> None:
        async with a_cell() as cell:
            await write(cell, story)
            before = await exported_whole(cell)
            table = (await export_cases(cell, form=Form.CSV, audience=Scope.INTERNAL)).content
            for _ in range(2):  # the first time marks are left: no value changes
                assert counts(await import_cases(cell, before)) == (0, 0, 1)
                assert whole(await exported_whole(cell)) == whole(before)
        async with a_cell() as other:
            for created in (1, 0):
                report = await import_cases(other, before)
                assert (report.created, report.updated, report.unread) == (created, 0, [])
            await consent(other)
            for _ in range(2):
                assert whole(await exported_whole(other)) == whole(before)
                assert counts(await import_cases(other, table)) == (0, 0, 1)

    trio.run(main)


@pytest.mark.parametrize(
    "text_", ["{", '{"format": "else"}', '{"format": "cellsync cases", "version": 2, "cases": []}']
)
def test_json_that_is_none_of_ours_is_refused(text_: str) -> None:
    with pytest.raises(UnreadableFile):
        read_whole(text_.encode())


async def test_maps_and_sums_are_read_back_too() -> None:
    channels = {"type": "map", "entries": [{"key": "signal", "values": [{"value": "+00"}]}]}
    contact = {"id": "ab" * 32, "kind": "cellsync.contact", "fields": {"channels": channels}}
    demand = {
        "id": "cd" * 32,
        "kind": "cellsync.demand",
        "fields": {"signatures": {"type": "counter", "values": [{"value": 7}]}},
    }
    content = json.dumps(
        {"format": "cellsync cases", "version": 1, "cases": [{"documents": [contact, demand]}]}
    ).encode()
    async with a_cell() as cell:
        for created in (1, 0):
            assert (await import_cases(cell, content)).created == created
        [one], [other] = await cell.cases(Contact), await cell.cases(Demand)
        assert (dict(one.channels), int(other.signatures)) == ({"signal": "+00"}, 7)


def test_what_is_wrong_in_json_costs_itself() -> None:
    fields = {
        "title": {"type": "register", "values": [{"value": "a"}, {"value": "b"}]},
        "status": {"type": "register", "values": [{"value": 7}]},
        "tags": {"type": "set", "values": [{"value": "x"}, 3, {"value": None}]},
        "shoes": {"type": "set", "values": []},
        "timeline": {"type": "log", "items": 7},
    }
    good = {"id": "ab" * 32, "kind": "cellsync.case", "fields": fields}
    documents = [good, {"id": "x", "kind": "cellsync.case", "fields": {}}, {"kind": "else", "fields": {}}, 5]
    given_ = {"format": "cellsync cases", "version": 1, "cases": [{"documents": documents}, 7]}
    [[document], other], problems = read_whole(json.dumps(given_).encode())
    assert other == []
    assert document.table == {
        ("title", ""): ["a"], ("status", ""): [], ("tags", "json"): ["x"], ("timeline", "json"): [],
    }  # fmt: skip
    assert [one.column for one in problems] == ["title", "status", "tags", "shoes", "", "", ""]


def test_every_column_that_we_write_is_one_that_we_read() -> None:
    async def main() -> bytes:
        async with a_cell() as cell:
            await import_cases(cell, b"external_id,name\n1,Vera Tikhaya\n")
            await consent(cell)
            return (await export_cases(cell, form=Form.CSV, audience=Scope.INTERNAL, language="ru")).content

    assert read_csv(trio.run(main)).ignored == []


@pytest.mark.parametrize("text_", NASTY)
def test_a_nasty_text_is_kept_by_its_cell(text_: str) -> None:
    assert [kept(one) for one in text(tidy(guard(as_cell(settled(text_)))))] == ([kept(text_)] if kept(text_) else [])
