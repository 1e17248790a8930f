"""Gathering: a case file with the persons it is about and the documents that point at it, unread.

What is kept of a document is which one it is and where its links lead; it is opened again when it leaves (`reader`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cellsync.casework.documents.case_file import CaseFile
from cellsync.casework.documents.consent import Consent, Scope
from cellsync.casework.documents.person import Person
from cellsync.casework.exporting.documents import BESIDE
from cellsync.casework.exporting.permission import Consents, Right, Spoken, spoken
from cellsync.casework.exporting.reader import Reader, Steps
from cellsync.casework.values.link import Relation
from cellsync.core.ids import CaseId
from cellsync.core.runs import in_order
from cellsync.core.schema.schema import Schema, kind_of


class Unread(NamedTuple):
    """A document that is to be opened."""

    id: CaseId
    schema: type[Schema]


class Folder(NamedTuple):
    """One case with all that belongs to it."""

    case: CaseId
    external_id: str
    concerned: tuple[bytes, ...]  # whom it is about, sorted; also who is not here
    persons: Sequence[CaseId]
    right: Right | None  # how far it may go; None: nobody has consented for somebody that it is about
    beside: Sequence[Unread] = ()  # documents that point at the case: by kind, episodes first, then by id

    rights: Mapping[bytes, Right] = {}  # of the other documents; what has none stays

    def __repr__(self) -> str:
        return f"<folder of {self.case.hex()[:8]}>"  # no content

    @property
    def scope(self) -> Scope:
        return Scope.NONE if self.right is None else self.right.scope

    def right_of(self, document: bytes) -> Right | None:
        return self.right if document == self.case else self.rights.get(document)

    @property
    def documents(self) -> Iterator[Unread]:
        """The case file first, then the persons."""
        yield Unread(self.case, CaseFile)
        for person in self.persons:
            yield Unread(person, Person)
        yield from self.beside


class Beside(NamedTuple):
    """Where the links of a document lead."""

    document: Unread
    told_of: frozenset[bytes]  # what it is about or part of
    cases: tuple[int, ...]  # of the folders, by their places, that it points at


def told_of(document: Any) -> set[bytes]:
    """What a document is about or part of."""
    return {link.case for link in document.links if link.relation in (Relation.ABOUT, Relation.PART_OF)}


def about(document: Any) -> set[bytes]:
    return {link.case for link in document.links if link.relation is Relation.ABOUT}


def gather(reader: Reader, cases: Collection[CaseId] | None) -> Steps[tuple[list[Folder], Consents]]:
    """Folders of these cases, or of all, by external id, without what is beside them; and who has consented to what.

    Of all, it opens every case and consent of the cell once; of some, only what has to do with these.
    """
    if cases is None:
        every: Iterable[CaseId] = reader.ids(reader.of_kind(CaseFile))
        consents = Consents((yield from _all_consents(reader)), reader.persons())
    else:
        every = dict.fromkeys(cases)
        consents = yield from _bearing_on(reader, every)
    found: list[tuple[bytes, CaseId, Folder]] = []
    for case in every:
        found.append(_place(reader, case, consents))
        yield from reader.turn()
    return [folder for _, _, folder in in_order(found)], consents


def _place(reader: Reader, case: CaseId, consents: Consents) -> tuple[bytes, CaseId, Folder]:
    """A folder behind what it is sorted by: texts and their bytes in UTF-8 have one order."""
    file = reader.open(CaseFile, case)
    concerned = tuple(sorted(about(file)))
    right = consents.of(case, concerned)
    persons = [CaseId(one) for one in concerned if one in consents.persons]
    external_id = file.external_id
    return external_id.encode(errors="surrogatepass"), case, Folder(case, external_id, concerned, persons or (), right)


def _all_consents(reader: Reader) -> Steps[list[Spoken]]:
    found: list[Spoken] = []
    rights: dict[Right, Right] = {}  # nearly all are alike
    for case in reader.ids(reader.of_kind(Consent)):
        one = spoken(reader.open(Consent, case))
        found.append(one._replace(right=rights.setdefault(one.right, one.right)))
        yield from reader.turn()
    return found


def _bearing_on(reader: Reader, cases: Collection[CaseId]) -> Steps[Consents]:
    """All consents that bear on these cases.

    A consent may narrow, replace or be replaced by others, over several steps; so all that are joined by such links are
    here, in both directions, as if all consents of the cell had been read.
    """
    concerned = {bytes(case) for case in cases}
    for case in cases:
        concerned |= about(reader.open(CaseFile, case))
        yield from reader.turn()
    found: dict[bytes, Spoken] = {}
    waiting = _consents(reader.pointing_at(concerned))
    while waiting:
        read: list[Spoken] = []
        for one in sorted(waiting):
            read.append(spoken(reader.open(Consent, one)))
            yield from reader.turn()
        found |= {one.id: one for one in read}
        replaced = {other for one in read for other in one.supersedes}
        waiting = _consents(reader.pointing_at(waiting) | reader.kinds(replaced)) - found.keys()
    named = {target for one in found.values() for target in one.named}
    persons = {bytes(one) for one, kind in reader.kinds(concerned | named).items() if kind == kind_of(Person)}
    return Consents(found.values(), persons)


def _consents(kinds: Mapping[CaseId, str]) -> set[bytes]:
    return {bytes(one) for one, kind in kinds.items() if kind == kind_of(Consent)}


def beside(reader: Reader, folders: Sequence[Folder]) -> Steps[list[Beside]]:
    """What points at the cases of these folders: by kind, then by id."""
    places = {bytes(folder.case): at for at, folder in enumerate(folders)}
    kinds = reader.pointing_at(places)
    found: list[Beside] = []
    for schema in BESIDE:
        for case in sorted(one for one, kind in kinds.items() if kind == kind_of(schema)):
            document: Any = reader.open(schema, case)
            cases = tuple(sorted({places[link.case] for link in document.links if link.case in places}))
            if cases:
                found.append(Beside(Unread(case, schema), frozenset(told_of(document)), cases))
            yield from reader.turn()
    return found
