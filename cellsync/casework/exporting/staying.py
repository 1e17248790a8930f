"""Staying: what of one case stays and says who somebody is, so that no text that leaves may say it (`mentions`).

    of whom                                          what
    the persons of the case, whom it links, and      names, and the day of birth, as far as consent keeps them back
    the other records that are merged with them
    those who help: handlers, contacts, couriers     names, aliases and numbers to call (C4 never leaves the circle)
    the case                                         its title and id, as far as consent keeps them back
    anybody                                          whatever short text a consent withholds by its name

What consent lets out says nothing, also where its compartment was not chosen: a summary for the public may name whom it
is about. Members read all of it anyway, so for them nothing is looked for. Of a case that links very many others the
first of them are looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
from cellsync.core.crdt.row import Holds
from cellsync.core.ids import CaseId
from cellsync.core.schema.fields import Field, holds_of
from cellsync.core.schema.schema import Schema, fields_of, kind_of

SAYING: Final = frozenset({
    "case.title", "case.external_id", "case.handler", "person.names", "person.born", "person.external_id",
    "task.doer", "demand.organisers", "talks.counterpart", "talks.intermediaries", "evacuation.helpers",
    "adaptation.helpers", "contact.names", "contact.channels", "grant.recipient", "partner.alias", "partner.channels",
})  # fmt: skip
"""Fields that say who somebody is."""
_BESIDE: Final = frozenset(one.partition(".")[0] for one in SAYING)
_LINKED: Final = {kind_of(schema): schema for schema in (Person, Contact, Partner)}
_MOST: Final = 256  # that a document links


class _Known(NamedTuple):
    """A document, and what may leave of it."""

    document: Schema
    right: Right | None


def staying(reader: Reader, consents: Consents, folder: Folder, audience: Scope) -> Mentions:
    """What stays of this case, and says who somebody is."""
    found = Mentions()
    if audience is Scope.INTERNAL:
        return found
    kept: list[tuple[str, Any]] = []
    for one in _documents(reader, consents, folder):
        kind = named_kind(kind_of(type(one.document)))
        withheld = frozenset() if one.right is None else one.right.withheld
        for name, own in fields_of(type(one.document)).items():
            field = f"{kind}.{name}"
            if field in SAYING or field in withheld:
                values = list(_values(one.document, own))
                if _leaves(one.right, audience, own, kind, name):
                    for value in values:
                        found.leaves(value.text if isinstance(value, Name) else str(value))
                else:
                    kept += ((field, value) for value in values)
    for field, value in kept:
        _add(found, field, value)
    return found


def _documents(reader: Reader, consents: Consents, folder: Folder) -> Iterator[_Known]:
    """The case, those whom it is about, what is beside it, and whom these link."""
    seen: set[bytes] = set()
    linked: dict[bytes, None] = {}
    for one in (*folder.documents, *folder.staying):
        if named_kind(kind_of(one.schema)) in _BESIDE:
            document: Any = reader.open(one.schema, one.id)
            yield _Known(document, folder.right_of(one.id))
            seen.add(bytes(one.id))
            if one.schema in (CaseFile, Person, Contact):
                linked.update(dict.fromkeys(link.case for link in islice(document.links, _MOST)))
    for case in _others(reader, consents, [bytes(one) for one in (folder.case, *folder.persons)]):
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


def _leaves(right: Right | None, audience: Scope, own: Field, kind: str, name: str) -> bool:
    """Whether consent lets it out."""
    if right is None or right.refuses(audience) or own.sensitivity in ABOUT_HELP:
        return False
    return right.keeps(audience, own.sensitivity, kind, name) is None


def _values(document: Schema, own: Field) -> Iterator[Any]:
    """All that anybody says in a field: contradicting values, elements, values by key, current items."""
    match holds_of(own):
        case Holds.VALUE:
            yield from (one.value for one in document.said(own.name))
        case Holds.ELEMENTS:
            yield from getattr(document, own.name)
        case Holds.KEYS:
            yield from getattr(document, own.name).values()
        case Holds.ITEMS:
            yield from (one.value for item in getattr(document, own.name).items for one in item.current)


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
