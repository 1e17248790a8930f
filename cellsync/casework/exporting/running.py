"""Running an export: gather, ask for consent, write what may leave."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from cellsync.casework.case_file import CaseFile
from cellsync.casework.consent import Scope
from cellsync.casework.exporting import dossier, permission, plain, tables
from cellsync.casework.exporting.gathering import Folder, gather, told_of
from cellsync.casework.exporting.leaving import Gate
from cellsync.cell.cell import Cell
from cellsync.core.case.fields import Sensitivity
from cellsync.core.errors import InvalidValue
from cellsync.core.ids import CaseId


class Form(StrEnum):
    """What an export looks like."""

    CSV = "csv"
    JSON = "json"
    DOSSIER = "html"


class Export(NamedTuple):
    """What leaves. Whoever hands it over notes that in an ExportRecord."""

    content: bytes
    cases: list[CaseId]
    refused: list[CaseId]  # their consent does not reach this audience
    compartments: frozenset[Sensitivity]

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

    Cases without the consent are left out and listed; raises NoConsent if that is all of them. Raises InvalidValue for
    compartments that do not leave together or not to them, or for a dossier of several cases; Unwritable.
    """
    chosen = permission.checked(audience, compartments)
    folders = await gather(cell, cases)
    leaving = [folder for folder in folders if permission.reaches(folder.scope, audience)]
    if folders and not leaving:
        raise permission.NoConsent
    if form is Form.DOSSIER and len(folders) != 1:
        raise InvalidValue("a dossier is about one case", hint="Choose one case, or export a table.")
    leaving = _without_others(leaving)
    gate = Gate(audience, chosen, [document for folder in leaving for document in folder.documents])
    refused = [folder.case.id for folder in folders if not permission.reaches(folder.scope, audience)]
    async with cell.circle.lock:
        content = await cell.circle.apart(lambda: _write(cell, leaving, gate, form, audience, language))
    return Export(content, [one.case.id for one in leaving], refused, chosen)


def _without_others(folders: list[Folder]) -> list[Folder]:
    """Without the documents that are also about a person or case that does not leave: nobody has asked those."""
    known = {bytes(document.id) for folder in folders for document in folder.documents}
    return [folder._replace(beside=[one for one in folder.beside if told_of(one) <= known]) for folder in folders]


def _write(cell: Cell, folders: list[Folder], gate: Gate, form: Form, audience: Scope, language: str) -> bytes:
    match form:
        case Form.CSV:
            return tables.as_csv(cell, folders, gate, language)
        case Form.JSON:
            return plain.as_json(folders, gate, audience)
        case Form.DOSSIER:
            return dossier.as_page(folders[0], gate, audience, language)
