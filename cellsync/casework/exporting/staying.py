"""Staying: the data of one case that stays and identifies a person. No text that leaves may mention it (`mentions`).

    of                                               data
    the persons of the case, whom it links, and      names, and the day of birth, as far as consent keeps them back
    the other records that are merged with them
    helpers: handlers, contacts, couriers            names, aliases and numbers to call (C4 never leaves the circle)
    the case                                         its title and id, as far as consent keeps them back
    any person                                       every short text that a consent withholds by its name

Data that consent lets out may be mentioned, even if its compartment was not chosen: a summary for the public may name
the person it is about. Members can read everything anyway, so nothing is searched for in an internal export. Of a case
that links very many documents, only the first ones are examined.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple

from cellsync.casework.documents.case_file import CaseFile
from cellsync.casework.documents.consent import Scope
from cellsync.casework.documents.contact import Contact
from cellsync.casework.documents.group_support import Partner
from cellsync.casework.documents.person import Person
from cellsync.casework.exporting.documents import is_number, named_kind
from cellsync.casework.exporting.gathering import Folder
from cellsync.casework.exporting.mentions import Mentions
from cellsync.casework.exporting.permission import ABOUT_HELP, Consents, Right
from cellsync.casework.exporting.reader import Reader
from cellsync.casework.importing.persons import is_name
from cellsync.casework.values.name import Name
from cellsync.casework.values.partial_date import PartialDate
from cellsync.casework.values.words import as_text
from cellsync.core.crdt.row import Holds
from cellsync.core.ids import CaseId
from cellsync.core.schema.fields import Field, holds_of
from cellsync.core.schema.schema import Schema, fields_of, kind_of

SAYING: Final = frozenset({
    "case.title", "case.external_id", "case.handler", "person.names", "person.born", "person.external_id",
    "task.doer", "demand.organisers", "talks.counterpart", "talks.intermediaries", "evacuation.helpers",
    "adaptation.helpers", "contact.names", "contact.channels", "grant.recipient", "partner.alias", "partner.channels",
})  # fmt: skip
"""Fields that identify a person."""
_NAMES: Final = "person.names"
_BESIDE: Final = frozenset(field.partition(".")[0] for field in SAYING)
_LINKED: Final = {kind_of(schema): schema for schema in (Person, Contact, Partner)}
_MOST: Final = 256  # links of a document that are followed


class _Known(NamedTuple):
    """A document and its right."""

    document: Schema
    right: Right | None


def staying(reader: Reader, consents: Consents, folder: Folder, audience: Scope) -> Mentions:
    """The data of this case that stays and identifies a person."""
    found = Mentions()
    if audience is Scope.INTERNAL:
        return found
    kept: list[tuple[str, Any]] = []
    for document, right in _documents(reader, consents, folder):
        schema: Any = type(document)
        for field, own in _looked_at(schema, frozenset() if right is None else right.withheld):
            if not _leaves(right, audience, own, field):
                kept += ((field, value) for value in _values(document, own))
            elif field == _NAMES:
                for value in _values(document, own):
                    found.leaves(as_text(value))
    for field, value in kept:
        _add(found, field, value)
    return found


@lru_cache(maxsize=256)
def _looked_at(schema: Any, withheld: frozenset[str]) -> list[tuple[str, Field]]:
    """The fields that identify a person, and those that a consent withholds."""
    kind = named_kind(kind_of(schema))
    every = {f"{kind}.{name}": own for name, own in fields_of(schema).items()}
    return [(field, own) for field, own in every.items() if field in SAYING or field in withheld]


def _documents(reader: Reader, consents: Consents, folder: Folder) -> Iterator[_Known]:
    """The case, the persons it is about, the documents beside it, and the persons that these link."""
    seen: set[bytes] = set()
    linked: dict[bytes, None] = {}
    for unread in (*folder.documents, *folder.staying):
        if named_kind(kind_of(unread.schema)) in _BESIDE:
            document: Any = reader.open(unread.schema, unread.id)
            yield _Known(document, folder.right_of(unread.id))
            seen.add(bytes(unread.id))
            if unread.schema in (CaseFile, Person, Contact):
                linked.update(dict.fromkeys(link.case for link in islice(document.links, _MOST)))
    for case in _others(reader, consents, [bytes(case) for case in (folder.case, *folder.persons)]):
        linked[bytes(case)] = None
    for record in linked.keys() - seen:
        number = reader.number(record)
        schema = _LINKED.get(reader.kind(number)) if number else None
        if schema is not None:
            right = consents.of(folder.case, [record]) if schema is Person else None
            yield _Known(reader.open(schema, record), right)


def _others(reader: Reader, consents: Consents, records: Iterable[bytes]) -> Iterator[CaseId]:
    """The other records of the same persons and case."""
    for record in records:
        yield from map(reader.id, consents.joined.others(reader.number(record)))


def _leaves(right: Right | None, audience: Scope, own: Field, field: str) -> bool:
    """Whether consent lets a field out."""
    if right is None or right.refuses(audience) or own.sensitivity in ABOUT_HELP:
        return False
    kind, _, name = field.partition(".")
    return right.keeps(audience, own.sensitivity, kind, name) is None


def _values(document: Schema, own: Field) -> Iterator[Any]:
    """All values of a field: contradicting values, elements, values by key, current items."""
    match holds_of(own):
        case Holds.VALUE:
            yield from (value.value for value in document.said(own.name))
        case Holds.ELEMENTS:
            yield from getattr(document, own.name)
        case Holds.KEYS:
            yield from getattr(document, own.name).values()
        case Holds.ITEMS:
            yield from (value.value for item in getattr(document, own.name).items for value in item.current)


def _add(found: Mentions, field: str, value: Any) -> None:
    match value:
        case Name():
            found.add_name(value.text)
        case PartialDate() if field == "person.born":
            found.add_day(value)
        case str() if field.endswith("external_id") and is_number(value):
            pass
        case str() if is_name(value) and field.partition(".")[2] in ("title", "recipient", "counterpart"):
            found.add_name(value)
        case str():
            found.add_text(value)
