"""The rows of entries: in order of arrival, with a table that finds the row of a slot.

    entries   number, ...               a row per entry; new rows are always appended to the table
    slices    last, first, ahead        the entries in slots `first` to `last` are in the rows `slot - ahead`

A commit's entries of one branch are a slice, in consecutive rows. Slices do not overlap, so among those whose `last` is
not below a slot, only the one with the lowest `last` may hold it. Entries of many devices are all appended to the end
of the table. Rows ordered by slot went to as many places in the tree as there are branches, and a commit of 47 devices
cost two fifths more (protocol/70-vault.md).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Final

from cellsync.core.history.entry import LAST_SEQUENCE, SLOT_BITS, Entry

_OTHERS: Final = "case_number, prior, id, height, clock, kind, past, standing, parents, shape, content, signature, form"


def ahead(slot: str) -> str:
    """The difference between a slot and its row; null if the slot is in no slice."""
    return f"(SELECT iif(first <= {slot}, ahead, NULL) FROM slices WHERE last >= {slot} ORDER BY last LIMIT 1)"


def _spans(low: str, high: str) -> str:
    """The slices that overlap a range of slots, and the rows of each within it."""
    last = f"(SELECT last FROM slices WHERE last >= {high} ORDER BY last LIMIT 1)"
    return (
        f"slices.last BETWEEN {low} AND coalesce({last}, {high})"
        f" AND number BETWEEN max(slices.first, {low}) - ahead AND min(slices.last, {high}) - ahead"
    )


WITHIN: Final = f"slices CROSS JOIN entries ON {_spans('?1', '?2')}"
"""The entries in slots ?1 to ?2, as `number + ahead`, in order."""

ENTRY: Final = f"SELECT ?1, {_OTHERS} FROM entries WHERE number = ?1 - {ahead('?1')}"
ENTRIES: Final = f"SELECT number + ahead, {_OTHERS} FROM {WITHIN} ORDER BY slices.last, number"
STANDINGS: Final = f"""
SELECT number + ahead, entries.id, kind, past, standing FROM {WITHIN} WHERE standing >= ?3 ORDER BY slices.last, number
"""
OUTGOING: Final = f"""
SELECT height, number + ahead, case_number, clock, kind, parents, shape, content, signature
FROM {WITHIN} ORDER BY slices.last, number
"""
IDS: Final = f"SELECT value, entries.id FROM json_each(?) CROSS JOIN entries ON number = value - {ahead('value')}"
CASES_WITHIN: Final = f"SELECT DISTINCT case_number FROM {WITHIN}"
CASES_CHANGED: Final = f"SELECT case_number FROM {WITHIN} ORDER BY slices.last DESC, number DESC"
WALK: Final = f"""
WITH RECURSIVE walk (slot, at) AS (
    SELECT ?1, ?1 - {ahead("?1")} WHERE ?1 <> ?2
    UNION ALL SELECT prior, prior - {ahead("prior")} FROM walk CROSS JOIN entries ON number = at WHERE prior <> ?2
)
SELECT slot, {_OTHERS} FROM walk CROSS JOIN entries ON number = at
"""
# The entries of a case with one of these id prefixes, and the first one written: if the walk does not end there, the
# list is damaged. The walk reads only columns that precede the long ones, so SQLite does not read the long ones.
BEGINNING: Final = f"""
WITH RECURSIVE walk (slot, prior, begins) AS (
    SELECT ?1, prior, substr(hex(id), 1, ?2) FROM entries WHERE number = ?1 - {ahead("?1")}
    UNION ALL
    SELECT walk.prior, entries.prior, substr(hex(id), 1, ?2)
    FROM walk CROSS JOIN entries ON number = walk.prior - {ahead("walk.prior")}
)
SELECT slot, prior, begins IN (SELECT upper(value) FROM json_each(?3)) AS found FROM walk WHERE found OR prior = 0
LIMIT ?4
"""
# Stretches are consecutive, so their entries come in the order of slots.
CITING: Final = f"""
SELECT number + ahead, height, parents FROM citations CROSS JOIN slices CROSS JOIN entries
ON {_spans("(?1 << 40) + max(citations.first, ?2)", "(?1 << 40) + min(citations.last, ?3)")}
WHERE chain = ?1 AND citations.last >= ?2 AND citations.first <= ?3 AND parents <> x''
ORDER BY citations.last, slices.last, number LIMIT ?4
"""
CITATIONS: Final = f"""
SELECT number + ahead, parents FROM citations CROSS JOIN slices CROSS JOIN entries
ON {_spans("(chain << 40) + citations.first", "(chain << 40) + citations.last")} WHERE parents <> x''
"""
# Short, since apsw hashes the text of a statement for each row: with the names of the columns a row took 8 % more.
INSERT: Final = "INSERT INTO entries VALUES (NULL,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)"
INSERT_SLICE: Final = "INSERT INTO slices VALUES (?,?,?)"
JUDGE_ANEW: Final = f"UPDATE entries SET past = ?2, standing = ?3 WHERE number = ?1 - {ahead('?1')}"
RESTAND: Final = f"UPDATE entries SET standing = ?2 WHERE number = ?1 - {ahead('?1')}"

_slot = itemgetter(0)


def in_slices(entries: Sequence[Entry]) -> list[Entry]:
    """The entries of a commit in the order of their rows: branch by branch."""
    return sorted(entries, key=_slot)


def slices(entries: Sequence[Entry], newest: int) -> Iterator[tuple[int, int, int]]:
    """(last, first, ahead) of entries in that order, the last of which is in row `newest`."""
    at, row = 0, newest - len(entries) + 1
    while at < len(entries):
        first, end = entries[at][0], _end_of_branch(entries, at)
        if entries[end - 1][0] - first >= end - at:  # a gap, which no step leaves
            end = next(place for place in range(at + 1, end) if entries[place][0] != first + place - at)
        yield entries[end - 1][0], first, first - (row + at)
        at = end


def stretches(entries: Sequence[Entry]) -> Iterator[tuple[int, int, int]]:
    """(branch, first, last) of the entries in that order that cite others."""
    at = 0
    while at < len(entries):
        end = _end_of_branch(entries, at)
        # From either end up to the first that cites: nearly all do, or none. To look at all took 0.14 µs an entry.
        first = next((place for place in range(at, end) if entries[place][9]), None)
        if first is not None:
            last = next(place for place in reversed(range(at, end)) if entries[place][9])
            yield entries[at][0] >> SLOT_BITS, entries[first][0] & LAST_SEQUENCE, entries[last][0] & LAST_SEQUENCE
        at = end


def _end_of_branch(entries: Sequence[Entry], at: int) -> int:
    """Where the entries of another branch begin."""
    return bisect_left(entries, entries[at][0] | LAST_SEQUENCE, at, key=_slot)
