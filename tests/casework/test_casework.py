"""The documents that ship: each can be created empty and described, and meets the needs of the domain."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cellsync.casework import SCHEMAS, CaseFile, Consent, Link, Person, Relation, TimelineEntry, TimelineKind
from cellsync.casework.documents.case_file import CaseStatus, Priority, Recognition
from cellsync.casework.documents.consent import Scope, effective_scope
from cellsync.casework.documents.episode import EpisodeKind
from cellsync.casework.documents.support_task import TaskKind
from cellsync.casework.values.name import Name, NameKind, Script, best, name_of, script_of
from cellsync.casework.values.partial_date import PartialDate
from cellsync.casework.values.timeline import Reliability, Source
from cellsync.core.case.fold import CaseState, Stamp
from cellsync.core.ids import CaseId, DeviceId, EntryId, Millis
from cellsync.core.schema.fields import Register, Sensitivity
from cellsync.core.schema.host import B, begin, bind, finish
from cellsync.core.schema.schema import Schema, creation, describe, fields_of, kind_of
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op


class Nobody:
    """A host that is never asked for more than a name."""

    def name_of(self, device: DeviceId) -> str:
        return "ana"

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError


def state_of(*entries: list[Operation]) -> CaseState:
    state = CaseState(logs=True)
    for number, operations in enumerate(entries, 1):
        state.apply(Stamp(EntryId(bytes([number]) * 32), DeviceId(bytes(32)), Millis(0), 1), operations)
    return state


def read(schema: type[B], state: CaseState, case: CaseId = CaseId(bytes(32))) -> B:  # noqa: B008
    host: Any = Nobody()
    return bind(schema, host, case, state)


@pytest.mark.parametrize("schema", SCHEMAS, ids=kind_of)
def test_every_document_can_start_empty_and_reads_without_error(schema: type[Schema]) -> None:
    case = read(schema, state_of(creation(schema, {})))
    for name in fields_of(schema):
        getattr(case, name)
    assert (case.extra, case.conflicts(), case._state.kind) == ({}, [], kind_of(schema))


@pytest.mark.parametrize("schema", SCHEMAS, ids=kind_of)
def test_every_default_can_be_written_and_every_description_travels(schema: type[Schema]) -> None:
    defaults = {name: own.default for name, own in fields_of(schema).items() if isinstance(own, Register)}
    case = read(schema, state_of(creation(schema, defaults)))
    assert {name: getattr(case, name) for name in defaults} == defaults
    assert json.loads(json.dumps(describe(schema))) == describe(schema)


def test_kinds_are_distinct() -> None:
    assert len({kind_of(schema) for schema in SCHEMAS}) == len(SCHEMAS) == 18


def test_the_enumerations_of_the_domain_are_complete() -> None:
    counts = {
        TimelineKind: 42, EpisodeKind: 10, Source: 22, Reliability: 6, Priority: 5, CaseStatus: 6, Recognition: 5,
        TaskKind: 10, Scope: 5, Sensitivity: 7,
    }  # fmt: skip
    assert {kind: len(kind) for kind in counts} == counts


def test_a_person_has_names_in_several_scripts_and_may_have_none() -> None:
    state = state_of(creation(Person, {}))
    draft = begin(read(Person, state))
    assert best(draft.names) is None
    draft.description = "woman in a green coat"
    draft.names.add(name_of("Алена  Прыклад"))
    draft.names.add(Name("Alena Pryklad", Script.LATIN, NameKind.TRANSLITERATION))
    draft.born = PartialDate(1990, estimated=True)
    draft.links.add(Link(bytes(32), Relation.RELATIVE_OF))
    state.apply(Stamp(EntryId(b"z" * 32), DeviceId(bytes(32)), Millis(0), 2), finish(draft))
    person = read(Person, state)
    assert best(person.names) == Name("Алена Прыклад", Script.CYRILLIC, NameKind.LEGAL)
    assert best(person.names, [Script.LATIN]) == Name("Alena Pryklad", Script.LATIN, NameKind.TRANSLITERATION)
    assert person.born == PartialDate(1990, estimated=True)
    assert list(person.links) == [Link(bytes(32), Relation.RELATIVE_OF)]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Ana", Script.LATIN), ("Łukasz", Script.LATIN), ("«Ў", Script.CYRILLIC), ("نور", Script.ARABIC),
        ("ნინო", Script.GEORGIAN), ("Նարե", Script.ARMENIAN), ("李", Script.HAN), ("7", Script.OTHER),
        ("", Script.OTHER),
    ],
)  # fmt: skip
def test_scripts_are_recognised(text: str, script: Script) -> None:
    assert script_of(text) is script


def test_a_timeline_entry_of_a_newer_version_is_kept_and_not_shown() -> None:
    state = state_of(creation(CaseFile, {}))
    draft = begin(read(CaseFile, state))
    draft.timeline.append(TimelineEntry(TimelineKind.DETAINED, "at work", PartialDate(2024, 5)))
    state.apply(Stamp(EntryId(b"y" * 32), DeviceId(bytes(32)), Millis(0), 2), finish(draft))
    newer = Operation(int(Op.APPEND), "timeline", None, ["amnesty", "", [2025]])
    shorter = Operation(int(Op.APPEND), "timeline", None, ["released"])
    state.apply(Stamp(EntryId(b"z" * 32), DeviceId(bytes(32)), Millis(0), 3), [newer, shorter])
    case = read(CaseFile, state)
    assert [entry.kind for entry in case.timeline] == [TimelineKind.DETAINED, TimelineKind.RELEASED]
    assert case.timeline[0].sensitivity is Sensitivity.C1
    assert case.extra == {"timeline": [["amnesty", "", [2025]]]}


def test_consent_allows_the_least_that_anybody_wrote() -> None:
    def scope(*entries: list[Operation]) -> Scope:
        return effective_scope(read(Consent, state_of(*entries)))

    def says(field: str, value: Any) -> list[Operation]:
        return [Operation(int(Op.SET), field, b"", value)]

    public = says("scope", "public")
    assert scope() is Scope.NONE
    assert scope(public) is Scope.PUBLIC
    assert scope(public, says("withdrawn", [])) is Scope.NONE
    for one, other, least in [  # whichever of the two is shown
        (public, says("scope", "partners"), Scope.PARTNERS),
        (public, says("scope", "a newer word"), Scope.NONE),
        (says("withdrawn", None), says("withdrawn", [2024]), Scope.NONE),
    ]:
        assert {scope(public, one, other), scope(public, other, one)} == {least}


def test_helpers_and_routes_are_never_in_the_open_compartments() -> None:
    helpers = {"helpers", "doer", "organisers", "intermediaries", "recipient", "channels", "payments", "handler"}
    for schema in SCHEMAS:
        for name, own in fields_of(schema).items():
            if name in helpers:
                assert own.sensitivity is Sensitivity.C4, (schema, name)
            if name in {"route", "meeting"}:
                assert own.sensitivity is Sensitivity.C5, (schema, name)
