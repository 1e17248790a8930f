"""Papers: the documents beside the cases that leave with them, and how much of each.

A document leaves with a case if every person it tells of allows it, in this case and in the other cases that it is
about or part of; and only if all documents that it tells of leave as well.
"""

from __future__ import annotations

from array import array
from collections.abc import Container, Iterator, Sequence

from cellsync.casework.documents.case_file import CaseFile
from cellsync.casework.documents.consent import Scope
from cellsync.casework.documents.person import Person
from cellsync.casework.exporting.documents import named_kind
from cellsync.casework.exporting.gathering import Beside, Folder, Folders, beside
from cellsync.casework.exporting.left_out import Kept, Why
from cellsync.casework.exporting.permission import NOTHING_ALLOWED, Right
from cellsync.casework.exporting.reader import Reader, Steps
from cellsync.core.marks import Marks
from cellsync.core.schema.fields import Sensitivity
from cellsync.core.schema.schema import Schema, fields_of, kind_of


class Papers:
    """The folders that leave, with the documents beside them."""

    def __init__(self, reader: Reader, folders: Folders, leaving: array[int], found: Beside) -> None:
        self._reader = reader
        self._folders = folders
        self._leaving = leaving
        self._beside = found
        self.persons = Marks()
        self.rights: list[Right | None] = [None] * len(found.of)  # of each document in each folder; None: it stays

    def folder(self, place: int) -> Folder:
        """A folder with the documents that leave, and the right of each."""
        folder, consents = self._folders[place], self._folders.consents
        case = bytes(folder.case)
        rights = {bytes(person): consents.of(case, [bytes(person)]) or NOTHING_ALLOWED for person in folder.persons}
        papers, staying = [], []
        for at in self._beside.of.places(place):
            document = self._beside.unread(self._reader, self._beside.of.second(at))
            if (right := self.rights[at]) is None:
                staying.append(document)
            else:
                papers.append(document)
                rights[bytes(document.id)] = right
        return folder._replace(beside=papers, staying=staying, rights=rights) if rights or staying else folder

    def targets(self, chosen: frozenset[Sensitivity]) -> Container[bytes]:
        """The ids of all documents that leave, of those kinds that have fields in these compartments."""
        marks = Marks()
        for schema, number in self._leave():
            if any(own.sensitivity in chosen for own in fields_of(schema).values()):
                marks.add(number)
        return self._reader.among(marks)

    def _leave(self) -> Iterator[tuple[type[Schema], int]]:
        yield from ((CaseFile, self._folders.numbers[place]) for place in self._leaving)
        yield from ((Person, number) for number in self.persons)
        for at, right in enumerate(self.rights):
            if right is not None:
                document = self._beside.of.second(at)
                yield self._beside.schemas[document], self._beside.numbers[document]


def gather_papers(
    reader: Reader, folders: Folders, leaving: array[int], audience: Scope, kept: Kept
) -> Steps[Papers]:  # fmt: skip
    """Decide which documents beside the cases in these places leave. Those that stay are noted."""
    found = yield from beside(reader, folders, leaving)
    papers = Papers(reader, folders, leaving, found)
    known = Marks()
    for place in leaving:
        known.add(folders.numbers[place])
        for person in folders.persons[place]:
            known.add(person)
            papers.persons.add(person)
    for number in found.numbers:
        known.add(number)
    told = []
    for document in range(len(found.numbers)):
        told.append(_told(folders, found, document, papers.persons))
        yield from reader.turn_after(1)
    for place in leaving:
        for at in found.of.places(place):
            document = found.of.second(at)
            right = _allowed(folders, place, found.persons_of(document, papers.persons), told[document])
            if all(number in known for number in found.told_of[document]) and not right.refuses(audience):
                papers.rights[at] = right
            else:
                kind = named_kind(kind_of(found.schemas[document]))
                kept.add(Why.OTHERS, place, kind, merged=right.merged)
            yield from reader.turn_after(1)
    return papers


def _told(folders: Folders, found: Beside, one: int, persons: Marks) -> Right | None:
    """The right that a document's persons allow in the cases that it is about or part of; None if it has no case."""
    of = found.persons_of(one, persons)
    cases = [place for number in found.told_of[one] if (place := found.place_of(number)) is not None]
    return folders.consents.least_of(_allowed(folders, place, of, None) for place in cases) if cases else None


def _allowed(folders: Folders, place: int, persons: Sequence[int], told: Right | None) -> Right:
    """The right of a document about these persons to leave with this case."""
    consents = folders.consents
    here = consents.narrowed(folders.rights[place] or NOTHING_ALLOWED, folders.numbers[place], persons)
    return here if told is None else consents.least_of([here, told])
