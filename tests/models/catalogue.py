"""The naive catalogue: for every question, every case is folded from its first entry, logs included, and described."""

from __future__ import annotations

from collections.abc import Sequence

from cellsync.cell.description import describe
from cellsync.core.case.states import States
from cellsync.core.history.holdings import OWN_CASE
from cellsync.core.history.store import ANYTHING, PUT_AWAY, CaseListing, ListedCase, Store, Wanted
from cellsync.core.ids import CaseId
from cellsync.core.replica.replica import Replica


class CatalogueModel:
    def __init__(self, replica: Replica, store: Store) -> None:
        held = replica.held
        numbers = [number for number in held.case_ids if number != OWN_CASE and held.heads.get(number)]
        states = States(held, store)
        self.ids = {number: held.case_ids[number] for number in numbers}
        made = (describe(number, held.heads[number], states.read(number)) for number in numbers)
        self.listings = {one.number: one for one in sorted(made) if one.shown}

    def page(self, wanted: Wanted, after: int, limit: int) -> list[ListedCase]:
        rows = [_row(one) for one in self.listings.values() if one.number > after and _is_wanted(one, wanted)]
        return rows[:limit]

    def counts(self) -> list[tuple[str, int, int]]:
        kinds = sorted({one.kind for one in self.listings.values()})
        return [
            (kind, len(found), sum(one.conflicts > 0 for one in found))
            for kind in kinds
            for found in [[one for one in self.listings.values() if one.kind == kind]]
        ]

    def put_away(self) -> int:
        return len(self.page(Wanted(put_away=True), 0, len(self.listings)))

    def called(self, name: str) -> list[tuple[int, bool]]:
        return [
            (one.number, external)
            for one in self.listings.values()
            for external in (False, True)
            if (name, external) in one.called
        ]

    def called_partly(self, parts: Sequence[str]) -> list[int]:
        return [one.number for one in self.listings.values() if _is_called(one, parts)]

    def links(self, number: int) -> list[bytes]:
        return sorted(self.listings[number].links - {ANYTHING}) if number in self.listings else []

    def linking(self, target: bytes) -> list[int]:
        return [one.number for one in self.listings.values() if {target, ANYTHING} & one.links]

    def short(self, case: CaseId) -> str:
        others = [other.hex() for other in self.ids.values() if other != case]
        return next(
            case.hex()[:length]
            for length in range(4, 65)
            if not any(other.startswith(case.hex()[:length]) for other in others)
        )

    def beginning(self, digits: str) -> list[CaseId]:
        return sorted(case for case in self.ids.values() if case.hex().startswith(digits))


def _row(one: CaseListing) -> ListedCase:
    return ListedCase(one.number, one.kind, one.title, one.status, one.conflicts)


def _is_wanted(one: CaseListing, wanted: Wanted) -> bool:
    return (
        (wanted.kinds is None or one.kind in wanted.kinds)
        and one.kind not in wanted.besides
        and (not wanted.conflicts or one.conflicts > 0)
        and wanted.put_away in (None, one.status == PUT_AWAY and not one.conflicts)
        and (not wanted.parts or _is_called(one, wanted.parts))
        and (not wanted.target or wanted.target in one.links)
        and (wanted.among is None or one.number in wanted.among)
    )


def _is_called(one: CaseListing, parts: Sequence[str]) -> bool:
    """Whether all of these are in one of its names."""
    return any(all(part in name for part in parts) for name, _ in one.called)
