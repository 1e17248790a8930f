"""Reader: the documents of a cell at one moment, each opened when it is needed.

A cell may hold more than fits into memory, and any member may write a hundred thousand cases. An export therefore never
holds all documents: it goes through them by id, opens one, uses it and drops it. The first ones opened are kept, up to
a limit: the documents of a small cell are thus read only once.
"""

from __future__ import annotations

from array import array
from collections.abc import Container, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final, TypeVar, cast

from cellsync.casework.documents.person import Person
from cellsync.casework.exporting.numbers import IdSet
from cellsync.cell.circle import CellCircle
from cellsync.core.history.store import Listings
from cellsync.core.ids import CaseId
from cellsync.core.marks import Marks
from cellsync.core.replica.replica import Replica
from cellsync.core.schema.schema import Schema, kind_of
from cellsync.core.schema.values import moment

KEPT: Final = 1 << 20  # bytes of memory of the documents that stay open, approximately
AT_ONCE: Final = 64  # documents that are opened in one step

S = TypeVar("S", bound=Schema)
T = TypeVar("T")

Steps = Generator[None, None, T]
"""Work that lets other tasks run at each `yield`."""


def today(cell: CellCircle) -> date:
    """The day on this device's calendar, which is where its people look for it."""
    return moment(cell.circle.surroundings.now()).astimezone().date()


class Reader:
    """One pass of an export over its cell, for the thread in which `Cell.at_one_moment` runs the steps."""

    def __init__(self, cell: CellCircle, replica: Replica, listings: Listings) -> None:
        self.cell = cell
        self.today = today(cell)
        self._held = replica.held
        self._listings = listings
        self._kept: dict[bytes, Schema] = {}
        self._last: Schema | None = None
        self._weight = 0
        self._opened = 0

    def open(self, schema: type[S], case: bytes) -> S:
        """A document. The caller should drop it soon."""
        there = self._last if self._last is not None and self._last.id == case else self._kept.get(case)
        if there is not None:
            return cast(S, there)
        document = self._read(schema, CaseId(case))
        self._last = document
        self._opened += 1
        if self._weight < KEPT:
            self._weight += document._state.weigh()
            if self._weight < KEPT:
                self._kept[bytes(document.id)] = document
        return document

    def _read(self, schema: type[S], case: CaseId) -> S:
        return self.cell.look_up(schema, self._held.cases[case])

    def turn_after(self, steps: int) -> Iterator[None]:
        """As `turn`, after work of this many steps that opened no document."""
        self._opened += steps
        return self.turn()

    def turn(self) -> Iterator[None]:
        """Let other tasks run, if enough was opened since the last turn: `yield from reader.turn()`."""
        if self._opened >= AT_ONCE:
            self._opened = 0
            yield

    @property
    def all_ids(self) -> Mapping[int, CaseId]:
        return self._held.case_ids

    def id(self, number: int) -> CaseId:
        return self._held.case_ids[number]

    def number(self, case: bytes) -> int:
        """The number of a document; 0 if it is not here."""
        return self._held.cases.get(CaseId(case), 0)

    def of_kind(self, schema: type[Schema]) -> Sequence[int]:
        """The numbers of all documents of a kind."""
        return array("I", self._listings.of_kind(kind_of(schema)))

    def kind(self, number: int) -> str:
        """The kind of a document that is here; "" if it has no listing."""
        self._opened += 1
        return next((listing.kind for listing in self._listings.get([number])), "")

    def kinds(self, cases: Iterable[bytes]) -> dict[CaseId, str]:
        """The kinds of these documents, without those that are not here."""
        return self._kinds(number for number in map(self.number, cases) if number)

    def targets(self, number: int) -> Sequence[bytes]:
        """The targets of a document's links, as far as they are listed."""
        self._opened += 1
        return self._listings.links(number)

    def linking(self, case: bytes) -> Sequence[int]:
        """The numbers of documents with a link to a case. Those with more links than are listed are always included."""
        self._opened += 1
        return self._listings.linking(case)

    def pointing_at(self, cases: Iterable[bytes]) -> dict[CaseId, str]:
        """The documents with a link to one of these, by their ids, and their kinds.

        A document with more links than are listed is always included: the caller has to check its links.
        """
        return self._kinds(sorted({number for case in cases for number in self._listings.linking(case)}))

    def _kinds(self, numbers: Iterable[int]) -> dict[CaseId, str]:
        return {self._held.case_ids[listing.number]: listing.kind for listing in self._listings.get(numbers)}

    def persons(self) -> Container[bytes]:
        """The ids of all persons."""
        marks = Marks()
        for number in self.of_kind(Person):
            marks.add(number)
        return self.among(marks)

    def among(self, marks: Marks) -> Container[bytes]:
        """The ids of the marked documents."""
        return IdSet(self._held.cases, marks)
