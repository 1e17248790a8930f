"""Lookup: which case somebody means.

A case is named by its id, by the beginning of it (four digits or more), by its external id, its title or a name of its
person, by a part of these, or by words that are all in one of them, as people write the surname first, or last; in this
order, and only if it is the only one, or the only case file among the documents of one row; after `about:` the only
person. Texts are compared folded (`core.folded`). External ids and names count alike: an import makes ids of names, so
one person's may be another's name.
"""

from __future__ import annotations

import re
from typing import Final

from cellsync.api.contract.problems import Ambiguous
from cellsync.casework import SCHEMAS, CaseFile
from cellsync.cell.cell import Cell
from cellsync.cell.description import sought
from cellsync.core.errors import NotFound
from cellsync.core.history.store import Listings
from cellsync.core.ids import CaseId
from cellsync.core.schema.schema import kind_of

_BEGINNING: Final = re.compile("[0-9a-f]{4,64}")
_SHOWN: Final = 5
BESIDE: Final = tuple(sorted(kind_of(schema) for schema in SCHEMAS if schema is not CaseFile))
"""Kinds of the documents of casework that stand beside a case file: a person, an episode, …"""


async def resolve(cell: Cell, named: str) -> CaseId:
    """Raises NotFound, Ambiguous."""
    return await cell.catalogue.look(lambda _, __: resolve_locked(cell, named))


def resolve_locked(cell: Cell, named: str, kind: str = "") -> CaseId:
    """For one who holds the circle's lock. `kind`: what is meant among several of this name; else a case file is."""
    wanted = named.strip()
    if _BEGINNING.fullmatch(wanted.lower()):
        begins = cell.catalogue.beginning(wanted.lower())
        if begins:
            return _only(cell, begins)
    listings, name = cell.catalogue.fresh(), sought(wanted)
    numbers = _called(listings, name) if name else []
    if not numbers:
        raise NotFound("There is no such case here.", hint="cellsync case list, or cellsync sync if it is new.")
    if len(numbers) > 1:  # of the documents that an import made of one row, the case itself
        kinds = {listing.number: listing.kind for listing in listings.get(numbers)}
        for wanted_kind in (kind, kind_of(CaseFile)):
            if of_kind := [number for number, kind in kinds.items() if kind == wanted_kind]:
                numbers = of_kind
                break
    case_ids = cell.circle.replica.held.case_ids
    return _only(cell, [case_ids[number] for number in numbers])


def _called(listings: Listings, name: str) -> list[int]:
    """The numbers of the cases that are called so: external ids and whole names, a part of one, or all words in one."""
    named = list(dict.fromkeys(number for number, _ in listings.called(name)))
    return named or listings.called_partly([name]) or listings.called_partly(name.split())


def _only(cell: Cell, found: list[CaseId]) -> CaseId:
    if len(found) > 1:
        some = ", ".join(cell.catalogue.short(case) for case in found[:_SHOWN])
        more = "" if len(found) <= _SHOWN else f" and {len(found) - _SHOWN} more"
        raise Ambiguous("More than one case is meant.", hint=f"Give the beginning of its id: {some}{more}")
    return found[0]
