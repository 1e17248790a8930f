"""Here: the documents that this cell already holds for rows that are new to it.

A row belongs to the documents that an import made from its external id. If there are none, it belongs to the case whose
external id was set to this by hand, or, in a table that we exported, to the case with this id; its person, episode,
proceeding and task are then those from which the table was made. Names are compared folded: otherwise one person could
be imported twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Final, NamedTuple

from cellsync.casework.documents.case_file import CaseFile
from cellsync.casework.documents.person import Person
from cellsync.casework.importing.mapping import DOCUMENTS, EXTERNAL_ID
from cellsync.casework.importing.waiting import WaitingRow
from cellsync.casework.values.link import Link, Relation
from cellsync.cell.circle import CellCircle
from cellsync.cell.description import names_in, register, sought
from cellsync.core.case.fold import CaseState
from cellsync.core.crdt.row import FieldType
from cellsync.core.history.store import Listings
from cellsync.core.ids import CaseId
from cellsync.core.replica.replica import Replica
from cellsync.core.schema.schema import kind_of
from cellsync.core.schema.values import fits, value_type

_LINK: Final = value_type(Link)
_FILE: Final = kind_of(CaseFile)
_NAMED: Final = frozenset({_FILE, kind_of(Person)})
_NAME_OF: Final = {kind_of(schema): name for name, schema in DOCUMENTS.items()}
_WHOLE_ID: Final = re.compile("[0-9a-f]{64}")

Documents = dict[str, CaseId]
"""By the names that the mapping gives them."""


class Alike(NamedTuple):
    """A row with the name of a person who is already here under another id, or of an earlier row."""

    line: int
    case: CaseId | None
    earlier: int | None  # the line of that row

    def __repr__(self) -> str:
        return f"<line {self.line} is like another>"  # no content


class Renamed(NamedTuple):
    """A row whose id is already here, for a person with whose names it shares not one word."""

    line: int
    person: CaseId

    def __repr__(self) -> str:
        return f"<line {self.line} is called otherwise>"  # no content


class Matches(NamedTuple):
    """What the cell already holds for the rows of a table."""

    documents: dict[str, Documents]  # by external id, of rows that belong to a case made by hand
    alike: list[Alike]
    renamed: list[Renamed]
    taken: list[int]  # lines of rows one of whose documents is here as one of another kind

    def __repr__(self) -> str:
        return f"<matches: {len(self.alike)} alike>"  # no content


async def look_around(cell: CellCircle, rows: Iterable[WaitingRow]) -> Matches:
    """Find what is here for the rows that no import has made yet. The cost grows with the number of these rows."""
    return await cell.catalogue.look(lambda replica, listings: _look(cell, replica, listings, rows))


def made_of(cell: CellCircle, external: str) -> Documents:
    """The documents that an import makes from a row."""
    return {name: cell.case_id(kind_of(schema), external) for name, schema in DOCUMENTS.items()}


def _look(cell: CellCircle, replica: Replica, listings: Listings, rows: Iterable[WaitingRow]) -> Matches:
    here = Matches({}, [], [], [])
    lines: dict[str, int] = {}  # of the names so far
    for row in rows:
        names = _names(row)
        if not replica.shows(cell.case_id(_FILE, row.external)):
            if (file := _file(replica, listings, row.external)) is not None:
                here.documents[row.external] = made_of(cell, row.external) | _documents(replica, listings, file)
            other = _called(replica, listings, names, partial(_own, cell, here, row.external))
            earlier = next((lines[name] for name in names if name in lines), None)
            if other is not None or earlier is not None:
                here.alike.append(Alike(row.line, other, earlier if other is None else None))
        for name in names:
            lines.setdefault(name, row.line)
    return here


def _file(replica: Replica, listings: Listings, external: str) -> CaseId | None:
    """The one case file of this external id, or of this id."""
    case_ids = replica.held.case_ids
    named = [case_ids[number] for number, is_external in listings.called(sought(external)) if is_external]
    if _WHOLE_ID.fullmatch(external):
        named.append(CaseId(bytes.fromhex(external)))
    found = {case for case in named if _is_file(replica, case, external)}
    return found.pop() if len(found) == 1 else None


def _is_file(replica: Replica, case: CaseId, external: str) -> bool:
    if not replica.shows(case):
        return False
    state = replica.states.get(replica.held.cases[case])
    return state.kind == _FILE and external in (register(state, EXTERNAL_ID), case.hex())


def _documents(replica: Replica, listings: Listings, file: CaseId) -> Documents:
    """A case file, the first person that it is about, and the first document of each kind that points at it."""
    about = {link.case for link in _links(replica, file) if link.relation is Relation.ABOUT}
    pointing = {bytes(replica.held.case_ids[number]) for number in listings.linking(bytes(file))}
    found: Documents = {"case": file}
    for case in (*map(CaseId, sorted(about)), *map(CaseId, sorted(pointing - {bytes(file)}))):
        if replica.shows(case):
            kind = replica.states.get(replica.held.cases[case]).kind
            person = kind == kind_of(Person)
            if kind in _NAME_OF and (person == (bytes(case) in about)):
                found.setdefault(_NAME_OF[kind], case)
    return found


def _links(replica: Replica, case: CaseId) -> list[Link]:
    state: CaseState = replica.states.get(replica.held.cases[case])
    links = (part.value for part in state.parts(FieldType.SET, "links"))
    return [_LINK.decode(link) for link in links if fits(_LINK, link)]


def _own(cell: CellCircle, here: Matches, external: str) -> Collection[CaseId]:
    """The documents that a row belongs to."""
    return (here.documents.get(external) or made_of(cell, external)).values()


def _called(
    replica: Replica, listings: Listings, names: list[str], own: Callable[[], Collection[CaseId]]
) -> CaseId | None:
    """A person or case with one of these names that is none of the row's own documents."""
    for name in names:
        numbers = [number for number, is_external in listings.called(name) if not is_external]
        for listing in listings.get(numbers):
            case = replica.held.case_ids[listing.number]
            if listing.kind in _NAMED and case not in own():
                return case
    return None


def is_called_otherwise(row: WaitingRow, person: CaseState) -> bool:
    """Whether a row's names and this person's names, both known, have no word in common.

    Tables that number their rows use the same ids for different people.
    """
    words = _words(_names(row))
    known = _words(sought(name) for name in names_in(person)) if words else set()
    return bool(known) and words.isdisjoint(known)


def _words(names: Iterable[str]) -> set[str]:
    return {word for name in names for word in name.split()}


def _names(row: WaitingRow) -> list[str]:
    """The names of the row's person, in the form that is compared."""
    person = row.documents.get("person", {})
    names = [sought(name) for (field, _), values in person.items() if field == "names" for name, *_ in values]
    return list(dict.fromkeys(filter(None, names)))
