"""Lookup: which case somebody means.

All circles of this device are looked through, unless one is named. A case is named by its id, by the beginning of it
(four digits or more), by its external id, its title or a name of its person, by a part of these, or by words that are
all in one of them, as people write the surname first, or last; in this order, and only if it is the only one, or the
only case file among the documents of one row; after `about:` the only person. A case that is all in quarantine has no
name. Texts are compared folded (`core.folded`). External ids and names count alike: an import makes ids of names, so
one person's may be another's name."""

from __future__ import annotations

import re
from functools import partial
from typing import Final, NamedTuple

from cellsync.api.contract.problems import Ambiguous
from cellsync.casework import SCHEMAS, CaseFile
from cellsync.cell.cell import Cell
from cellsync.cell.circle import CellCircle
from cellsync.cell.description import sought
from cellsync.core.errors import NotFound, WhichCircle
from cellsync.core.history.store import Listings
from cellsync.core.ids import CaseId
from cellsync.core.replica.replica import Replica
from cellsync.core.schema.schema import kind_of

_BEGINNING: Final = re.compile("[0-9a-f]{4,64}")
_SHOWN: Final = 5
BESIDE: Final = tuple(sorted(kind_of(schema) for schema in SCHEMAS if schema is not CaseFile))
"""Kinds of the documents of casework that stand beside a case file: a person, an episode, …"""


class CaseMeant(NamedTuple):
    """A case, and the circle that it is in."""

    circle: CellCircle
    case: CaseId


class NotHere(NotFound):
    """What is named is not in the circle that is written to: another circle may have it."""

    def __init__(self, named: str, kind: str) -> None:
        super().__init__("There is no such case here.", hint="cellsync case list, or cellsync sync if it is new.")
        self.named, self.kind = named, kind


async def resolve(cell: Cell, named: str, circle: str = "", kind: str = "") -> CaseMeant:
    """A case in any of the circles, or in this one. Raises NotFound, Ambiguous, WhichCircle."""
    candidates: list[_Candidate] = []
    for one in [cell.circle(circle)] if circle else cell.circles:
        candidates += await one.catalogue.look(partial(_looked, one, named))
    return _only(candidates, named, kind)


def resolve_locked(circle: CellCircle, named: str, kind: str = "") -> CaseId:
    """For one who holds the circle's lock: a case in it. `kind`: what is meant among several of this name; else a case
    file is. Raises NotHere, Ambiguous."""
    return _only(_candidates(circle, named), named, kind).case


class _Candidate(NamedTuple):
    """A case that may be meant; the lower the rank, the likelier."""

    rank: int
    circle: CellCircle
    case: CaseId
    kind: str  # "" if it is named by its id


def _looked(circle: CellCircle, named: str, _: Replica, __: Listings) -> list[_Candidate]:
    return _candidates(circle, named)


def _candidates(circle: CellCircle, named: str) -> list[_Candidate]:
    """With the circle's lock held."""
    wanted = named.strip()
    if _BEGINNING.fullmatch(wanted.lower()):
        begins = [case for case in circle.catalogue.beginning(wanted.lower()) if _is_shown(circle, case)]
        if begins:
            return [_Candidate(0, circle, case, "") for case in begins]
    listings, name = circle.catalogue.fresh(), sought(wanted)
    rank, numbers = _called(listings, name) if name else (0, [])
    case_ids = circle.circle.replica.held.case_ids
    return [_Candidate(rank, circle, case_ids[listing.number], listing.kind) for listing in listings.get(numbers)]


def _is_shown(circle: CellCircle, case: CaseId) -> bool:
    """Whether anything of it counts. What is in quarantine is as good as absent, but to who is suspended."""
    replica = circle.circle.replica
    return circle.circle.is_suspended or bool(replica.states.get(replica.held.cases[case]).counted)


def _called(listings: Listings, name: str) -> tuple[int, list[int]]:
    """The cases that are called so: by an external id or a whole name, by a part of one, or by all words in one."""
    if named := list(dict.fromkeys(number for number, _ in listings.called(name))):
        return 1, named
    if partly := listings.called_partly([name]):
        return 2, partly
    return 3, listings.called_partly(name.split())


def _only(candidates: list[_Candidate], named: str, kind: str) -> CaseMeant:
    if not candidates:
        raise NotHere(named, kind)
    best = min(candidate.rank for candidate in candidates)
    found = [candidate for candidate in candidates if candidate.rank == best]
    if len(found) > 1:  # of the documents that an import made of one row, the case itself
        for wanted_kind in (kind, kind_of(CaseFile)):
            if of_kind := [candidate for candidate in found if wanted_kind and candidate.kind == wanted_kind]:
                found = of_kind
                break
    if len({candidate.case for candidate in found}) > 1:
        several = len({candidate.circle.id for candidate in found}) > 1  # a case that was moved is in two

        def told(one: _Candidate) -> str:
            return f"{one.circle.short(one.case)} ({one.circle.name})" if several else one.circle.short(one.case)

        some = ", ".join(told(candidate) for candidate in found[:_SHOWN])
        more = "" if len(found) <= _SHOWN else f" and {len(found) - _SHOWN} more"
        raise Ambiguous("More than one case is meant.", hint=f"Give the beginning of its id: {some}{more}")
    if len(found) > 1:
        raise WhichCircle("Cases in several circles have this id.")
    return CaseMeant(found[0].circle, found[0].case)
