"""Running an export: gather, ask for consent, write what may leave."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from cellsync.casework.case_file import CaseFile
from cellsync.casework.consent import Scope
from cellsync.casework.exporting import dossier, permission, plain, tables
from cellsync.casework.exporting.documents import named_kind
from cellsync.casework.exporting.gathering import Folder, about, gather, told_of
from cellsync.casework.exporting.leaving import Gate
from cellsync.casework.exporting.permission import Consents, LeftOut, Why
from cellsync.cell.cell import Cell
from cellsync.core.case.fields import Sensitivity
from cellsync.core.case.schema import kind_of
from cellsync.core.errors import InvalidValue
from cellsync.core.ids import CaseId

Kept = tuple[Why, bytes, str]
"""What stays: why, in which case, and what of it; "" for the case itself."""


class Form(StrEnum):
    """What an export looks like."""

    CSV = "csv"
    JSON = "json"
    DOSSIER = "html"


class Export(NamedTuple):
    """What leaves. Whoever hands it over notes that in an ExportRecord."""

    content: bytes
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
    chosen = permission.checked(audience, compartments)
    folders, consents = await gather(cell, cases)
    async with cell.circle.lock:  # a table of all cases takes its time
        return await cell.circle.apart(lambda: _made(cell, folders, consents, form, audience, chosen, language))


def _made(
    cell: Cell, folders: list[Folder], consents: Consents, form: Form, audience: Scope, chosen: frozenset[Sensitivity],
    language: str,
) -> Export:  # fmt: skip
    kept: list[Kept] = [(why, bytes(one.case.id), "") for one in folders if (why := _refusal(one, audience))]
    leaving = [one for one in folders if not _refusal(one, audience)]
    if folders and not leaving:
        raise permission.NoConsent(permission.by_reason(kept))
    if form is Form.DOSSIER and len(folders) != 1:
        raise InvalidValue("a dossier is about one case", hint="Choose one case, or export a table.")
    leaving = _with_rights(leaving, consents, audience, kept)
    gate = Gate(audience, chosen, leaving)
    filled = [one for one in leaving if gate.has_any(one)]
    if leaving and not filled:
        raise permission.NothingLeaves
    content = _write(cell, filled, gate, form, audience, language)
    leave = {one.case.id: None for one in filled}
    kept += [(Why.NOTHING, bytes(one.case.id), "") for one in leaving if one.case.id not in leave]
    refused = [one.case.id for one in folders if one.case.id not in leave]
    return Export(content, list(leave), refused, chosen, permission.by_reason([*kept, *gate.kept]))


def _refusal(folder: Folder, audience: Scope) -> Why | None:
    """Why no part of a case may leave."""
    return Why.NO_CONSENT if folder.right is None else folder.right.refuses(audience)


def _with_rights(folders: list[Folder], consents: Consents, audience: Scope, kept: list[Kept]) -> list[Folder]:
    """With what may leave of each document, and without those about a person or case that does not leave."""
    cases = {bytes(folder.case.id): about(folder.case) for folder in folders}
    persons = {bytes(one.id) for folder in folders for one in folder.persons}
    known = cases.keys() | persons | {bytes(one.id) for folder in folders for one in folder.beside}
    done: list[Folder] = []
    for folder in folders:
        case = bytes(folder.case.id)
        rights = {case: folder.right or permission.NOTHING_ALLOWED}
        for person in folder.persons:
            rights[bytes(person.id)] = consents.of(case, [bytes(person.id)]) or permission.NOTHING_ALLOWED
        for document in folder.beside:
            targets = told_of(document)
            told = [consents.of(one, cases[one] | targets & persons) for one in {case} | targets & cases.keys()]
            right = permission.least(one or permission.NOTHING_ALLOWED for one in told)
            if targets <= known and not right.refuses(audience):
                rights[bytes(document.id)] = right
            else:
                kept.append((Why.OTHERS, case, named_kind(kind_of(type(document)))))
        beside = [one for one in folder.beside if bytes(one.id) in rights]
        done.append(folder._replace(beside=beside, rights=rights))
    return done


def _write(cell: Cell, folders: list[Folder], gate: Gate, form: Form, audience: Scope, language: str) -> bytes:
    match form:
        case Form.CSV:
            return tables.as_csv(cell, folders, gate, language)
        case Form.JSON:
            return plain.as_json(folders, gate, audience)
        case Form.DOSSIER:
            return dossier.as_page(folders[0], gate, audience, language)
