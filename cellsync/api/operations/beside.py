"""Beside: rows of lists, and what stands beside a case: what it points at, and what points at it.

All of it comes from the catalogue, so it costs what is shown. A case whose links are more than are listed
(`description.LINKS`) shows those that are.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, partial
from itertools import islice
from typing import Final

from msgspec import structs

from cellsync.api.contract import shapes
from cellsync.api.lookup import BESIDE
from cellsync.casework import SCHEMAS, CaseFile, Consent, Person
from cellsync.cell.cell import Cell
from cellsync.cell.circle import CellCircle
from cellsync.cell.description import STATUS, TITLE
from cellsync.core.history.store import ListedCase, Listings, Wanted
from cellsync.core.ids import CaseId
from cellsync.core.replica.replica import Replica
from cellsync.core.schema.fields import Register
from cellsync.core.schema.schema import fields_of, kind_of

LINKED: Final = 100  # links of a case of which it is said where they lead
POINTING: Final = 20  # documents that point at a case, beside it
_CONSENT: Final = kind_of(Consent)
_FILE: Final = kind_of(CaseFile)
_PERSON: Final = kind_of(Person)
_ABOUT: Final = 3  # titles in a row


def row(cell: CellCircle, listings: Listings, one: ListedCase) -> shapes.CaseRow:
    """A case in a list. Of a document that stands beside others: what it points at, too."""
    case = cell.circle.replica.held.case_ids[one.number]
    return shapes.CaseRow(
        id=case.hex(), short=cell.short(case), circle=cell.id.hex(), kind=one.kind[:TITLE], title=one.title,
        status=one.status or _usual_status(one.kind), conflicts=one.conflicts,
        about=_about(cell, listings, one) if one.kind in BESIDE else [],
    )  # fmt: skip


def _about(cell: CellCircle, listings: Listings, one: ListedCase) -> list[str]:
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


def all_targets(cell: CellCircle, case: CaseId) -> list[bytes]:
    """What a case points at, as far as it is listed. With the lock held, and an up-to-date catalogue."""
    return list(cell.catalogue.fresh().links(cell.circle.replica.held.cases[case]))


def targets(cell: CellCircle, case: CaseId) -> list[bytes]:
    """The first of them."""
    return all_targets(cell, case)[:LINKED]


async def linked(cell: Cell, own: CellCircle, at: list[bytes]) -> list[shapes.Linked]:
    """What a case in the circle `own` points at: there, or in another circle of this device."""
    found: dict[bytes, shapes.Linked] = {}
    for circle in [own, *(other for other in cell.circles if other is not own)]:
        left = [target for target in at if target not in found]
        if left:
            found |= await circle.catalogue.look(partial(_linked, circle, left))
    nothing = shapes.Linked(id="", short="", kind="", title="", circle="")
    return [found.get(target) or structs.replace(nothing, id=target.hex()) for target in at]


def _linked(
    circle: CellCircle, targets: list[bytes], replica: Replica, listings: Listings
) -> dict[bytes, shapes.Linked]:
    """Those of them that are in this circle."""
    cases = {number: target for target in targets if (number := replica.held.cases.get(CaseId(target))) is not None}
    return {
        cases[one.number]: shapes.Linked(
            id=cases[one.number].hex(),
            short=circle.short(CaseId(cases[one.number])),
            kind=one.kind[:TITLE],
            title=one.title,
            circle=circle.id.hex(),
        )
        for one in listings.get(cases)
    }


async def pointing(cell: Cell, case: CaseId) -> tuple[list[shapes.CaseRow], bool]:
    """The first documents that point at a case, in whatever circle of this device, and whether there are more."""
    found: list[shapes.CaseRow] = []
    for circle in cell.circles:
        if len(found) <= POINTING:
            found += await circle.catalogue.look(partial(_pointing, circle, case))
    return found[:POINTING], len(found) > POINTING


def _pointing(circle: CellCircle, case: CaseId, _: Replica, listings: Listings) -> list[shapes.CaseRow]:
    return [row(circle, listings, one) for one in listings.page(Wanted(target=case), 0, POINTING + 1)]


def page_beside(
    cell: CellCircle, listings: Listings, case: CaseId, at: Iterable[bytes], wanted: Wanted, after: int, limit: int
) -> list[ListedCase]:
    """A page of what stands beside a case in a circle: what points at it, and what it points `at`."""
    cases = cell.circle.replica.held.cases
    targets = (cases.get(CaseId(target)) for target in at)
    own = wanted._replace(among=[number for number in targets if number is not None])
    found = {*listings.page(wanted._replace(target=case), after, limit), *listings.page(own, after, limit)}
    return sorted(found, key=lambda row: row.number)[:limit]
