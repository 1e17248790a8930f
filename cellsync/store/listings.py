"""Listings at rest: what lists and searches need of every case (protocol/70-vault.md, Listings).

They are a cache derived from the entries, in the circle's own encrypted database. Each names the entry of its case up
to which it is right; one that lags is `stale` and remade, so a kill at any moment costs nothing but time. A commit that
changes what counted before makes the listings of its cases stale in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import apsw

from cellsync.core.history.store import ANYTHING, PUT_AWAY, CaseListing, ListedCase, Wanted
from cellsync.store.edge import reads, writes

SCHEMA: Final = """
CREATE TABLE listings (
    number INTEGER PRIMARY KEY, upto INTEGER NOT NULL, shown INTEGER NOT NULL, kind TEXT NOT NULL,
    title TEXT NOT NULL, status TEXT NOT NULL, conflicts INTEGER NOT NULL
);
CREATE INDEX listings_of_kind ON listings (kind) WHERE shown;
CREATE INDEX listings_in_conflict ON listings (number, kind) WHERE shown AND conflicts > 0;
CREATE TABLE called (
    name TEXT NOT NULL, number INTEGER NOT NULL, external INTEGER NOT NULL, PRIMARY KEY (name, number, external)
) WITHOUT ROWID;
CREATE INDEX called_of_case ON called (number);
CREATE TABLE links (
    target BLOB NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (target, number)
) WITHOUT ROWID;
CREATE INDEX links_of_case ON links (number);
"""
_VERSION: Final = "listings"  # the name of a kept value: the rules by which they were made
_EMPTY: Final = "DELETE FROM listings; DELETE FROM called; DELETE FROM links"


_ROW: Final = "number, kind, title, status, conflicts"


class SqliteListings:
    """Implements `cellsync.core.history.store.Listings`, on the connection of a store."""

    def __init__(
        self, connection: apsw.Connection, wait: Callable[[], None], begin: Callable[[], None],
        roll_back: Callable[[], None],
    ) -> None:  # fmt: skip
        self._db = connection
        self._wait = wait
        self._begin = begin
        self._roll_back = roll_back
        self._counts: dict[str, list[int]] | None = None  # by kind: cases, those with conflicts; None: to be counted
        self._put_away: int | None = None  # how many cases are; None: to be counted
        self._parts: tuple[list[str], list[int]] | None = None  # what was looked for last, and who is called so in part

    # --- keeping up ------------------------------------------------------------------------------

    def begin(self, version: bytes) -> None:
        if self._made_by() != version:
            self._forget(version)

    @reads
    def _made_by(self) -> bytes:
        row = self._db.execute("SELECT value FROM kept WHERE name = ?", (_VERSION,)).fetchone()
        return bytes(row[0]) if row else b""

    def rolled_back(self) -> None:
        """Everything staged is lost."""
        self._counts = self._put_away = self._parts = None

    @writes
    def _forget(self, version: bytes) -> None:
        self._counts = self._put_away = self._parts = None
        self._db.execute(_EMPTY)
        self._db.execute("REPLACE INTO kept VALUES (?,?)", (_VERSION, version))

    @reads
    def stale(self) -> list[int]:
        query = """
            SELECT cases.number FROM cases LEFT JOIN listings ON listings.number = cases.number
            WHERE cases.head <> 0 AND listings.upto IS NOT cases.head"""
        return [int(row[0]) for row in self._db.execute(query)]

    @writes
    def put(self, listings: Iterable[CaseListing]) -> None:
        changed: list[tuple[Any, ...]] = []
        called, links = _Rows("called", "name, external"), _Rows("links", "target")
        [(newest,)] = self._db.execute("SELECT coalesce(max(number), 0) FROM listings")
        for listing in listings:
            number = listing.number
            row = (listing.upto, listing.shown, listing.kind, listing.title, listing.status, listing.conflicts)
            old = None
            if number <= newest:  # an import brings thousands of new ones
                old = self._db.execute(
                    "SELECT upto, shown, kind, title, status, conflicts FROM listings WHERE number = ?", (number,)
                ).fetchone()
            if old != row:
                changed.append((number, *row))
                self._count(-1, old)
                self._count(1, row)
            is_new = old is None  # then nothing else of it is here
            called.note(self._db, number, {(text, int(external)) for text, external in listing.called}, is_new)
            links.note(self._db, number, {(target,) for target in listing.links}, is_new)
        if called.gone or called.come:
            self._parts = None
        self._db.executemany("REPLACE INTO listings VALUES (?,?,?,?,?,?,?)", changed)
        called.write(self._db)
        links.write(self._db)

    # --- asking ----------------------------------------------------------------------------------

    @reads
    def get(self, numbers: Iterable[int]) -> list[ListedCase]:
        query = f"SELECT {_ROW} FROM listings WHERE number = ? AND shown"  # noqa: S608
        found = (self._db.execute(query, (number,)).fetchone() for number in numbers)
        return [ListedCase._make(row) for row in found if row is not None]

    @reads
    def page(self, wanted: Wanted, after: int, limit: int) -> list[ListedCase]:
        where, values = self._where(wanted)
        query = f"SELECT {_ROW} FROM {_from(wanted)} WHERE {where} AND number > ? ORDER BY number LIMIT ?"  # noqa: S608
        return list(map(ListedCase._make, self._db.execute(query, (*values, after, limit))))

    @reads
    def count(self, wanted: Wanted) -> int:
        where, values = self._where(wanted)
        query = f"SELECT count(*) FROM {_from(wanted)} WHERE {where}"  # noqa: S608
        [(count,)] = self._db.execute(query, values)
        return int(count)

    @reads
    def counts(self) -> list[tuple[str, int, int]]:
        if self._counts is None:
            kinds = self._db.execute("SELECT kind, count(*) FROM listings WHERE shown GROUP BY kind")
            self._counts = {kind: [count, 0] for kind, count in kinds}
            for (kind,) in self._db.execute("SELECT kind FROM listings WHERE shown AND conflicts > 0"):
                self._counts[kind][1] += 1
        return [(kind, count, conflicting) for kind, (count, conflicting) in sorted(self._counts.items()) if count]

    @reads
    def put_away(self) -> int:
        if self._put_away is None:
            self._put_away = self.count(Wanted(put_away=True))
        return self._put_away

    def _count(self, step: int, row: tuple[Any, ...] | None) -> None:
        if row is None or not row[1]:
            return
        _, _, kind, _, status, conflicts = row
        if self._counts is not None:
            counted = self._counts.setdefault(kind, [0, 0])
            counted[0] += step
            counted[1] += step * (conflicts > 0)
        if self._put_away is not None:
            self._put_away += step * (status == PUT_AWAY and not conflicts)

    @reads
    def of_kind(self, kind: str) -> list[int]:
        query = "SELECT number FROM listings WHERE shown AND kind = ? ORDER BY number"
        return [int(row[0]) for row in self._db.execute(query, (kind,))]

    @reads
    def called(self, name: str) -> list[tuple[int, bool]]:
        query = "SELECT number, external FROM called WHERE name = ? ORDER BY number"
        return [(int(number), bool(external)) for number, external in self._db.execute(query, (name,))]

    @reads
    def called_partly(self, parts: Sequence[str]) -> list[int]:
        wanted = list(parts)
        if self._parts is None or self._parts[0] != wanted:  # every name is looked at: once for all pages of a list
            query = f"SELECT number FROM called WHERE {' AND '.join(['instr(name, ?)'] * len(wanted))}"  # noqa: S608
            self._parts = wanted, sorted({int(row[0]) for row in self._db.execute(query, wanted)})
        return self._parts[1]

    def _where(self, wanted: Wanted) -> tuple[str, list[Any]]:
        """The condition, and the values in it. Kinds and texts are bound, never written into the statement."""
        terms, values = ["shown"], list[Any]()
        if wanted.kinds is not None:
            terms.append(f"kind IN ({_marks(wanted.kinds)})")
            values += wanted.kinds
        if wanted.besides:
            terms.append(f"kind NOT IN ({_marks(wanted.besides)})")
            values += wanted.besides
        if wanted.conflicts:
            terms.append("conflicts > 0")
        if wanted.put_away is not None:
            terms.append(f"{'' if wanted.put_away else 'NOT '}(status = ? AND conflicts = 0)")
            values.append(PUT_AWAY)
        if wanted.parts:
            terms.append("number IN (SELECT value FROM json_each(?))")
            values.append(json.dumps(self.called_partly(wanted.parts)))
        if wanted.target:
            terms.append("target = ?")
            values.append(wanted.target)
        if wanted.among is not None:
            terms.append("number IN (SELECT value FROM json_each(?))")
            values.append(json.dumps(list(wanted.among)))
        return " AND ".join(terms), values

    @reads
    def links(self, number: int) -> list[bytes]:
        query = "SELECT target FROM links WHERE number = ? AND target <> ? ORDER BY target"
        return [bytes(row[0]) for row in self._db.execute(query, (number, ANYTHING))]

    @reads
    def linking(self, target: bytes) -> list[int]:
        query = "SELECT DISTINCT number FROM links WHERE target IN (?, ?) ORDER BY number"
        return [int(row[0]) for row in self._db.execute(query, (target, ANYTHING))]


class _Rows:
    """The changes to the rows of cases in a table; unchanged rows are not touched."""

    def __init__(self, table: str, columns: str) -> None:
        self.gone: list[tuple[Any, ...]] = []
        self.come: list[tuple[Any, ...]] = []
        names = columns.split(", ")
        self._find = f"SELECT {columns} FROM {table} WHERE number = ?"  # noqa: S608
        self._drop = f"DELETE FROM {table} WHERE {' AND '.join(f'{name} = ?' for name in names)} AND number = ?"  # noqa: S608
        self._insert = f"INSERT INTO {table} ({columns}, number) VALUES ({'?, ' * len(names)}?)"  # noqa: S608

    def note(self, database: apsw.Connection, number: int, new: set[tuple[Any, ...]], is_new: bool) -> None:
        old = set() if is_new else set(database.execute(self._find, (number,)))
        self.gone += [(*row, number) for row in old - new]
        self.come += [(*row, number) for row in new - old]

    def write(self, database: apsw.Connection) -> None:
        """In the order of the table's key, so that no page is read or written twice."""
        database.executemany(self._drop, sorted(self.gone))
        database.executemany(self._insert, sorted(self.come))


def _from(wanted: Wanted) -> str:
    """The table to read. Cases that point at one are read along its links, so a page costs what it shows."""
    return "links CROSS JOIN listings USING (number)" if wanted.target else "listings"


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" for _ in values)
