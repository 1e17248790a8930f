"""Gathering: a case file with the persons it is about and the documents that point at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from cellsync.casework.access import Access, ConditionsReport
from cellsync.casework.case_file import CaseFile
from cellsync.casework.consent import Consent, Scope
from cellsync.casework.contact import Contact
from cellsync.casework.demand import Demand
from cellsync.casework.episode import Episode
from cellsync.casework.evacuation import Adaptation, Evacuation
from cellsync.casework.exporting.permission import Consents, Right
from cellsync.casework.group_support import Grant
from cellsync.casework.link import Relation
from cellsync.casework.person import Person
from cellsync.casework.proceeding import Proceeding
from cellsync.casework.support_task import SupportTask
from cellsync.casework.talks import Talks
from cellsync.cell.cell import Cell
from cellsync.core.case.schema import Schema

_BESIDE: Final[tuple[type[Schema], ...]] = (
    Episode, Proceeding, SupportTask, Demand, ConditionsReport, Access, Talks, Evacuation, Adaptation, Contact, Grant,
)  # fmt: skip


class Folder(NamedTuple):
    """One case with all that belongs to it."""

    case: CaseFile
    persons: list[Person]
    beside: list[Schema]  # documents that point at the case: episodes first, then by kind, then by id
    right: Right | None  # how far it may go; None: nobody has consented for somebody that it is about

    rights: Mapping[bytes, Right] = {}  # by document; what has none stays

    def __repr__(self) -> str:
        return f"<folder of {self.case!r}>"  # no content

    @property
    def scope(self) -> Scope:
        return Scope.NONE if self.right is None else self.right.scope

    @property
    def documents(self) -> list[Schema]:
        return [self.case, *self.persons, *self.beside]


def told_of(document: Any) -> set[bytes]:
    """What a document is about or part of."""
    return {link.case for link in document.links if link.relation in (Relation.ABOUT, Relation.PART_OF)}


def about(document: Any) -> set[bytes]:
    return {link.case for link in document.links if link.relation is Relation.ABOUT}


async def gather(cell: Cell, cases: Iterable[CaseFile] | None) -> tuple[list[Folder], Consents]:
    """Folders of these cases, or of all, by external id, and who has consented to what.

    Reads every document of the cell once.
    """
    chosen = await cell.cases(CaseFile) if cases is None else list({case.id: case for case in cases}.values())
    persons = {bytes(person.id): person for person in await cell.cases(Person)}
    said = await cell.cases(Consent)
    others = [await cell.cases(schema) for schema in _BESIDE]

    def gathered() -> tuple[list[Folder], Consents]:
        consents = Consents(said, persons.keys())
        beside: dict[bytes, list[Any]] = {}
        for documents in others:
            for target, found in _by_target(documents).items():
                beside.setdefault(target, []).extend(found)
        ordered = sorted(chosen, key=lambda case: (case.external_id, case.id))
        return [_folder(case, persons, consents, beside) for case in ordered], consents

    async with cell.circle.lock:
        return await cell.circle.apart(gathered)


def _by_target(documents: list[Any]) -> dict[bytes, list[Any]]:
    """Documents by what they link to, each once, sorted by id."""
    found: dict[bytes, list[Any]] = {}
    for document in sorted(documents, key=lambda one: bytes(one.id)):
        for target in {link.case for link in document.links}:
            found.setdefault(target, []).append(document)
    return found


def _folder(case: CaseFile, persons: dict[bytes, Person], consents: Consents, beside: dict[bytes, list[Any]]) -> Folder:
    concerned = sorted(about(case))
    right = consents.of(case.id, concerned)
    return Folder(case, [persons[one] for one in concerned if one in persons], beside.get(case.id, []), right)
