"""Editing: what people type and clients send, as writes on a draft, and the way back."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum, StrEnum
from typing import Any, Literal, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cellsync.casework import (
    SCHEMAS,
    UNKNOWN_DATE,
    CaseFile,
    Consent,
    Contact,
    Episode,
    Grant,
    Link,
    Money,
    Name,
    NameKind,
    PartialDate,
    Person,
    Proceeding,
    Relation,
    Script,
    SupportTask,
    TimelineEntry,
    TimelineKind,
)  # fmt: skip
from cellsync.casework.documents.case_file import CaseStatus
from cellsync.casework.documents.imported import ImportMark
from cellsync.casework.documents.proceeding import Fine, Hearing, ProceedingKind
from cellsync.casework.editing import Edit, Taken, apply, as_json, as_text, schema_named, typed_value
from cellsync.casework.values.choices import chosen, offer
from cellsync.casework.values.name import name_of
from cellsync.casework.values.timeline import Reliability, Source, entry_of
from cellsync.core.case.fold import CaseState
from cellsync.core.crdt.row import FieldType
from cellsync.core.errors import InvalidValue, NotFound, ReadOnly
from cellsync.core.ids import CaseId
from cellsync.core.schema.fields import Counter, Map, Register, Sensitivity, empty, field
from cellsync.core.schema.generic import GenericCase
from cellsync.core.schema.host import B, begin, finish
from cellsync.core.schema.schema import Schema, creation, describe, fields_of, kind_of
from cellsync.core.schema.values import PLAIN, value_type
from tests.casework.test_casework import read, state_of
from tests.casework.values.test_partial_date import partial_dates

VERA = CaseId(bytes.fromhex("4f2a") + bytes(30))


class Mood(StrEnum):
    CALM = "calm"
    NOT_SO_CALM = "not_so_calm"


class Level(Enum):
    LOW = 1
    HIGH = 2


class Stay(NamedTuple):
    since: date
    place: str = ""
    levels: tuple[int, ...] = ()


class Everything(Schema, kind="org.example.everything", version=1):
    text: Register[str]
    number: Register[int] = field(default=0)
    ratio: Register[float] = field(default=0.0)
    sure: Register[bool] = field(default=False)
    raw: Register[bytes] = field(default=b"")
    day: Register[date | None] = field(default=None)
    moment: Register[datetime | None] = field(default=None)
    mood: Register[Mood | None] = field(default=None)
    level: Register[Level] = field(default=Level.LOW)
    word: Register[Literal["1", 1, "in-between"]] = field(default=1)
    several: Register[tuple[int, ...]] = field(default=())
    moods: Register[tuple[Mood, ...]] = field(default=())
    born: Register[PartialDate] = field(default=UNKNOWN_DATE)
    gone: Register[PartialDate | None] = field(default=None)
    name: Register[Name | None] = field(default=None)
    note: Register[str | None] = field(default=None)
    anything: Register[Any] = field(default=None)
    stay: Register[Stay | None] = field(default=None)
    link: Register[Link | None] = field(default=None)
    fine: Register[Fine | None] = field(default=None)
    roles: Map[str, Mood] = empty()
    rooms: Map[int, str] = empty()
    parcels: Counter = empty()


def find(text: str, kind: str = "") -> CaseId:
    if text != "4f2a":
        raise NotFound
    return VERA


def fresh(schema: type[B]) -> B:
    return begin(read(schema, CaseState(logs=True)))


def edited(schema: type[B], edit: Edit) -> Any:
    """A draft of an empty case, after an edit."""
    draft: Any = fresh(schema)
    apply(draft, edit, find)
    return draft


def set_to(name: str, value: Any, schema: type[Schema] = Everything) -> Any:
    return getattr(edited(schema, Edit(set={name: value})), name)


def refused(schema: type[Schema], edit: Edit) -> InvalidValue:
    with pytest.raises(InvalidValue) as caught:
        apply(fresh(schema), edit, find)
    return caught.value


# --- texts -----------------------------------------------------------------------------------------

TYPED = [
    ("text", " as it is, \n", " as it is, \n"), ("text", "", ""),
    ("number", " +12 ", 12), ("number", "-3", -3), ("number", str(-(1 << 63)), -(1 << 63)),
    ("ratio", "2", 2.0), ("ratio", "-2.5e3", -2500.0),
    ("sure", "Yes", True), ("sure", "on", True), ("sure", "OFF", False), ("sure", "true", True), ("sure", "так", True),
    ("raw", "00FF", b"\0\xff"), ("raw", "", b""),
    ("day", "2024-05-03", date(2024, 5, 3)), ("day", "3.5.2024", date(2024, 5, 3)), ("day", " ", None),
    ("moment", "2024-05-03T14:30+02:00", datetime(2024, 5, 3, 12, 30, tzinfo=UTC)),
    ("moment", "2024-05-03 14:30:01Z", datetime(2024, 5, 3, 14, 30, 1, tzinfo=UTC)),
    ("moment", "2024-05-03 14:30", datetime(2024, 5, 3, 14, 30, tzinfo=UTC)), ("moment", "", None),
    ("mood", "Not so-calm", Mood.NOT_SO_CALM), ("mood", "", None), ("level", "2", Level.HIGH),
    ("word", "1", "1"), ("word", "In between", "in-between"),
    ("several", "1, 2,,3 ", (1, 2, 3)), ("several", "", ()),
    ("moods", "calm,not so calm", (Mood.CALM, Mood.NOT_SO_CALM)),
    ("born", "~2024", PartialDate(2024, estimated=True)), ("born", "05.2024", PartialDate(2024, 5)),
    ("born", "", UNKNOWN_DATE), ("gone", "?", UNKNOWN_DATE), ("gone", "", None),
    ("name", " Алена  Прыклад", Name("Алена Прыклад", Script.CYRILLIC)),
    ("note", "", None), ("note", "x", "x"), ("anything", "12", "12"),
    ("stay", "2024-05-03", Stay(date(2024, 5, 3))), ("stay", "2024-05-03,,1, 2", Stay(date(2024, 5, 3), "", (1, 2))),
    ("link", "about:4f2a", Link(VERA, Relation.ABOUT)), ("link", "Part of: 4f2a", Link(VERA, Relation.PART_OF)),
    ("link", "merged into 4f2a", Link(VERA, Relation.MERGED_INTO)),
    ("fine", "120.50 eur, 2024-05", Fine(Money(12050, "EUR"), PartialDate(2024, 5))),
    ("fine", "7 JPY,, ?", Fine(Money(7, "JPY"), UNKNOWN_DATE, UNKNOWN_DATE)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "value"), TYPED)
def test_a_text_is_read_by_the_type_of_its_field(name: str, text: str, value: object) -> None:
    found = set_to(name, text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("lawyer visit refused", TimelineEntry(TimelineKind.NOTE, "lawyer visit refused")),
        ("Hearing 2024-05: put off", TimelineEntry(TimelineKind.HEARING, "put off", PartialDate(2024, 5))),
        ("hearing: put off: 12:30", TimelineEntry(TimelineKind.HEARING, "put off: 12:30")),
        ("lawyer visit 03.05.2024: ok", TimelineEntry(TimelineKind.LAWYER_VISIT, "ok", PartialDate(2024, 5, 3))),
        ("2024-05 hearing: put off", TimelineEntry(TimelineKind.HEARING, "put off", PartialDate(2024, 5))),
        ("released ~2024", TimelineEntry(TimelineKind.RELEASED, "", PartialDate(2024, estimated=True))),
        ("released", TimelineEntry(TimelineKind.NOTE, "released")),
        ("her lawyer: nobody came", TimelineEntry(TimelineKind.NOTE, "her lawyer: nobody came")),
        ("hearing soon: ok", TimelineEntry(TimelineKind.NOTE, "hearing soon: ok")),
        ("2024-05: ok", TimelineEntry(TimelineKind.NOTE, "2024-05: ok")),
        (":", TimelineEntry(TimelineKind.NOTE, ":")),
        ("fine (family)", TimelineEntry(TimelineKind.NOTE, "fine (family)")),
        ("fine: 3 (family)", TimelineEntry(TimelineKind.FINE, "3", source=Source.FAMILY)),
        (
            "fine: 3 (co-detainee, doubtful)",
            TimelineEntry(
                TimelineKind.FINE, "3", source=Source.CO_DETAINEE, reliability=Reliability.DOUBTFUL
            ),
        ),
        ("fine: (confirmed)", TimelineEntry(TimelineKind.FINE, "", reliability=Reliability.CONFIRMED)),
        ("fine: 3 (confirmed, family)", TimelineEntry(TimelineKind.FINE, "3 (confirmed, family)")),
        ("fine: 3 (each)", TimelineEntry(TimelineKind.FINE, "3 (each)")),
        ("fine: a) b)", TimelineEntry(TimelineKind.FINE, "a) b)")),
    ],
)  # fmt: skip
def test_a_timeline_entry_is_a_note_unless_it_begins_with_a_kind(text: str, entry: TimelineEntry) -> None:
    draft = edited(CaseFile, Edit(append={"timeline": [f" {text}\n"]}))
    assert list(draft.timeline) == [entry]


def test_a_corrected_entry_keeps_what_a_text_cannot_say() -> None:
    before = TimelineEntry(
        TimelineKind.HEALTH, "fever", PartialDate(2024), Source.FAMILY, Reliability.DOUBTFUL, Sensitivity.C3, (b"x",)
    )
    kind = value_type(TimelineEntry)
    assert typed_value(kind, "timeline", "cough", find, before) == before._replace(text="cough")
    assert typed_value(kind, "timeline", "health 2025: cough", find, before) == TimelineEntry(
        TimelineKind.HEALTH, "cough", PartialDate(2025), sensitivity=Sensitivity.C3, attachments=(b"x",)
    )
    assert typed_value(kind, "timeline", as_text(before), find, before) == before


# --- JSON ------------------------------------------------------------------------------------------

SENT = [
    ("number", 12, 12), ("ratio", 2, 2.0), ("ratio", 2.5, 2.5), ("sure", True, True),
    ("raw", {"hex": "00ff"}, b"\0\xff"),
    ("day", None, None), ("moment", 1000, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)), ("level", 2, Level.HIGH),
    ("word", 1, 1), ("several", [1, "2"], (1, 2)), ("moods", ["not so calm"], (Mood.NOT_SO_CALM,)),
    ("born", [2024, 5], PartialDate(2024, 5)), ("gone", [], UNKNOWN_DATE), ("gone", None, None),
    ("born", {"year": 2024, "estimated": True}, PartialDate(2024, estimated=True)),
    ("name", {"text": "Ana"}, Name("Ana")),
    ("name", ["Ana", "latin", "alias"], Name("Ana", Script.LATIN, NameKind.ALIAS)),
    ("anything", {"a": [{"hex": "00"}, {"hex": 1}]}, {"a": [b"\0", {"hex": 1}]}),
    ("anything", {"hex": "00", "b": 1}, {"hex": "00", "b": 1}),
    ("stay", {"since": "3.5.2024", "levels": [1]}, Stay(date(2024, 5, 3), "", (1,))),
    ("stay", ["2024-05-03", "", [1], "a newer part"], Stay(date(2024, 5, 3), "", (1,))),
    ("link", {"case": "4f2a", "relation": "Part of"}, Link(VERA, Relation.PART_OF)),
    ("link", [{"hex": "ab" * 32}, "at"], Link(b"\xab" * 32, Relation.AT)),
    ("fine", {"sum": "3.50 PLN", "due": "2024", "paid": []}, Fine(Money(350, "PLN"), PartialDate(2024), UNKNOWN_DATE)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "sent", "value"), SENT)
def test_what_is_no_text_is_the_plain_form(name: str, sent: object, value: object) -> None:
    found = set_to(name, sent)
    assert (found, type(found)) == (value, type(value))


def test_parts_are_filled_in_by_name() -> None:
    sent = {"kind": "hearing", "date": "2024-05", "attachments": [{"hex": "aa"}]}
    draft = edited(CaseFile, Edit(append={"timeline": [sent, ["note", "x"]]}))
    assert list(draft.timeline) == [
        TimelineEntry(TimelineKind.HEARING, "", PartialDate(2024, 5), attachments=(b"\xaa",)),
        TimelineEntry(TimelineKind.NOTE, "x"),
    ]


# --- operations ------------------------------------------------------------------------------------


def test_every_operation() -> None:
    state = state_of(creation(Everything, {"text": "a"}))
    draft = begin(read(Everything, state))
    roles = {"Vera": "calm", "Ana": "not so calm"}
    apply(draft, Edit(set={"text": "b"}, put={"roles": roles, "rooms": {"12": "x"}}, count={"parcels": "+2"}), find)
    assert (draft.text, draft.roles["Ana"], dict(draft.rooms)) == ("b", Mood.NOT_SO_CALM, {12: "x"})
    apply(draft, Edit(delete={"roles": ["Vera"], "rooms": [12]}, count={"parcels": -3}), find)
    assert (dict(draft.roles), dict(draft.rooms), draft.parcels) == ({"Ana": Mood.NOT_SO_CALM}, {}, -1)

    case = edited(
        CaseFile, Edit(add={"tags": ["urgent", "a, b"], "links": ["about:4f2a"]}, append={"legal_notes": ["x"]})
    )
    assert (set(case.tags), list(case.links), list(case.legal_notes)) == (
        {"urgent", "a, b"}, [Link(VERA, Relation.ABOUT)], ["x"],
    )  # fmt: skip
    apply(case, Edit(discard={"tags": ["urgent", "not there"]}), find)
    assert set(case.tags) == {"a, b"}
    apply(case, Edit(), find)
    assert [operation.field for operation in finish(case)] == ["tags", "links", "legal_notes"]


def test_what_is_not_written_as_it_was_said_is_said() -> None:
    case = begin(read(CaseFile, state_of(creation(CaseFile, {"title": "a"}))))
    for typed, taken in (
        ("urgent", "critical"), ("1", "critical"), ("pilne", "critical"), ("высокий", "high"), ("Watch", None),
        ("critical", None),
    ):  # fmt: skip
        found = apply(case, Edit(set={"priority": typed, "summary": typed}), find)
        assert found == ([] if taken is None else [Taken("priority", taken)])
        assert case.priority == (taken or typed.casefold())
    assert apply(case, Edit(set={"status": "PENDING", "line_of_work": "", "opened": "2024"}), find) == []
    assert apply(case, Edit(append={"timeline": ["hearing 2024-05: put off"]}, add={"tags": ["urgent"]}), find) == []


def test_what_is_both_removed_and_added_is_there() -> None:
    draft = edited(CaseFile, Edit(add={"tags": ["urgent"]}))
    apply(draft, Edit(add={"tags": ["urgent"]}, discard={"tags": ["urgent"]}), find)
    assert list(draft.tags) == ["urgent"]
    contact = edited(Contact, Edit(put={"channels": {"mail": "x"}}))
    apply(contact, Edit(put={"channels": {"mail": "y"}}, delete={"channels": ["mail"]}), find)
    assert dict(contact.channels) == {"mail": "y"}


def test_an_element_is_discarded_by_what_is_shown_of_it() -> None:
    person = fresh(Person)
    alias = Name("Ana", Script.LATIN, NameKind.ALIAS)
    elsewhere = Link(b"\xcd" * 32, Relation.RELATIVE_OF)
    person.names.add(alias)
    person.links.add(elsewhere)
    apply(person, Edit(discard={"names": ["Ana"], "links": ["relative of cdcdcdcd"]}), find)
    assert (len(person.names), len(person.links)) == (0, 0)

    case = edited(CaseFile, Edit(add={"tags": ["a", "a ", "b"]}))
    apply(case, Edit(discard={"tags": ["a ", " b"]}), find)
    assert list(case.tags) == ["a"]

    person.names.add(alias)
    person.names.add(name_of("Ana"))
    apply(person, Edit(discard={"names": ["Ana"]}), find)
    assert list(person.names) == [alias]  # two look alike: the one that reads like this
    apply(person, Edit(discard={"names": [["Ana", "latin", "alias"]]}), find)
    assert list(person.names) == []


def test_a_case_of_an_unknown_kind_takes_everything_as_it_is() -> None:
    edit = Edit(
        set={"a": "12", "b": {"hex": "00"}, "c": None}, add={"d": ["x, y", 1]}, append={"e": ["hearing: x"]},
        put={"f": {"k": "true"}}, count={"g": "+3"},
    )  # fmt: skip
    draft = edited(GenericCase, edit)
    assert [draft.read(name) for name in "abc"] == ["12", b"\0", None]
    assert (sorted(draft.set("d"), key=str), list(draft.log("e"))) == ([1, "x, y"], ["hearing: x"])
    assert (dict(draft.map("f")), draft.counter("g")) == ({"k": "true"}, 3)
    apply(draft, Edit(discard={"d": ["1"]}, delete={"f": ["k"]}), find)  # shown as 1, whatever it is
    assert (list(draft.set("d")), dict(draft.map("f"))) == (["x, y"], {})
    assert draft.read("g", FieldType.COUNTER) == 3


def test_only_a_draft_is_written() -> None:
    case = read(CaseFile, state_of(creation(CaseFile, {})))
    for edit in (Edit(set={"title": "x"}), Edit(add={"tags": ["x"]}), Edit(append={"timeline": ["x"]})):
        with pytest.raises(ReadOnly):
            apply(case, edit, find)


# --- errors ----------------------------------------------------------------------------------------

_MOODS = "There are: calm, not_so_calm."
_INT = "Write a whole number: 3 or -3."
_DAY = "Write 2024-05-03 or 03.05.2024."
_DATE = 'Write 2024-05-03, 2024-05, 2024, 03.05.2024, "~2024" or "?".'
_MOMENT = "Write 2024-05-03T14:30+02:00, or 2024-05-03 14:30 for UTC."
_MONEY = "Write 120.50 EUR, with a point before the cents."
_LINK = "Write a relation, a colon and the beginning of an id: about:4f2a."
_NAME = "Its parts are: text, script (may be left out), kind (may be left out)."
_ANY = "Write a text, or send it as a field stores it."
_STORED = "It was not stored. Correct it, then try again."
_WRONG = [
    ("number", "Vera12", "'number' is not a whole number", _INT),
    ("number", str(1 << 63), "'number' is not a whole number", _INT),
    ("ratio", "Vera", "'ratio' is not a number", "Write a number: 2.5."),
    ("ratio", "1_0", "'ratio' is not a number", "Write a number: 2.5."),
    ("ratio", "1e999", "this value does not fit the field 'ratio'", "Write a number: 2.5."),
    ("ratio", 10**999, "this value does not fit the field 'ratio'", "Write a number: 2.5."),
    ("sure", "Vera", "'sure' is neither yes nor no", "Write yes or no."),
    ("raw", "Vera", "'raw' is not written in hexadecimal digits", "Write hexadecimal digits."),
    ("raw", {"hex": "Vera"}, "this value does not fit the field 'raw'", "Write hexadecimal digits."),
    ("day", "Vera", "'day' is not a date", _DATE),
    ("day", "31.02.2024", "'day' is a date that no calendar has", "Look at the month and the day."),
    ("day", "2024-05", "'day' is not a whole day", _DAY),
    ("day", "~2024-05-03", "'day' is not a whole day", _DAY),
    ("day", 7, "this value does not fit the field 'day'", _DAY),
    ("moment", "Vera", "'moment' is not a time", _MOMENT),
    ("moment", 1 << 62, "this value does not fit the field 'moment'", _MOMENT),
    ("mood", "calmm", "'mood' has no such choice", f"Did you mean 'calm'? {_MOODS}"),
    ("mood", "Vera", "'mood' has no such choice", _MOODS),
    ("mood", 1, "this value does not fit the field 'mood'", _MOODS),
    ("level", "", "'level' has no such choice", "There are: 1, 2."),
    ("moods", "calm, Vera", "'moods' has no such choice", _MOODS),
    ("stay", {"since": "Vera"}, "'stay' has a part 'since' that is not a date", _DATE),
    ("several", [1, "Vera"], "'several' is not a whole number", _INT),
    ("several", {"Vera": 1}, "this value does not fit the field 'several'", _INT),
    ("born", "Vera", "'born' is not a date", _DATE),
    ("born", "2024-13", "'born' is a date that no calendar has", "Look at the month and the day."),
    ("text", 12, "this value does not fit the field 'text'", "Write a text."),
    ("text", "x" * 70_000, "'text': one value has at most 62 KiB, and this one has 69 KiB", "Split it up."),
    ("text", "\udcff", "'text': a text with half of a surrogate pair in it is no Unicode", _STORED),
    ("anything", [[[[[[[[["Vera"]]]]]]]]], "this value does not fit the field 'anything'", _ANY),
    ("name", {"txt": "Vera"}, "'name' has no such part", "Did you mean 'text'? There are: text, script, kind."),
    ("name", {"kind": "alias"}, "'name' lacks its part 'text'",
     _NAME),
    ("name", [], "this value does not fit the field 'name'", _NAME),
    ("stay", "Vera, at home", "'stay' has a part 'since' that is not a date",
     _DATE),
    ("stay", "2024-05-03, at home, Vera", "'stay' has a part 'levels' that is not a whole number", _INT),
    ("fine", "120.505 EUR", "'fine' has a part 'sum' that is not an amount of money", _MONEY),
    ("fine", "1.5 JPY", "'fine' has a part 'sum' that is not an amount of money", _MONEY),
    ("link", "4f2a", "'link' is not a link", _LINK),
    ("link", "about:", "'link' is not a link", _LINK),
    ("link", "abuot:4f2a", "'link' has no such relation", offer("about", Relation)),
    ("link", [{"hex": "4f2a"}, "about"], "this value does not fit the field 'link'", "Its parts are: case, relation."),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "message", "hint"), _WRONG)
def test_an_error_names_the_field_and_says_what_to_write(name: str, given: Any, message: str, hint: str) -> None:
    error = refused(Everything, Edit(set={name: given}))
    assert (str(error), error.hint) == (message, hint)
    assert not any(word in f"{error}{error.hint}" for word in ("Vera", "home", "calmm", "abuot"))
    assert error.__cause__ is None


@pytest.mark.parametrize(
    ("schema", "edit", "message", "hint"),
    [
        (CaseFile, Edit(set={"statsu": "Vera"}), "no field 'statsu' in cellsync.case",
         "Did you mean 'status'? There are: title, "),
        (CaseFile, Edit(set={"birth_date": "1990"}), "no field 'birth_date' in cellsync.case",
         "A table's column of that name goes into person.born. There are: title, "),
        (Consent, Edit(set={"title": "Vera"}), "no field 'title' in cellsync.consent",
         "It is a field of case. There are: scope, "),
        (CaseFile, Edit(set={"x" * 90: "Vera"}), f"no field '{'x' * 40}…' in cellsync.case",
         "There are: title, external_id, "),
        (CaseFile, Edit(discard={"imported": ["Vera"]}), "no field 'imported' in cellsync.case", "There are: title, "),
        (CaseFile, Edit(add={"title": ["Vera"]}), "'title' is a register", "Use set."),
        (CaseFile, Edit(set={"tags": "Vera"}), "'tags' is a set", "Use add or discard."),
        (CaseFile, Edit(set={"timeline": "Vera"}), "'timeline' is a log", "Use append."),
        (Contact, Edit(set={"channels": "Vera"}), "'channels' is a map", "Use put or delete."),
        (Everything, Edit(set={"parcels": "Vera"}), "'parcels' is a counter", "Use count."),
        (Everything, Edit(count={"parcels": "Vera"}), "'parcels' is not a whole number", _INT),
        (Everything, Edit(count={"parcels": True}), "this value does not fit the field 'parcels'", _INT),
        (Everything, Edit(put={"roles": {"Ana": "Vera"}}), "'roles' has no such choice", _MOODS),
        (Everything, Edit(put={"rooms": {"Vera": "x"}}), "'rooms' is not a whole number", _INT),
        (Person, Edit(add={"names": [" "]}), "'names' is empty", "Write something."),
        (CaseFile, Edit(append={"timeline": [""]}), "'timeline' is empty", "Write something."),
        (CaseFile, Edit(add={"tags": ["parcel", "  "]}), "'tags' is empty", "Write something."),
        (GenericCase, Edit(append={"x": [""]}), "'x' is empty", "Write something."),
        (CaseFile, Edit(append={"timeline": [{"kind": "hearng", "text": "Vera"}]}),
         "'timeline' has a part 'kind' that has no such choice", "Did you mean 'hearing'? "),
        (GenericCase, Edit(set={"x": {"y": "Vera" * 20_000}}),
         "'x': one value has at most 62 KiB, and this one has 79 KiB", "Split it up."),
        (GenericCase, Edit(count={"x": "Vera"}), "'x' is not a whole number", _INT),
    ],
)  # fmt: skip
def test_fields_and_operations_that_do_not_go_together(
    schema: type[Schema], edit: Edit, message: str, hint: str
) -> None:
    error = refused(schema, edit)
    assert str(error) == message
    assert error.hint.startswith(hint)
    assert "Vera" not in f"{error}{error.hint}"
    assert "imported" not in error.hint


@pytest.mark.parametrize("schema", [Contact, GenericCase])
def test_a_key_that_is_not_there(schema: type[Schema]) -> None:
    with pytest.raises(NotFound) as caught:
        apply(fresh(schema), Edit(delete={"channels": ["Vera"]}), find)
    assert (str(caught.value), caught.value.hint) == (
        "'channels' has no such key", "Look at the case again: it may be gone.",
    )  # fmt: skip


def test_a_case_that_is_not_there_is_said_by_who_looks_for_it() -> None:
    for link in ("about:ab", {"case": "ab", "relation": "about"}):
        with pytest.raises(NotFound, match="nothing with this id"):
            apply(fresh(CaseFile), Edit(add={"links": [link]}), find)


def test_an_edit_shows_nothing_of_itself() -> None:
    assert "Vera" not in repr(Edit(set={"title": "Vera"}))


# --- the way back ----------------------------------------------------------------------------------

SHOWN: list[tuple[Any, str]] = [
    (None, ""), (True, "yes"), (False, "no"), (3, "3"), (2.5, "2.5"), ("as_it is", "as_it is"), (b"\0\xff", "00ff"),
    (ProceedingKind.IN_ABSENTIA, "in absentia"), (Level.HIGH, "2"), (date(2024, 5, 3), "2024-05-03"),
    (datetime(2024, 5, 3, 14, 30, tzinfo=timezone(timedelta(hours=2))), "2024-05-03 12:30"),
    (datetime(2024, 5, 3, 14, 30, 1, tzinfo=UTC), "2024-05-03 14:30:01"),
    (datetime(2024, 5, 3, 14, 30, 1, 5000, tzinfo=UTC), "2024-05-03 14:30:01.005"),
    (PartialDate(2024, 5, estimated=True), "~2024-05"), (UNKNOWN_DATE, "?"), (Name("Ana", Script.LATIN), "Ana"),
    (Money(-5, "EUR"), "-0.05 EUR"), (Money(12050, "EUR"), "120.50 EUR"), (Money(7, "JPY"), "7 JPY"),
    (Money(1234, "KWD"), "1.234 KWD"), (Link(VERA, Relation.PART_OF), "part of 4f2a0000"),
    (TimelineEntry(TimelineKind.LAWYER_VISIT), "lawyer visit"),
    (
        TimelineEntry(TimelineKind.HEARING, "put off", PartialDate(2024, 5), Source.CO_DETAINEE, Reliability.DOUBTFUL),
        "2024-05 hearing: put off (co detainee, doubtful)",
    ),
    (Hearing(UNKNOWN_DATE, "", "put off"), "?, , put off"), (Hearing(PartialDate(2024)), "2024"),
    (Fine(Money(100, "PLN"), UNKNOWN_DATE, UNKNOWN_DATE), "1.00 PLN, ?, ?"), (Fine(Money(100, "PLN")), "1.00 PLN, ?"),
    ((Mood.CALM, Mood.NOT_SO_CALM), "calm, not so calm"), (frozenset({"a"}), "a"), ({"a": True}, "a: yes"), ([], ""),
]  # fmt: skip


@pytest.mark.parametrize(("value", "text"), SHOWN)
def test_values_in_words(value: object, text: str) -> None:
    assert as_text(value) == text


def test_whole_fields_in_words() -> None:
    draft = edited(Everything, Edit(put={"roles": {"Ana": "not so calm"}}, count={"parcels": 2}))
    assert (as_text(draft.roles), as_text(draft.parcels)) == ("Ana: not so calm", "2")
    case = edited(CaseFile, Edit(add={"tags": ["a"]}, append={"legal_notes": ["x", "y"]}))
    assert (as_text(case.tags), as_text(case.legal_notes)) == ("a", "x, y")


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (b"\0", {"hex": "00"}), ([b"\0", None, [True, 1.5]], [{"hex": "00"}, None, [True, 1.5]]),
        ({"a": b"\0"}, {"a": {"hex": "00"}}), (Mood.CALM, "calm"), (Level.HIGH, 2), (date(2024, 5, 3), "2024-05-03"),
        (datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), 1000), (PartialDate(2024, 5), [2024, 5, None, False]),
        (Link(b"\0\1", Relation.AT), [{"hex": "0001"}, "at"]), (frozenset({Mood.CALM}), ["calm"]),
        ({"a": Mood.CALM}, {"a": "calm"}),
    ],
)  # fmt: skip
def test_values_as_json(value: object, form: object) -> None:
    assert as_json(value) == form
    assert json.loads(json.dumps(as_json(value))) == form


def test_only_what_a_field_can_hold_has_a_json_form() -> None:
    draft = edited(Everything, Edit(count={"parcels": 2}))
    assert (as_json(draft.parcels), type(as_json(draft.parcels))) == (2, int)
    for value in (object(), datetime(2024, 5, 3)):  # noqa: DTZ001
        with pytest.raises(TypeError):
            as_json(value)


def _enums() -> st.SearchStrategy[tuple[str, Any]]:
    fields = [
        (schema, name, list(type(own.default)))
        for schema in SCHEMAS
        for name, own in fields_of(schema).items()
        if isinstance(own, Register) and isinstance(own.default, Enum)
    ]
    return st.sampled_from([(schema, name, one) for schema, name, choices in fields for one in choices])


@given(_enums())
def test_every_choice_reads_back_what_it_shows(drawn: Any) -> None:
    schema, name, value = drawn
    assert set_to(name, as_text(value), schema) is value
    assert set_to(name, as_text(value).upper(), schema) is value


moments = st.datetimes(timezones=st.just(UTC)).map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000))
VALUES = {
    "text": st.text(st.characters(exclude_categories=["Cs"])),
    "number": st.integers(-(1 << 63), (1 << 63) - 1),
    "ratio": st.floats(allow_nan=False, allow_infinity=False),
    "sure": st.booleans(),
    "raw": st.binary(),
    "day": st.none() | st.dates(),
    "moment": st.none() | moments,
    "mood": st.none() | st.sampled_from(Mood),
    "level": st.sampled_from(Level),
    "several": st.lists(st.integers(-9, 9)).map(tuple),
    "moods": st.lists(st.sampled_from(Mood)).map(tuple),
    "born": partial_dates(),
    "gone": st.none() | partial_dates(),
    "name": st.none()
    | st.text(st.characters(categories=["L", "Zs"]), min_size=1).map(name_of).filter(lambda n: n.text),
    "fine": st.none()
    | st.builds(
        Fine,
        st.builds(Money, st.integers(-(1 << 63), (1 << 63) - 1), st.sampled_from(["EUR", "JPY", "KWD"])),
        partial_dates(),
        st.none() | partial_dates(),
    ),
    "stay": st.none()
    | st.builds(Stay, st.dates(), st.text("ab .", max_size=3).map(str.strip), st.lists(st.integers(-9, 9)).map(tuple)),
}


@given(st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name])))
@example(("gone", UNKNOWN_DATE))  # not None: "withdrawn, nobody knows when" is withdrawn
def test_what_is_shown_is_read_back(drawn: tuple[str, Any]) -> None:
    name, value = drawn
    assert set_to(name, as_text(value)) == value


entries = st.builds(
    TimelineEntry,
    st.sampled_from(TimelineKind),
    st.text("ab:(,) 2", max_size=8).map(str.strip),
    partial_dates(),
    st.sampled_from(Source),
    st.sampled_from(Reliability),
    st.sampled_from(Sensitivity),
    st.lists(st.binary(max_size=2)).map(tuple),
)


@given(entries)
def test_entries_are_read_back(entry: TimelineEntry) -> None:
    shown = as_text(entry)
    if entry.text or entry.date.year:  # a kind alone is a word like any other
        assert entry_of(shown, entry) == entry


@given(
    st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name]))
    | st.tuples(st.just("timeline"), entries)
)
def test_the_json_form_is_read_back(drawn: tuple[str, Any]) -> None:
    name, value = drawn
    kind = value_type(TimelineEntry) if name == "timeline" else fields_of(Everything)[name].kinds[0]
    form = json.loads(json.dumps(as_json(kind.encode(value))))
    assert form == json.loads(json.dumps(as_json(value)))
    if not isinstance(form, str):
        assert typed_value(kind, name, form, find) == value


# --- kinds and choices -----------------------------------------------------------------------------


@pytest.mark.parametrize("schema", SCHEMAS, ids=kind_of)
def test_a_schema_is_named_by_its_kind_or_its_class(schema: type[Schema]) -> None:
    for name in (kind_of(schema), kind_of(schema).rpartition(".")[2].upper(), schema.__name__):
        assert schema_named(name) is schema


def test_a_schema_is_named_as_people_say_it() -> None:
    for text in ("support task", "Support-Task", " task "):
        assert schema_named(text) is SupportTask
    assert schema_named("case file") is CaseFile
    for text, guess in (
        ("tsk", "task"),
        ("cellsync.persn", "person"),
        ("org.example.case", "case"),
        ("", ""),
        ("zzz", ""),
    ):
        with pytest.raises(InvalidValue) as caught:
            schema_named(text)
        assert str(caught.value) == "there is no such kind of case here"
        assert caught.value.hint.startswith(
            f"Did you mean {guess!r}? There are: person, case, " if guess else "There are: person, "
        )


def test_choices() -> None:
    words: list[str | int] = ["not_here", "unknown", 1, "2", 2]
    typed = {"Not  here": "not_here", "not-here": "not_here", "?": "unknown", "1": 1, "2": "2", "here": None, "": None}
    assert {text: chosen(text, words) for text in typed} == typed
    both: list[str | int] = [1, "1"]
    assert chosen("1", both) == "1"
    assert chosen("?", ["open"]) is None
    assert chosen("a b", ["a_b", "a b"]) == "a b"  # exactly, before alike
    assert offer("z", [1, "b"]) == "There are: 1, b."


@pytest.mark.parametrize("text", ["12", "EUR", "1,200 EUR", "1 200 EUR", "1.2.3 EUR", "1. EUR", "١ EUR", "1 EURO"])
def test_what_is_no_amount_of_money(text: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        Money.parse(text)
    assert text not in str(caught.value)


# --- what a form needs -----------------------------------------------------------------------------


def test_a_description_says_what_may_be_left_out() -> None:
    task = describe(SupportTask)["fields"]
    assert task["title"] == {"type": "register", "sensitivity": "C1", "values": ["str"], "required": True}
    assert [name for name, own in task.items() if "required" in own] == ["title"]
    entry = describe(CaseFile)["fields"]["timeline"]["values"][0]
    assert [name for name in entry["parts"] if name not in entry["defaults"]] == ["kind"]
    assert entry["defaults"]["date"] == [None, None, None, False]


def test_a_default_that_does_not_fit_its_part() -> None:
    class Wrong(NamedTuple):
        number: int = "none"  # type: ignore[assignment]

    with pytest.raises(TypeError, match=r"Wrong: a default does not fit"):
        value_type(Wrong)


def test_marks_of_an_import_are_not_for_editing() -> None:
    episode = fresh(Episode)
    episode.imported.add(ImportMark("kind", "", b"x"))
    with pytest.raises(InvalidValue):
        apply(episode, Edit(discard={"imported": [as_json(one) for one in episode.imported]}), find)
    assert len(episode.imported) == 1


def test_money_in_the_documents() -> None:
    grant = edited(Grant, Edit(set={"asked": "1200 PLN", "due": "2024-05-03"}, append={"payments": ["12.5 EUR"]}))
    assert (grant.asked, grant.due, list(grant.payments)) == (
        Money(120_000, "PLN"), date(2024, 5, 3), [Money(1250, "EUR")],
    )  # fmt: skip
    proceeding = edited(Proceeding, Edit(append={"hearings": ["2024-05, city court, put off, again"]}))
    assert list(proceeding.hearings) == [Hearing(PartialDate(2024, 5), "city court", "put off, again")]
    assert edited(CaseFile, Edit(set={"status": "Closed"})).status is CaseStatus.CLOSED
    assert typed_value(PLAIN, "x", "y", find) == "y"
