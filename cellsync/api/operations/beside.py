"""Beside: rows of lists, and what stands beside a case: what it points at, and what points at it.

All of it comes from the catalogue, so it costs what is shown. A case whose links are more than are listed
(`description.LINKS`) shows those that are.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import islice
from typing import Final

from cellsync.api.contract import shapes
from cellsync.api.lookup import BESIDE
from cellsync.casework import SCHEMAS, CaseFile, Consent, Person
from cellsync.cell.cell import Cell
from cellsync.cell.description import STATUS, TITLE
from cellsync.core.history.store import ListedCase, Listings, Wanted
from cellsync.core.ids import CaseId
from cellsync.core.schema.fields import Register
from cellsync.core.schema.schema import fields_of, kind_of

LINKED: Final = 100  # links of a case of which it is said where they lead
POINTING: Final = 20  # documents that point at a case, beside it
_CONSENT: Final = kind_of(Consent)
_FILE: Final = kind_of(CaseFile)
_PERSON: Final = kind_of(Person)
_ABOUT: Final = 3  # titles in a row


def row(cell: Cell, listings: Listings, one: ListedCase) -> shapes.CaseRow:
    """A case in a list. Of a document that stands beside others: what it points at, too."""
    case = cell.circle.replica.held.case_ids[one.number]
    return shapes.CaseRow(
        id=case.hex(), short=cell.catalogue.short(case), kind=one.kind[:TITLE], title=one.title,
        status=one.status or _usual_status(one.kind), conflicts=one.conflicts,
        about=_about(cell, listings, one) if one.kind in BESIDE else [],
    )  # fmt: skip


def _about(cell: Cell, listings: Listings, one: ListedCase) -> list[str]:
    """What the first cases that it points at are called, each title once, and not its own."""
    cases = cell.circle.replica.held.cases
    numbers = (cases.get(CaseId(target)) for target in islice(listings.links(one.number), LINKED))
    targets = listings.get(number for number in numbers if number is not None)
    titles = _spoken_for(targets) if one.kind == _CONSENT else (target.title for target in targets)
    return list(islice(dict.fromkeys(title for title in titles if title not in ("", one.title)), _ABOUT))


def _spoken_for(targets: Iterable[ListedCase]) -> list[str]:
    """Of a consent: the persons that it is about, and cases as cases, for one that is about no person speaks for none.

    A case is often called like its person.
    """
    every = list(targets)
    persons = [target.title for target in every if target.kind == _PERSON]
    cases = [target.title for target in every if target.kind == _FILE]
    return persons + [f"the case {title}" for title in cases if title and title not in persons]


@cache
def _usual_status(kind: str) -> str:
    """How a case of this kind stands where nobody has said so, as its schema has it."""
    schema = {kind_of(schema): schema for schema in SCHEMAS}.get(kind)
    known = {} if schema is None else fields_of(schema)
    for own in (known.get(name) for name in STATUS):
        if isinstance(own, Register) and isinstance(own.default, str):
            return str(own.default)
    return ""


def linked(cell: Cell, case: CaseId) -> list[shapes.Linked]:
    """What a case points at. With the lock held, and an up-to-date catalogue."""
    listings, cases = cell.catalogue.fresh(), cell.circle.replica.held.cases
    found: list[shapes.Linked] = []
    for target in islice(listings.links(cases[case]), LINKED):
        number = cases.get(CaseId(target))
        here = [] if number is None else listings.get([number])
        found.append(
            shapes.Linked(
                id=target.hex(),
                short=cell.catalogue.short(CaseId(target)) if here else "",
                kind=here[0].kind[:TITLE] if here else "",
                title=here[0].title if here else "",
            )
        )
    return found


def pointing(cell: Cell, case: CaseId) -> tuple[list[shapes.CaseRow], bool]:
    """The first documents that point at a case, and whether there are more. With the lock held."""
    listings = cell.catalogue.fresh()
    page = listings.page(Wanted(target=case), 0, POINTING + 1)
    return [row(cell, listings, number) for number in page[:POINTING]], len(page) > POINTING


def page_beside(
    cell: Cell, listings: Listings, case: CaseId, wanted: Wanted, after: int, limit: int
) -> list[ListedCase]:
    """A page of what stands beside a case: what points at it, and what it points at."""
    cases = cell.circle.replica.held.cases
    targets = (cases.get(CaseId(target)) for target in listings.links(cases[case]))
    own = wanted._replace(among=[number for number in targets if number is not None])
    found = {*listings.page(wanted._replace(target=case), after, limit), *listings.page(own, after, limit)}
    return sorted(found, key=lambda row: row.number)[:limit]
