"""Schemas: how values are read, what a draft records, and what happens to values that do not fit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple

import pytest

from cellsync.core.case.fold import CaseState, Stamp
from cellsync.core.crdt.row import FieldType
from cellsync.core.errors import InvalidValue, NotFound, ReadOnly
from cellsync.core.ids import CaseId, DeviceId, EntryId, Millis
from cellsync.core.schema.fields import Counter, Log, Map, Register, Sensitivity, Set, empty, field
from cellsync.core.schema.generic import GenericCase
from cellsync.core.schema.host import B, Bound, Change, advance, begin, bind, finish
from cellsync.core.schema.schema import Schema, creation, describe, fields_of, kind_of
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op


class Status(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Money(NamedTuple):
    amount: int
    currency: str = "EUR"


class Person(Schema, kind="org.example.person", version=3):
    name: Register[str]
    status: Register[Status] = field(default=Status.OPEN)
    color: Register[Literal["red", "blue"]] = field(default="red")
    born: Register[date | None] = field(default=None, sensitivity=Sensitivity.C3)
    seen: Register[datetime | None] = field(default=None)
    fine: Register[Money] = field(default=Money(0))
    nicknames: Register[tuple[str, ...]] = field(default=())
    notes: Log[str] = empty()
    tags: Set[Status] = empty(sensitivity=Sensitivity.C4)
    phones: Map[str, int] = empty()
    letters: Counter = empty()


class Desk:
    """A host that knows its members by the first byte of a device, and hands out nothing else."""

    def name_of(self, device: DeviceId) -> str:
        return {1: "ana", 2: "ben"}.get(device[0], "?")

    def edit(self, case: B) -> AbstractAsyncContextManager[B]:
        raise NotImplementedError

    def changes(self, case: Bound, since: str | None) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        raise NotImplementedError

    async def synced(self, case: Bound, min_peers: int, timeout: float) -> None:
        raise NotImplementedError


class Bench:
    """One case and the entries written to it."""

    def __init__(self, schema: type[Schema] = Person, **values: Any) -> None:
        self.written: list[tuple[Stamp, list[Operation]]] = []
        self.state = CaseState(logs=True)
        self.write(creation(schema, values))

    def write(self, operations: list[Operation], device: int = 1, height: int | None = None) -> None:
        number = len(self.written) + 1
        stamp = Stamp(
            EntryId(bytes([number]) * 32), DeviceId(bytes([device]) * 32), Millis(1000 * number), height or number
        )
        self.written.append((stamp, operations))
        self.state.apply(stamp, operations)

    def read(self, schema: type[B]) -> B:
        return bind(schema, Desk(), CaseId(bytes(32)), self.state)

    @property
    def person(self) -> Person:
        return self.read(Person)

    def edit(self) -> Person:
        return begin(self.person, DeviceId(b"\1" * 32), Millis(5))

    def save(self, draft: Person, device: int = 1, height: int | None = None) -> list[Operation]:
        operations = finish(draft)
        self.write(operations, device, height)
        return operations


def test_unset_fields_read_their_defaults() -> None:
    person = Bench().person
    assert (person.name, person.status, person.color, person.born, person.fine) == (
        "", Status.OPEN, "red", None, Money(0),
    )  # fmt: skip
    assert (list(person.notes), list(person.tags), dict(person.phones), person.letters) == ([], [], {}, 0)
    assert (person.extra, person.conflicts()) == ({}, [])


def test_everything_that_is_written_reads_back_in_the_draft_and_after() -> None:
    bench = Bench(name="Ana K.")
    draft = bench.edit()
    draft.status = Status.CLOSED
    draft.color = "blue"
    draft.born = date(1990, 5, 1)
    draft.seen = datetime(2024, 5, 1, 12, 30, tzinfo=UTC)
    draft.fine = Money(50, "PLN")
    draft.nicknames = ("A", "B")
    draft.notes.append("first")
    draft.tags.add(Status.OPEN)
    draft.phones["home"] = 5
    draft.letters.increment(2)
    draft.letters.increment()

    def look(person: Person) -> list[Any]:
        return [
            person.name, person.status, person.color, person.born, person.seen, person.fine, person.nicknames,
            list(person.notes), list(person.tags), dict(person.phones), person.letters,
        ]  # fmt: skip

    expected = [
        "Ana K.", Status.CLOSED, "blue", date(1990, 5, 1), datetime(2024, 5, 1, 12, 30, tzinfo=UTC), Money(50, "PLN"),
        ("A", "B"), ["first"], [Status.OPEN], {"home": 5}, 3,
    ]  # fmt: skip
    assert look(draft) == expected
    assert look(bench.person) == look(Bench(name="Ana K.").person)  # a draft changes nothing by itself
    assert len(bench.save(draft)) == 10
    assert look(bench.person) == expected


def test_the_kinds_of_stored_values() -> None:
    bench = Bench()
    draft = bench.edit()
    draft.born, draft.fine, draft.status = date(1990, 5, 1), Money(5), Status.CLOSED
    draft.seen = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert [operation.value for operation in finish(draft)] == ["1990-05-01", [5, "EUR"], "closed", 1000]


def test_a_write_names_what_it_replaces_and_a_second_one_takes_the_place_of_the_first() -> None:
    bench = Bench(name="A")
    draft = bench.edit()
    draft.name = "B"
    draft.name = "C"
    [operation] = bench.save(draft)
    assert (operation.value, operation.detail) == ("C", b"\1" * 8 + b"\0\1")
    assert len(bench.state.registers["name"].live) == 1
    assert bench.person.name == "C"


def test_what_changes_nothing_records_nothing() -> None:
    bench = Bench(name="A")
    draft = bench.edit()
    draft.tags.add(Status.OPEN)
    draft.phones["home"] = 1
    draft.notes.append("row 1", source=b"s" * 16)
    bench.save(draft)
    draft = bench.edit()
    draft.name = "A"
    draft.tags.add(Status.OPEN)
    draft.tags.discard(Status.CLOSED)
    draft.phones["home"] = 1
    draft.notes.append("row 1", source=b"s" * 16)
    draft.letters.increment(3)
    draft.letters.increment(-3)
    assert finish(draft) == []


def test_adding_and_removing_in_one_draft_leaves_no_trace() -> None:
    bench = Bench()
    draft = bench.edit()
    draft.tags.add(Status.OPEN)
    draft.tags.discard(Status.OPEN)
    draft.phones["a"] = 1
    del draft.phones["a"]
    draft.notes.append("oops")
    draft.notes.retract(draft.notes.items[0])
    assert (list(draft.tags), dict(draft.phones), list(draft.notes)) == ([], {}, [])
    assert finish(draft) == []


def test_removing_and_writing_again_in_one_draft() -> None:
    bench = Bench()
    draft = bench.edit()
    draft.tags.add(Status.OPEN)
    draft.phones["a"] = 1
    bench.save(draft)
    draft = bench.edit()
    draft.tags.discard(Status.OPEN)
    del draft.phones["a"]
    assert (list(draft.tags), dict(draft.phones)) == ([], {})
    draft.tags.add(Status.OPEN)
    draft.phones["a"] = 2
    assert (list(draft.tags), dict(draft.phones)) == ([Status.OPEN], {"a": 2})
    bench.save(draft)
    assert (list(bench.person.tags), dict(bench.person.phones)) == ([Status.OPEN], {"a": 2})
    draft = bench.edit()
    draft.phones["a"] = 3
    del draft.phones["a"]
    assert dict(draft.phones) == {}
    assert [operation.tag for operation in bench.save(draft)] == [Op.DELETE]
    assert dict(bench.person.phones) == {}


def test_two_people_write_and_the_conflict_is_shown_and_decided() -> None:
    bench = Bench()
    ana, ben = bench.edit(), bench.edit()
    ana.status, ben.status = Status.OPEN, Status.CLOSED
    ana.phones["home"], ben.phones["home"] = 1, 2
    bench.save(ana, 1, height=2)
    bench.save(ben, 2, height=2)
    person = bench.person
    by_phone, by_status = person.conflicts()
    assert (by_status.path, by_status.key) == ("status", None)
    assert [(value.value, value.author) for value in by_status.values] == [
        (Status.CLOSED, "ben"), (Status.OPEN, "ana"),
    ]  # fmt: skip
    assert by_status.values[0].at == datetime(1970, 1, 1, 0, 0, 3, tzinfo=UTC)
    assert (by_phone.path, by_phone.key) == ("phones", "home")
    assert person.status is Status.CLOSED
    assert [value.value for value in person.said("status")] == [Status.CLOSED, Status.OPEN]

    draft = bench.edit()
    draft.resolve(by_status, Status.OPEN)
    draft.resolve(by_phone, 2)
    with pytest.raises(InvalidValue):
        draft.resolve(by_phone, "many")
    assert draft.conflicts() == []
    bench.save(draft)
    assert bench.person.conflicts() == []
    assert (bench.person.status, bench.person.phones["home"]) == (Status.OPEN, 2)


def test_a_log_is_corrected_and_retracted_and_forgets_nothing() -> None:
    bench = Bench()
    draft = bench.edit()
    draft.notes.append("taken to Mill St")
    draft.notes.append("wrong person")
    bench.save(draft)
    draft = bench.edit()
    first, second = draft.notes.items
    assert (first.author, first.corrected) == ("ana", False)
    draft.notes.correct(first, "taken to Mill Street")
    draft.notes.correct(first, "taken to Mill Street 12")
    draft.notes.retract(second, "another case")
    assert list(draft.notes) == ["taken to Mill Street 12"]
    operations = bench.save(draft, 2)
    assert [operation.tag for operation in operations] == [Op.CORRECT, Op.RETRACT]
    [item] = bench.person.notes.items
    assert (item.value, item.author, item.corrected) == ("taken to Mill Street 12", "ana", True)
    assert [(said.value, said.author) for said in item.versions] == [
        ("taken to Mill St", "ana"), ("taken to Mill Street 12", "ben"),
    ]  # fmt: skip
    assert [(item.value, item.retracted, item.reason) for item in bench.person.notes.all][1] == (
        "wrong person", True, "another case",
    )  # fmt: skip


def test_concurrent_corrections_are_a_conflict_that_one_more_correction_decides() -> None:
    bench = Bench()
    draft = bench.edit()
    draft.notes.append("a")
    bench.save(draft)
    ana, ben = bench.edit(), bench.edit()
    ana.notes.correct(ana.notes.items[0], "b")
    ben.notes.correct(ben.notes.items[0], "c")
    bench.save(ana, 1, height=3)
    bench.save(ben, 2, height=3)
    [conflict] = bench.person.conflicts()
    assert ([value.value for value in conflict.values], bench.person.notes[0]) == (["c", "b"], "c")
    draft = bench.edit()
    draft.resolve(conflict, "d")
    assert len(bench.save(draft)) == 2
    assert (list(bench.person.notes), bench.person.conflicts()) == (["d"], [])


def test_correcting_a_pending_item_is_one_append() -> None:
    bench = Bench()
    draft = bench.edit()
    draft.notes.append("a")
    draft.notes.correct(draft.notes.items[0], "b")
    assert list(draft.notes) == ["b"]
    assert [(operation.tag, operation.value) for operation in finish(draft)] == [(Op.APPEND, "b")]


def test_an_item_of_another_log_is_not_found() -> None:
    bench = Bench()
    draft = bench.edit()
    draft.notes.append("a")
    item = draft.notes.items[0]
    other = bench.edit()
    with pytest.raises(NotFound):
        other.notes.correct(item, "b")
    with pytest.raises(NotFound):
        other.notes.retract(item)


def test_a_snapshot_cannot_be_written() -> None:
    bench = Bench()
    person = bench.person
    with pytest.raises(ReadOnly):
        person.name = "B"
    changes: list[Callable[[], Any]] = [
        lambda: person.notes.append("x"),
        lambda: person.tags.add(Status.OPEN),
        lambda: person.phones.update(home=1),
        lambda: person.letters.increment(),
    ]
    for change in changes:
        with pytest.raises(ReadOnly):
            change()
    draft = bench.edit()
    finish(draft)
    with pytest.raises(ReadOnly):
        draft.name = "late"


def test_a_field_that_is_not_there_or_not_assigned() -> None:
    draft: Any = Bench().edit()
    with pytest.raises(AttributeError, match="no field 'nmae'"):
        draft.nmae = "x"
    for name, instead in (
        ("notes", "append"), ("tags", r"add\(element\)"), ("phones", "its keys"), ("letters", r"use increment\(step\)"),
    ):  # fmt: skip
        with pytest.raises(AttributeError, match=f"{name!r} is a .*{instead}"):
            setattr(draft, name, [])
    with pytest.raises(AttributeError, match=r"increment\(step\)"):
        draft.letters += 1
    with pytest.raises(TypeError, match=r"cell\.create"):
        Person(name="x")
    with pytest.raises(KeyError):
        del draft.phones["nobody"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", 5), ("name", None), ("name", "\ud800"), ("name", "x" * 70_000), ("status", "opened"),
        ("color", "green"), ("born", "1990"), ("born", datetime(1990, 1, 1, tzinfo=UTC)),
        ("seen", datetime(1990, 1, 1)), ("fine", (1, "EUR")), ("fine", Money("x")), ("fine", Money(2**63)),  # type: ignore[arg-type]  # noqa: DTZ001
        ("nicknames", "ab"), ("nicknames", [1]),
    ],
)  # fmt: skip
def test_a_wrong_value_names_the_field_and_not_the_value(name: str, value: Any) -> None:
    draft = Bench().edit()
    with pytest.raises(InvalidValue, match=name) as caught:
        setattr(draft, name, value)
    assert str(value) not in str(caught.value) or value is None
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert finish(draft) == []


def test_wrong_elements_keys_items_and_steps() -> None:
    draft: Any = Bench().edit()
    changes: list[Callable[[], Any]] = [
        lambda: draft.tags.add("opened"),
        lambda: draft.phones.update({1: 1}),
        lambda: draft.phones.update({"a": True}),
        lambda: draft.notes.append(b"x"),
        lambda: draft.letters.increment(2**53 + 1),
        lambda: draft.letters.increment(1.5),
    ]
    for change in changes:
        with pytest.raises(InvalidValue):
            change()
    draft.letters.increment(2**53)
    with pytest.raises(InvalidValue):
        draft.letters.increment(1)
    assert draft.letters == 2**53
    assert len(finish(draft)) == 1


def test_values_that_do_not_fit_are_left_out_and_shown_as_extra() -> None:
    bench = Bench(name="A")
    bench.write(
        [
            Operation(Op.SET, "status", b"", "paused"),  # a newer version's
            Operation(Op.SET, "born", b"", "1990-13-01"),
            Operation(Op.SET, "fine", b"", [7, "EUR", "and more"]),
            Operation(Op.SET, "seen", b"", 2**62),
            Operation(Op.ADD, "tags", None, "paused"),
            Operation(Op.ADD, "tags", None, "open"),
            Operation(Op.PUT, "phones", b"", ["home", "x"]),
            Operation(Op.APPEND, "notes", None, [1]),
            Operation(Op.APPEND, "notes", None, "fine"),
            Operation(Op.SET, "later", b"", {"new": [1]}),
            Operation(Op.COUNT, "name", None, 3),
            Operation(Op.PUT, "links", b"", ["a", 1]),
        ]
    )
    person = bench.person
    assert (person.status, person.born, person.fine, person.seen) == (Status.OPEN, None, Money(7), None)
    assert (list(person.tags), dict(person.phones), list(person.notes)) == ([Status.OPEN], {}, ["fine"])
    assert person.extra == {
        "status": ["paused"], "born": ["1990-13-01"], "seen": [2**62], "tags": ["paused"],
        "phones": [["home", "x"]], "notes": [[1]], "later": {"new": [1]}, "name (counter)": 3, "links": [["a", 1]],
    }  # fmt: skip
    draft = bench.edit()
    draft.name = "B"
    bench.save(draft)
    assert bench.person.extra == person.extra  # untouched by a write elsewhere


def test_a_value_that_fits_is_read_before_a_newer_one_that_does_not() -> None:
    bench = Bench()
    bench.write([Operation(Op.SET, "status", b"", "closed")])
    bench.write([Operation(Op.SET, "status", b"", "paused")], 2)
    assert bench.person.status is Status.CLOSED
    [conflict] = bench.person.conflicts()
    assert [value.value for value in conflict.values] == ["paused", Status.CLOSED]


def test_a_case_is_moved_forward_in_place() -> None:
    bench = Bench(name="A")
    person = bench.person
    newer = bench.state.copy()
    newer.apply(Stamp(EntryId(b"z" * 32), DeviceId(bytes(32)), Millis(0), 9), [Operation(Op.SET, "name", b"", "B")])
    assert person.name == "A"
    advance(person, newer)
    assert person.name == "B"


def test_creation() -> None:
    assert [(op.tag, op.field, op.detail, op.value) for op in creation(Person, {"name": "A", "fine": Money(1)})] == [
        (Op.CREATE, "org.example.person", 3, None),
        (Op.SET, "name", b"", "A"),
        (Op.SET, "fine", b"", [1, "EUR"]),
    ]
    for wrong in ({"nmae": "A"}, {"notes": "A"}, {"name": 1}):
        with pytest.raises(InvalidValue):
            creation(Person, wrong)


def test_description() -> None:
    described = describe(Person)
    assert (described["kind"], described["version"], list(described["fields"])) == (
        "org.example.person", 3, list(fields_of(Person)),
    )  # fmt: skip
    assert described["fields"]["status"] == {
        "type": "register", "sensitivity": "C1", "values": [{"enum": "Status", "values": ["open", "closed"]}],
    }  # fmt: skip
    assert described["fields"]["tags"]["sensitivity"] == "C4"
    assert described["fields"]["fine"]["values"] == [
        {"parts": {"amount": "int", "currency": "str"}, "defaults": {"currency": "EUR"}, "name": "Money"}
    ]
    assert described["fields"]["name"]["required"]
    assert described["fields"]["letters"] == {"type": "counter", "sensitivity": "C1"}


def test_a_generic_case_reads_and_writes_without_a_schema() -> None:
    bench = Bench(name="A")
    case = bench.read(GenericCase)
    assert (case.kind, case.version, case.names()) == ("org.example.person", 3, [("name", FieldType.REGISTER)])
    assert (case.read("name"), case.read("nothing"), case.read("name", FieldType.LOG)) == ("A", None, None)
    assert case.extra == {"name": "A"}
    draft = begin(case)
    draft.write("name", "B")
    draft.set("tags").add("open")
    draft.map("phones")["home"] = 1
    draft.counter("letters").increment(2)
    draft.log("notes").append("x")
    bench.write(finish(draft))
    person = bench.person
    assert (person.name, list(person.tags), dict(person.phones), person.letters, list(person.notes)) == (
        "B", [Status.OPEN], {"home": 1}, 2, ["x"],
    )  # fmt: skip
    with pytest.raises(InvalidValue):
        begin(case).write("name", object())


def test_what_is_shown_to_programmers_holds_no_content() -> None:
    bench = Bench(name="Secret Name")
    bench.write([Operation(Op.SET, "name", b"", "Other Secret")], 2)
    draft = bench.edit()
    draft.notes.append("Secret note")
    draft.phones["Secret key"] = 1
    draft.tags.add(Status.OPEN)
    shown: list[Any] = [
        draft, draft.notes, draft.notes.items, draft.phones, draft.tags, draft.conflicts(), draft.said("name"),
        draft.conflicts()[0].raw, draft.conflicts()[0].raw.cells,
        Change(CaseId(bytes(32)), "name", "Secret", None, "ana", True, "edit", "0:1"),
    ]  # fmt: skip
    assert all("Secret" not in repr(one) for one in shown)


def test_a_schema_that_cannot_work_is_refused_when_it_is_made() -> None:
    with pytest.raises(TypeError, match="what does it read"):

        class NoDefault(Schema, kind="x"):
            status: Register[Status]

    with pytest.raises(TypeError, match="cannot be stored"):

        class NoType(Schema, kind="x"):
            thing: Register[complex]

    with pytest.raises(TypeError, match="of unions"):

        class Unions(Schema, kind="x"):
            thing: Register[int | str]

    with pytest.raises(TypeError, match="already"):

        class Taken(Schema, kind="x"):
            conflicts: Register[str]  # type: ignore[assignment]

    with pytest.raises(TypeError, match="a field is"):

        class NoField(Schema, kind="x"):
            name: str

    with pytest.raises(TypeError, match=r"empty\(\)"):

        class NotEmpty(Schema, kind="x"):
            name: Register[str] = empty()

    with pytest.raises(TypeError, match="does not fit"):

        class WrongDefault(Schema, kind="x"):
            status: Register[Status] = field(default="open")  # type: ignore[arg-type]

    with pytest.raises(TypeError, match="not known"):

        class Unknown(Schema, kind="x"):
            status: Register[Nowhere]  # type: ignore[name-defined] # noqa: F821


def test_schemas_inherit_fields() -> None:
    class Prisoner(Person, kind="org.example.prisoner"):
        number: Register[int]

    assert (kind_of(Prisoner), [*fields_of(Prisoner)]) == ("org.example.prisoner", [*fields_of(Person), "number"])
    assert "number" not in fields_of(Person)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("name", 5, "'name' takes a text (str); this int does not fit"),
        ("name", None, "'name' takes a text (str); this NoneType does not fit"),
        ("name", "\ud800", "'name': a text with half of a surrogate pair in it is no Unicode"),
        ("name", "x" * 70_000, "'name': one value has at most 62 KiB, and this one has 69 KiB"),
        ("status", "opened", "'status' takes a Status, one of 'open', 'closed'; this str does not fit"),
        ("color", "green", "'color' takes one of 'red', 'blue'; this str does not fit"),
        ("born", "1990", "'born' takes a date (datetime.date) or None; this str does not fit"),
        ("seen", datetime(1990, 1, 1), "'seen' takes a datetime with a time zone or None; this datetime does not fit"),  # noqa: DTZ001
        ("fine", Money(2**63), "'fine' takes a Money; this Money does not fit"),
        ("nicknames", [1], "'nicknames' takes a tuple, each item a text (str); this list does not fit"),
        ("nicknames", ["x"] * 1_023, "'nicknames': one value has at most 1022 elements"),
        ("nicknames", ["x"] * 5_000, "'nicknames': one value has at most 1022 elements"),
    ],
)  # fmt: skip
def test_an_error_says_which_type_and_which_limit(name: str, value: Any, said: str) -> None:
    draft = Bench().edit()
    with pytest.raises(InvalidValue) as caught:
        setattr(draft, name, value)
    assert str(caught.value) == said
    assert caught.value.code == ("too_large" if "at most" in said else "invalid_value")
