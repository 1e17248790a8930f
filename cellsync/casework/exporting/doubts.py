"""Doubts: parts of a consent that do not mean what they seem to mean.

An export finds them too (`permission`), but perhaps months later, when the person who gave the consent cannot be asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final, NamedTuple

from cellsync.casework.documents.consent import Consent, begins_after
from cellsync.casework.documents.person import Person
from cellsync.casework.exporting.documents import meant, nearest
from cellsync.casework.values.link import Link, Relation
from cellsync.casework.values.partial_date import PartialDate
from cellsync.core.plain import plain_line
from cellsync.core.schema.schema import kind_of

_ABOUT_NOBODY: Final = (
    "It is about no person, so it speaks for nobody: link the person. Of a case that is about no person only C0 leaves "
    "by it, unless it says that it covers C1; look whom title and texts name."
)
_TO_COME: Final = "That day is still to come: until then this consent lets nothing out, whatever others allow."
_ENDED: Final = "That day is still to come, but a consent that names one counts as withdrawn from now on."


class Doubt(NamedTuple):
    """A field of a consent, and the doubt about it."""

    field: str
    text: str

    def __repr__(self) -> str:
        return f"<doubt about {self.field}>"  # no content


def about(consent: Consent) -> frozenset[bytes]:
    """The documents that a consent says it is about."""
    links = (link for link in consent.links if isinstance(link, Link))
    return frozenset(link.case for link in links if link.relation is Relation.ABOUT)


def doubts(consent: Consent, kinds: Mapping[bytes, str], today: date) -> list[Doubt]:
    """The parts of a consent that should not be relied on. `kinds`: of the documents it is about that are here."""
    words = sorted(word for word in consent.withheld if not isinstance(word, str) or not meant(word))
    found = [Doubt("withheld", _no_field(word)) for word in words]
    if begins_after(consent, today):
        found.append(Doubt("given", _TO_COME))
    if any(day.earliest is not None and day.earliest > today for day in _ends(consent)):
        found.append(Doubt("withdrawn", _ENDED))
    people = [person for person in about(consent) if kinds.get(person, kind_of(Person)) == kind_of(Person)]
    if len(people) < len(about(consent)):
        found.append(Doubt("links", "It is about something that is no person, for whom alone it can speak."))
    elif not people and not any(link.relation is Relation.SUPERSEDES for link in consent.links):
        found.append(Doubt("links", _ABOUT_NOBODY))
    return found


def _ends(consent: Consent) -> list[PartialDate]:
    return [value.value for value in consent.said("withdrawn") if isinstance(value.value, PartialDate)]


def _no_field(word: str) -> str:
    close = nearest(word)
    guess = f" Did you mean {close}?" if close else ""
    return f'"{plain_line(word, 60)}" is not the name of a field: while it is withheld, nothing of them leaves.{guess}'
