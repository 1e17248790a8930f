"""A batch: the tables of chains, cases and entries in which entries travel (protocol/50-sync.md, Batches)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from protocol.generate.cell import SIGNERS
from protocol.generate.hashes import invented
from protocol.generate.header import Entry
from protocol.generate.packed import packed

NAME: Final = invented("name of the circle in a session", 8)
Tables = tuple[list[list[Any]], list[bytes], list[list[Any]]]
"""Of chains, of cases, of entries; to be changed at will before they are packed."""


class Row:
    """A row of the table of chains."""

    def __init__(self, device: bytes, incarnation: bytes, first: int, previous: bytes) -> None:
        self.line = device, incarnation
        self.first, self.previous = first, previous
        self.sent: list[Entry] = []

    @property
    def next(self) -> int:
        return self.first + len(self.sent)

    @property
    def newest(self) -> bytes:
        return self.sent[-1].id if self.sent else self.previous

    def offset(self, parent: Entry) -> int | None:
        """How far before its next entry a parent is, if it is in this row."""
        if self.line != (parent.device, parent.incarnation):
            return None
        reached = [self.previous, *(entry.id for entry in self.sent)]
        return len(reached) - reached.index(parent.id) if parent.id in reached else None

    def written(self) -> list[Any]:
        signature = self.sent[-1].signed(SIGNERS[self.line[0]]) if self.sent else b""
        return [*self.line, self.first, self.previous, signature]


def tables(entries: Sequence[Entry], cited: Iterable[Entry] = (), *, numbered: bool = False) -> Tables:
    """The tables for these entries, in this order. `cited`: entries that the receiver holds already."""
    rows: list[Row] = []
    cases: list[bytes] = []
    written: list[list[Any]] = []
    known = {entry.id: entry for entry in (*cited, *entries)}
    numbers: dict[bytes, int] = {}
    clock = 0
    for entry in entries:
        row = _row_of(rows, entry)
        parents = [number for parent in entry.parents for number in _place_of(rows, known[parent], row)]
        if entry.case not in cases:
            cases.append(entry.case)
        shape: int | bytes = numbers[entry.shape] if numbered and entry.shape in numbers else entry.shape
        if len(entry.shape) <= 64:
            numbers.setdefault(entry.shape, len(numbers))
        place = [rows.index(row), cases.index(entry.case)]
        written.append([*place, parents, entry.clock - clock, entry.kind, shape, entry.content])
        row.sent.append(entry)
        clock = entry.clock
    return [row.written() for row in rows], cases, written


def _row_of(rows: list[Row], entry: Entry) -> Row:
    line = entry.device, entry.incarnation
    for row in rows:
        if row.line == line and row.newest == entry.previous and row.next == entry.sequence:
            return row
    rows.append(Row(*line, entry.sequence, entry.previous))
    return rows[-1]


def _place_of(rows: list[Row], parent: Entry, own: Row) -> tuple[int, int]:
    for number, row in enumerate(rows):
        offset = row.offset(parent)
        if offset is not None and row is not own:
            return number, offset
    rows.append(Row(parent.device, parent.incarnation, parent.sequence + 1, parent.id))
    return len(rows) - 1, 1


def part(given: Tables, *, last: bool = True) -> bytes:
    return packed([4, NAME, last, *given])


def parts(given: Tables, *cuts: tuple[int, int, int]) -> list[bytes]:
    """The tables in several parts: each cut says how many rows of each table have been sent by then."""
    chains, cases, entries = given
    ends = [*cuts, (len(chains), len(cases), len(entries))]
    begins = [(0, 0, 0), *cuts]
    return [
        part(
            (chains[one[0] : other[0]], cases[one[1] : other[1]], entries[one[2] : other[2]]), last=number == len(cuts)
        )
        for number, (one, other) in enumerate(zip(begins, ends, strict=True))
    ]


def framed(given: Tables) -> list[bytes]:
    """The tables in as many parts as it takes to fit each into a frame."""
    chains, cases, entries = given
    groups: list[list[list[Any]]] = [[]]
    for row in entries:
        if len(packed([*groups[-1], row])) > 60_000 - len(packed([chains, cases])):
            groups.append([])
        groups[-1].append(row)
    last = len(groups) - 1
    return [
        part(([] if number else chains, [] if number else cases, group), last=number == last)
        for number, group in enumerate(groups)
    ]
