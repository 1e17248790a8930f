"""Gathering: a case file with the persons it is about and the documents that point at it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any, NamedTuple, TypeVar

from cellsync.casework.case_file import CaseFile
from cellsync.casework.consent import Consent, Scope
from cellsync.casework.exporting.documents import BESIDE
from cellsync.casework.exporting.permission import Consents, Right
from cellsync.casework.link import Relation
from cellsync.casework.person import Person
from cellsync.cell.cell import Cell
from cellsync.core.case.schema import Schema, kind_of
from cellsync.core.ids import CaseId

T = TypeVar("T")


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

    Of all, it reads every document of the cell once; of some, only what has to do with these.
    """
    chosen = await cell.cases(CaseFile) if cases is None else list({case.id: case for case in cases}.values())
    found = await (_everything(cell) if cases is None else _near(cell, chosen))

    def gathered() -> tuple[list[Folder], Consents]:
        persons = {bytes(person.id): person for person in found.persons}
        consents = Consents(found.consents, found.known_persons)
        beside: dict[bytes, list[Any]] = {}
        for schema in BESIDE:
            for target, documents in _by_target([one for one in found.beside if type(one) is schema]).items():
                beside.setdefault(target, []).extend(documents)
        ordered = sorted(chosen, key=lambda case: (case.external_id, case.id))
        return [_folder(case, persons, consents, beside) for case in ordered], consents

    return await _apart(cell, gathered)


async def _apart(cell: Cell, work: Callable[[], T]) -> T:
    """Members may have written many links: they are read in a thread, while nothing is written."""
    async with cell.circle.lock:
        return await cell.circle.apart(work)


class _Found(NamedTuple):
    """The documents beside some cases."""

    persons: list[Person]
    known_persons: Set[bytes]  # ids: of these persons, and of all others that the consents name
    consents: list[Consent]
    beside: list[Schema]

    def __repr__(self) -> str:
        return "<documents>"  # no content


async def _everything(cell: Cell) -> _Found:
    persons = await cell.cases(Person)
    beside = [one for schema in BESIDE for one in await cell.cases(schema)]
    return _Found(persons, {bytes(one.id) for one in persons}, await cell.cases(Consent), beside)


async def _near(cell: Cell, cases: list[CaseFile]) -> _Found:
    """What these cases are about, what points at either, and all consents that bear on those.

    A consent may narrow, replace or be replaced by others, over several steps; so all that are joined by such links are
    here, in both directions, as if all consents of the cell had been read.
    """
    identities = {bytes(case.id) for case in cases}
    concerned = await _apart(cell, lambda: identities.union(*map(about, cases)))
    pointing = await cell.pointing_at(concerned)
    consents: dict[bytes, Consent] = {}
    waiting = {bytes(one) for one, kind in pointing.items() if kind == kind_of(Consent)}
    while waiting:
        read = [await cell.get(Consent, CaseId(one)) for one in sorted(waiting)]
        consents |= {bytes(one.id): one for one in read}
        replaced = await _apart(cell, lambda read=read: _targets(read, Relation.SUPERSEDES))  # type: ignore[misc]
        joined = {**await cell.pointing_at(waiting), **await cell.kinds(replaced)}
        waiting = {bytes(one) for one, kind in joined.items() if kind == kind_of(Consent)} - consents.keys()
    named = await _apart(cell, lambda: _targets(consents.values(), *Relation))
    kinds = await cell.kinds(concerned | named)
    known_persons = {bytes(one) for one, kind in kinds.items() if kind == kind_of(Person)}
    persons = [await cell.get(Person, CaseId(one)) for one in sorted(concerned & known_persons)]
    schemas = {kind_of(schema): schema for schema in BESIDE}
    beside = [await cell.get(schemas[kind], one) for one, kind in pointing.items() if kind in schemas]
    return _Found(persons, known_persons, list(consents.values()), beside)


def _targets(documents: Iterable[Any], *relations: Relation) -> set[bytes]:
    return {link.case for one in documents for link in one.links if link.relation in relations}


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
