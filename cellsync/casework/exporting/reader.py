"""Reader: documents of a cell as they all are at one moment, each opened when it is needed.

A cell may hold more than memory should, and any member may write a hundred thousand cases; so an export never has all
documents in hand. It goes through them by id, opens one, takes what it needs and lets go of it. Some that were opened
first are kept, so that those of a small cell are read once.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Generator, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar, cast

from cellsync.casework.documents.person import Person
from cellsync.cell.cell import Cell
from cellsync.core.history.store import Listings
from cellsync.core.ids import CaseId
from cellsync.core.replica.replica import Replica
from cellsync.core.schema.schema import Schema, kind_of

KEPT: Final = 4 << 20  # bytes of memory of the documents that stay open, about
AT_ONCE: Final = 64  # documents that are opened in one step

S = TypeVar("S", bound=Schema)
T = TypeVar("T")

Steps = Generator[None, None, T]
"""Work that lets others have their turn at each `yield`."""


class Reader:
    """One pass of an export over its cell. All of it is for a thread that works off `Cell.at_one_moment`."""

    def __init__(self, cell: Cell, replica: Replica, listings: Listings) -> None:
        self.cell = cell
        self._held = replica.held
        self._listings = listings
        self._kept: dict[bytes, Schema] = {}
        self._weight = 0
        self._opened = 0

    def open(self, schema: type[S], case: bytes) -> S:
        """A document. Let go of it soon."""
        there = self._kept.get(case)
        if there is not None:
            return cast(S, there)
        document = self._read(schema, CaseId(case))
        self._opened += 1
        if self._weight < KEPT:
            self._weight += document._state.weigh()
            if self._weight < KEPT:
                self._kept[bytes(document.id)] = document
        return document

    def _read(self, schema: type[S], case: CaseId) -> S:
        return self.cell.look_up(schema, self._held.cases[case])

    def turn(self) -> Iterator[None]:
        """Give others their turn, if enough was opened since the last one: `yield from reader.turn()`."""
        if self._opened >= AT_ONCE:
            self._opened = 0
            yield

    def ids(self, numbers: Iterable[int]) -> Iterator[CaseId]:
        return map(self._held.case_ids.__getitem__, numbers)

    def of_kind(self, schema: type[Schema]) -> Sequence[int]:
        """The numbers of all documents of a kind."""
        return self._listings.of_kind(kind_of(schema))

    def kinds(self, cases: Iterable[bytes]) -> dict[CaseId, str]:
        """The kinds of those of these documents that are here."""
        numbers = (self._held.cases.get(CaseId(case)) for case in cases)
        return self._kinds(number for number in numbers if number is not None)

    def pointing_at(self, cases: Iterable[bytes]) -> dict[CaseId, str]:
        """The documents with a link to one of these, by their ids, and their kinds.

        One with more links than are listed is among them, wherever they lead: look at its links.
        """
        return self._kinds(sorted({number for case in cases for number in self._listings.linking(case)}))

    def _kinds(self, numbers: Iterable[int]) -> dict[CaseId, str]:
        return {self._held.case_ids[one.number]: one.kind for one in self._listings.get(numbers)}

    def persons(self) -> Container[bytes]:
        """The ids of all persons."""
        return _Persons(self._held.cases, frozenset(self.of_kind(Person)))


class _Persons(Container[bytes]):
    """By number: a number takes less than an id."""

    def __init__(self, cases: Any, numbers: Collection[int]) -> None:
        self._cases = cases
        self._numbers = numbers

    def __contains__(self, case: object) -> bool:
        return self._cases.get(case) in self._numbers
