"""Resolving: which case somebody means, and what a case is called.

A case is named by its id, by the beginning of it (four digits or more), by its external id, by its title or a name of
its person, or by a part of these; in this order, and only if it is the only one, or the only case file among the
documents of one row. Texts are compared folded (`core.folded`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from cellsync.api.problems import Ambiguous
from cellsync.casework import SCHEMAS, CaseFile
from cellsync.casework.name import Name, best
from cellsync.cell.cell import Cell
from cellsync.cell.graphing import shorts
from cellsync.core.case.fold import CANONICAL, CaseState
from cellsync.core.case.schema import kind_of
from cellsync.core.case.values import fits, value_type
from cellsync.core.errors import NotFound
from cellsync.core.folded import folded
from cellsync.core.holdings import OWN_CASE
from cellsync.core.ids import CaseId
from cellsync.core.replica import Replica

_BEGINNING: Final = re.compile("[0-9a-f]{4,64}")
_TITLES: Final = ("title", "name", "purpose", "given_by")
_INSTEAD: Final = ("description", "external_id")  # of what has no name
_SHOWN: Final = 5
_BESIDE: Final = frozenset(kind_of(schema) for schema in SCHEMAS if schema is not CaseFile)
_NAME: Final = value_type(Name)


def numbers_of(replica: Replica) -> dict[CaseId, int]:
    """Every case that has entries here, in the order of arrival. Holds the circle's lock, as all of these."""
    held = replica.held
    return {case: number for case, number in held.cases.items() if number != OWN_CASE and held.heads.get(number)}


def is_beside(state: CaseState) -> bool:
    """Whether it is one of the documents of casework that stand beside a case file: a person, an episode, …"""
    return state.kind in _BESIDE


def register(state: CaseState, name: str) -> Any:
    """The displayed value of a register, in plain form; None if nothing was written."""
    found = state.registers.get(name)
    shown = None if found is None else found.shown
    return None if shown is None else shown.value


def title_of(state: CaseState) -> str:
    """What people call it; "" if it has no name."""
    chosen = best(names_of(state))
    said = [*_texts(state, _TITLES), *([] if chosen is None else [chosen.text]), *_texts(state, _INSTEAD)]
    return said[0] if said else ""


def names_of(state: CaseState) -> list[Name]:
    names = state.sets.get("names")
    plain = [] if names is None else [cells[0].value for cells in names.elements(CANONICAL).values()]
    return [_NAME.decode(one) for one in plain if fits(_NAME, one)]


def called(state: CaseState) -> list[str]:
    """Everything that it may be found by, folded: its title and names, and its external id."""
    texts = [*_texts(state, (*_TITLES, *_INSTEAD)), *(name.text for name in names_of(state))]
    return list(dict.fromkeys(map(folded, texts)))


def _texts(state: CaseState, names: Iterable[str]) -> list[str]:
    said = (register(state, name) for name in names)
    return [text for text in said if isinstance(text, str) and text]


def titles(replica: Replica, cases: Iterable[CaseId]) -> dict[CaseId, str]:
    return {case: title_of(replica.states.get(replica.held.cases[case])) for case in cases}


def short_ids(cases: Sequence[CaseId]) -> dict[CaseId, str]:
    return dict(zip(cases, shorts([case.hex() for case in cases]), strict=True))


async def resolve(cell: Cell, named: str) -> CaseId:
    """Raises NotFound, Ambiguous."""
    async with cell.circle.lock:
        return await cell.circle.apart(lambda: resolve_locked(cell, named))


def resolve_locked(cell: Cell, named: str) -> CaseId:
    replica = cell.circle.replica
    numbers = numbers_of(replica)
    wanted = named.strip()
    if _BEGINNING.fullmatch(wanted.lower()):
        begins = [case for case in numbers if case.hex().startswith(wanted.lower())]
        if begins:
            return _only(begins)
    sought = folded(wanted)
    by_id, exact, within = [], [], []
    for case, number in numbers.items():
        state = replica.states.get(number)
        external = register(state, "external_id")
        if sought and isinstance(external, str) and folded(external) == sought:
            by_id.append(case)
        texts = called(state)
        if sought in texts:
            exact.append(case)
        elif sought and any(sought in text for text in texts):
            within.append(case)
    for found in (by_id, exact, within):
        if found:
            return _only(_files(replica, numbers, found))
    raise NotFound("There is no such case here.", hint="cellsync case list, or cellsync sync if it is new.")


def _files(replica: Replica, numbers: dict[CaseId, int], found: list[CaseId]) -> list[CaseId]:
    """Of the documents that an import made of one row, the case itself."""
    files = [case for case in found if replica.states.get(numbers[case]).kind == "cellsync.case"]
    return files or found


def _only(found: list[CaseId]) -> CaseId:
    if len(found) > 1:
        some = ", ".join(short_ids(found)[case] for case in found[:_SHOWN])
        more = "" if len(found) <= _SHOWN else f" and {len(found) - _SHOWN} more"
        raise Ambiguous("More than one case is meant.", hint=f"Give the beginning of its id: {some}{more}")
    return found[0]
