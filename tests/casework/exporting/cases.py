"""Cases with and without consent, and what an export of them says."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

from cellsync.casework import CaseFile, Consent, Person
from cellsync.casework.documents.consent import Scope
from cellsync.casework.exporting import Export, NoConsent, Why
from cellsync.casework.values.link import Link, Relation
from cellsync.cell.cell import Cell
from cellsync.core.ids import CaseId


async def consent(cell: Cell, about: CaseId, scope: Scope, relation: Relation = Relation.ABOUT) -> Consent:
    made = await cell.create(Consent, scope=scope)
    async with made.edit() as draft:
        draft.links.add(Link(about, relation))
    return made


async def a_case(cell: Cell, scope: Scope | None = Scope.PARTNERS, **fields: Any) -> CaseFile:
    """A case about a person who has consented."""
    person = await cell.create(Person, external_id="VR-1")
    case = await cell.create(CaseFile, **{"title": "Vera Tikhaya", "external_id": "VR-1", **fields})
    async with case.edit() as draft:
        draft.links.add(Link(person.id, Relation.ABOUT))
    if scope is not None:
        await consent(cell, person.id, scope)
    return case


def rows(export: Export) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(export.content.decode(), newline=""), strict=True))


async def linked(document: Any, *links: Link) -> None:
    async with document.edit() as draft:
        for link in links:
            draft.links.add(link)


def why(export: Export | NoConsent) -> dict[Why, tuple[int, tuple[str, ...]]]:
    """In how many cases something was left out for which reason, and what."""
    return {one.why: (len(one.cases), one.what) for one in export.left_out}
