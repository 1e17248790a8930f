"""Gathering: a case file with the persons it is about and the documents that point at it, unread.

Of each document, only its number is kept; the document is opened again when it leaves (`reader`). For a hundred
thousand cases with the documents beside them, the numbers take a few megabytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, overload

from cellsync.casework.documents.case_file import CaseFile
from cellsync.casework.documents.consent import Consent, Scope
from cellsync.casework.documents.person import Person
from cellsync.casework.exporting.documents import BESIDE
from cellsync.casework.exporting.joined import Joined, all_joined, joined_with
from cellsync.casework.exporting.numbers import Pairs, Rows
from cellsync.casework.exporting.permission import MANY, Consents, Right, Spoken, spoken
from cellsync.casework.exporting.reader import Reader, Steps
from cellsync.casework.values.link import Relation
from cellsync.core.ids import CaseId
from cellsync.core.marks import Marks
from cellsync.core.runs import by_id, in_order
from cellsync.core.schema.schema import Schema, kind_of


class Unread(NamedTuple):
    """A document that has yet to be opened."""

    id: CaseId
    schema: type[Schema]


class Folder(NamedTuple):
    """One case with all documents that belong to it."""

    place: int  # among the folders
    case: CaseId
    external_id: str
    concerned: tuple[bytes, ...]  # ids of the persons it is about, sorted, including those not here
    persons: Sequence[CaseId]
    right: Right | None  # how far it may go; None: a person it is about has no consent
    beside: Sequence[Unread] = ()  # documents that point at the case: by kind, episodes first, then by id
    staying: Sequence[Unread] = ()  # documents that point at it and do not leave
    rights: Mapping[bytes, Right] = {}  # of the other documents; one without a right stays

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


class Folders(Sequence[Folder]):
    """Folders by external id, then by id, without the documents beside them. Each is made on access."""

    def __init__(self, reader: Reader, consents: Consents) -> None:
        self.consents = consents
        self.numbers = array("I")  # of the cases
        self.rights: list[Right | None] = []
        self.persons = Rows()  # by folder: the numbers of the persons it is about, of those that are here
        self._reader = reader

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> Folder: ...
    @overload
    def __getitem__(self, place: slice) -> list[Folder]: ...
    def __getitem__(self, place: int | slice) -> Folder | list[Folder]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        case = self._reader.id(self.numbers[place])
        file = self._reader.open(CaseFile, case)
        concerned = tuple(sorted(about(file)))
        persons = [CaseId(person) for person in concerned if person in self.consents.persons]
        return Folder(place, case, file.external_id, concerned, persons or (), self.rights[place])


class Beside:
    """The documents that point at the cases of some folders: their numbers, and where their links lead."""

    def __init__(self, placed: array[int]) -> None:
        self._placed = placed
        self.schemas: list[type[Schema]] = []
        self.numbers = array("I")
        self.told_of = Rows()  # the documents that each is about or part of; 0 for one not here
        self.of: Pairs  # folders' places -> the documents that point at them, by kind, then by id

    def place_of(self, case: int) -> int | None:
        """The place of the folder of a case, if it has one."""
        return self._placed[case] - 1 if self._placed[case] else None

    def persons_of(self, one: int, persons: Marks) -> list[int]:
        """The persons, among these, that a document tells of."""
        return [number for number in self.told_of[one] if number in persons]

    def unread(self, reader: Reader, one: int) -> Unread:
        return Unread(reader.id(self.numbers[one]), self.schemas[one])


def told_of(document: Any) -> set[bytes]:
    """The ids that a document is about or part of."""
    return {link.case for link in document.links if link.relation in (Relation.ABOUT, Relation.PART_OF)}


def about(document: Any) -> set[bytes]:
    return {link.case for link in document.links if link.relation is Relation.ABOUT}


def gather(reader: Reader, cases: Collection[CaseId] | None) -> Steps[Folders]:
    """Folders of these cases, or of all, by external id, with the consents.

    For all cases, every case and consent of the cell is opened once; for some, only the documents that bear on them.
    """
    if cases is None:
        every: Iterable[int] = reader.of_kind(CaseFile)
        consents = yield from _all_consents(reader)
    else:
        every = [reader.number(case) for case in dict.fromkeys(cases)]
        consents = yield from _bearing_on(reader, dict.fromkeys(cases))
    folders, joined = Folders(reader, consents), consents.joined
    rights: list[Right | None] = [None] * (len(reader.all_ids) + 1)  # by number
    persons, row = Rows(), array("I", bytes(4 * (len(reader.all_ids) + 1)))  # as they are read; and by number
    nameless, named = array("I"), []
    for number in every:
        case = reader.id(number)
        file = reader.open(CaseFile, case)
        concerned = about(file)
        rights[number] = consents.of(case, concerned | _about_others(reader, joined, number))
        row[number] = len(persons)
        persons.add(reader.number(person) for person in concerned if person in consents.persons)
        if external := file.external_id:
            named.append(_sorted_by(external, case, number))
        else:
            nameless.append(number)
        yield from reader.turn()
    folders.numbers.extend(by_id(reader.all_ids, nameless))
    folders.numbers.extend(int.from_bytes(key[-4:], "big") for key in in_order(named))
    for number in folders.numbers:
        folders.persons.add(persons[row[number]])
    folders.rights.extend(map(rights.__getitem__, folders.numbers))
    return folders


def _about_others(reader: Reader, joined: Joined, number: int) -> set[bytes]:
    """The persons that the other files of the same case are about."""
    others = joined.others(number)
    if not others or joined.count(joined.first(number)) > MANY:  # of so many, none leaves
        return set()
    return set().union(*(about(reader.open(CaseFile, reader.id(number))) for number in others))


def _sorted_by(external_id: str, case: CaseId, number: int) -> bytes:
    """A key for sorting: UTF-8 keeps the order of texts, and a zero byte in one is escaped to sort after its end."""
    text = external_id.encode(errors="surrogatepass").replace(b"\0", b"\0\xff")
    return text + b"\0\0" + case + number.to_bytes(4, "big")


def _all_consents(reader: Reader) -> Steps[Consents]:
    joined = yield from all_joined(reader)
    consents = Consents((), reader.persons(), joined)
    for number in reader.of_kind(Consent):
        consents.add(spoken(reader.open(Consent, reader.id(number)), reader.today))
        yield from reader.turn()
    consents.settle()
    return consents


def _bearing_on(reader: Reader, cases: Collection[CaseId]) -> Steps[Consents]:
    """All consents that bear on these cases.

    A consent may narrow, replace or be replaced by others, over several steps. Therefore all consents joined by such
    links are included, in both directions: the result is the same as if all consents of the cell had been read.
    """
    joined = Joined(reader.number)
    files = yield from joined_with(reader, CaseFile, cases, joined, MANY)
    people: set[bytes] = set()
    for case in files:
        if reader.number(case):
            people |= about(reader.open(CaseFile, case))
            yield from reader.turn()
    concerned = files | people | (yield from joined_with(reader, Person, people, joined, MANY))
    found: dict[bytes, Spoken] = {}
    waiting = _consents(reader.pointing_at(concerned))
    while waiting:
        read: list[Spoken] = []
        for number in sorted(waiting):
            read.append(spoken(reader.open(Consent, number), reader.today))
            yield from reader.turn()
        found |= {consent.id: consent for consent in read}
        replaced = {older for consent in read for older in consent.supersedes}
        waiting = _consents(reader.pointing_at(waiting) | reader.kinds(replaced)) - found.keys()
    named = {target for consent in found.values() for target in consent.named}
    persons = {bytes(case) for case, kind in reader.kinds(concerned | named).items() if kind == kind_of(Person)}
    return Consents(found.values(), persons, joined)


def _consents(kinds: Mapping[CaseId, str]) -> set[bytes]:
    return {bytes(case) for case, kind in kinds.items() if kind == kind_of(Consent)}


def beside(reader: Reader, folders: Folders, places: Iterable[int]) -> Steps[Beside]:
    """The documents that point at the cases of the folders in these places."""
    placed = array("I", bytes(4 * (len(reader.all_ids) + 1)))  # by number: the place, counted from 1
    pointing = Marks()
    for place in places:
        number = folders.numbers[place]
        placed[number] = place + 1
        for linking in reader.linking(reader.id(number)):
            pointing.add(linking)
        yield from reader.turn()
    by_kind: dict[str, array[int]] = {kind_of(schema): array("I") for schema in BESIDE}
    for number in pointing:
        kind = reader.kind(number)
        if kind in by_kind:
            by_kind[kind].append(number)
        yield from reader.turn()
    found, pairs = Beside(placed), Rows()
    for schema in BESIDE:
        for number in by_id(reader.all_ids, by_kind[kind_of(schema)]):
            document: Any = reader.open(schema, reader.id(number))
            linked = {reader.number(link.case) for link in document.links}
            if at := sorted(placed[case] - 1 for case in linked if placed[case]):
                found.schemas.append(schema)
                found.numbers.append(number)
                found.told_of.add(map(reader.number, told_of(document)))
                pairs.add(at)
            yield from reader.turn()
    found.of = Pairs((place, document) for document in range(len(pairs)) for place in pairs[document])
    return found
