"""An export: gather, ask for consent, write what may leave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from enum import StrEnum
from typing import NamedTuple

from cellsync.casework.documents.case_file import CaseFile
from cellsync.casework.documents.consent import Scope
from cellsync.casework.exporting import dossier, permission, plain, tables
from cellsync.casework.exporting.documents import named_kind
from cellsync.casework.exporting.gate import Gate
from cellsync.casework.exporting.gathering import Beside, Folder, Unread, beside, gather
from cellsync.casework.exporting.permission import Consents, LeftOut, Right, Why
from cellsync.casework.exporting.reader import Reader, Steps
from cellsync.casework.exporting.sink import InMemory, Sink
from cellsync.cell.cell import Cell
from cellsync.core.errors import InvalidValue
from cellsync.core.history.store import Listings
from cellsync.core.ids import CaseId
from cellsync.core.replica.replica import Replica
from cellsync.core.schema.fields import Sensitivity
from cellsync.core.schema.schema import kind_of

Kept = tuple[Why, bytes, str]
"""What stays: why, in which case, and what of it; "" for the case itself."""


class Form(StrEnum):
    """What an export looks like."""

    CSV = "csv"
    JSON = "json"
    DOSSIER = "html"


class Export(NamedTuple):
    """What leaves. Whoever hands it over notes that in an ExportRecord."""

    content: bytes  # nothing, if it was written somewhere else
    cases: list[CaseId]
    refused: list[CaseId]  # nothing of these leaves: no consent that reaches this audience, or nothing in it
    compartments: frozenset[Sensitivity]
    left_out: list[LeftOut]  # for which reason, in which cases, and what

    def __repr__(self) -> str:
        return f"<export of {len(self.cases)} cases, {len(self.refused)} refused>"  # no content


async def export_cases(
    cell: Cell,
    cases: Iterable[CaseFile] | None = None,
    *,
    form: Form,
    audience: Scope,
    compartments: Iterable[Sensitivity] | None = None,
    language: str = "",
) -> Export:
    """Export these cases, or all, with the documents that belong to them. Writes nothing anywhere.

    `audience` decides which consent is needed and what may be chosen (`permission`). `compartments` are C0 and C1 if
    none are chosen, for the public C0. `language` marks the texts of a table, or the page, as being in it: "ru".

    Cases without the consent are left out and listed; raises NoConsent if that is all of them, and NothingLeaves if the
    others hold nothing in these compartments. `left_out` says what stayed and why. Raises InvalidValue for compartments
    that do not leave together or not to them, or for a dossier of several cases.
    """
    out = InMemory()
    made = await write_cases(
        cell, out, cases, form=form, audience=audience, compartments=compartments, language=language
    )
    return made._replace(content=out.getvalue())


async def write_cases(
    cell: Cell,
    out: Sink,
    cases: Iterable[CaseFile] | None = None,
    *,
    form: Form,
    audience: Scope,
    compartments: Iterable[Sensitivity] | None = None,
    language: str = "",
) -> Export:
    """The same as `export_cases`, written to `out`, which is told when all is begun anew. It writes in a thread."""
    chosen = permission.checked(audience, compartments)
    wanted = None if cases is None else [case.id for case in cases]

    def work(replica: Replica, listings: Listings) -> Steps[Export]:
        return _made(Reader(cell, replica, listings), wanted, form, audience, chosen, language, out)

    return await cell.at_one_moment(work)


def _made(
    reader: Reader, cases: list[CaseId] | None, form: Form, audience: Scope, chosen: frozenset[Sensitivity],
    language: str, out: Sink,
) -> Steps[Export]:  # fmt: skip
    out.clear()
    folders, consents = yield from gather(reader, cases)
    kept: list[Kept] = [(why, bytes(one.case), "") for one in folders if (why := _refusal(one, audience))]
    leaving = [one for one in folders if not _refusal(one, audience)]
    if folders and not leaving:
        raise permission.NoConsent(permission.by_reason(kept))
    if form is Form.DOSSIER and len(folders) != 1:
        raise InvalidValue("a dossier is about one case", hint="Choose one case, or export a table.")
    leaving = yield from _with_rights(reader, leaving, consents, audience, kept)
    gate = Gate(audience, chosen, leaving)
    filled: list[Folder] = []
    for one in leaving:
        if (yield from gate.has_any(reader, one)):
            filled.append(one)
    if leaving and not filled:
        raise permission.NothingLeaves
    yield from _write(reader, filled, gate, form, audience, language, out)
    leave = {one.case: None for one in filled}
    kept += [(Why.NOTHING, bytes(one.case), "") for one in leaving if one.case not in leave]
    refused = [one.case for one in folders if one.case not in leave]
    return Export(b"", list(leave), refused, chosen, permission.by_reason([*kept, *gate.kept]))


def _refusal(folder: Folder, audience: Scope) -> Why | None:
    """Why no part of a case may leave."""
    return Why.NO_CONSENT if folder.right is None else folder.right.refuses(audience)


def _with_rights(
    reader: Reader, folders: list[Folder], consents: Consents, audience: Scope, kept: list[Kept]
) -> Steps[list[Folder]]:
    """With what is beside them, and with what may leave of each document; without those about a person or case that
    does not leave."""
    found = yield from beside(reader, folders)
    cases = {bytes(folder.case): folder.concerned for folder in folders}
    persons = {bytes(one) for folder in folders for one in folder.persons}
    known = cases.keys() | persons | {bytes(one.document.id) for one in found}
    places: list[list[Beside]] = [[] for _ in folders]
    told: dict[bytes, list[Right]] = {}
    for one in found:
        told[bytes(one.document.id)] = _told(one, consents, cases, persons)
        for place in one.cases:
            places[place].append(one)
    done: list[Folder] = []
    for folder, documents in zip(folders, places, strict=True):
        case = bytes(folder.case)
        rights: dict[bytes, Right] = {}
        for person in folder.persons:
            rights[bytes(person)] = consents.of(case, [bytes(person)]) or permission.NOTHING_ALLOWED
        leaves: list[Unread] = []
        for one in documents:
            others = (one.told_of & persons).difference(folder.concerned)
            here = consents.of(case, {*folder.concerned, *others}) if others else folder.right
            right = permission.least([here or permission.NOTHING_ALLOWED, *told[bytes(one.document.id)]])
            if one.told_of <= known and not right.refuses(audience):
                rights[bytes(one.document.id)] = right
                leaves.append(one.document)
            else:
                kept.append((Why.OTHERS, case, named_kind(kind_of(one.document.schema))))
        done.append(folder._replace(beside=leaves, rights=rights) if rights else folder)
    return done


def _told(
    document: Beside, consents: Consents, cases: Mapping[bytes, tuple[bytes, ...]], persons: Set[bytes]
) -> list[Right]:  # fmt: skip
    """What those allow whom a document is about, in the cases that it is about or part of, if there are such cases."""
    of = document.told_of & persons
    every = [consents.of(one, {*cases[one], *of}) for one in document.told_of & cases.keys()]
    return [permission.least(one or permission.NOTHING_ALLOWED for one in every)] if every else []


def _write(
    reader: Reader, folders: list[Folder], gate: Gate, form: Form, audience: Scope, language: str, out: Sink
) -> Steps[None]:
    match form:
        case Form.CSV:
            return tables.as_csv(reader, folders, gate, language, out)
        case Form.JSON:
            return plain.as_json(reader, folders, gate, audience, out)
        case Form.DOSSIER:
            return dossier.as_page(reader, folders[0], gate, audience, language, out)
