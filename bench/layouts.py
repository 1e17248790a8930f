"""Layouts of entries at rest: the store's own, and two prototypes that keep entries in a different table.

    rows              one row per entry, numbered in order of arrival: the store itself
    rows by slot      one row per entry, as in stores up to version 5: each branch grows at its own end
    runs              one row for a limited number of consecutive entries of a branch, as bytes

Everything else (key, pages, log, other tables) is the store's. The prototypes do only what is measured.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from msgspec.msgpack import Decoder, Encoder

from bench.catch_up import KEY
from cellsync.core.history.entry import LAST_SEQUENCE, Entry, Restanding, slot_of
from cellsync.core.history.store import Commit, Outgoing
from cellsync.store import slices
from cellsync.store.edge import reads, writes
from cellsync.store.sqlite import SqliteStore

_NOTHING: Final = Commit([], [], [], [], [])


class Rows(SqliteStore):
    """The store, with a few operations for measurements."""

    beside = ""  # tables of a prototype

    @classmethod
    def at(cls, path: Path) -> Rows:
        store = cls.create(path, KEY)
        store._db.execute(cls.beside)
        return store

    def restand(self, entry: Entry, standing: int) -> None:
        restanding = Restanding(entry.slot, entry.case, entry.kind, entry.standing, standing)
        self.write(_NOTHING._replace(restanding=[restanding]))
        self.flush()

    def rewrite(self, entry: Entry, content: bytes) -> None:
        """Replace an entry's content; the old one is then gone from file and log."""
        self._replace_content(entry, content)
        self._shred = True
        self.flush()

    def anywhere(self, contents: Iterable[bytes]) -> bool:
        """Whether the log is not empty, or any of these is in the decrypted file, unused pages included."""
        plain = self._db.serialize("main")
        return self._log_size() > 0 or any(content in plain for content in contents)

    @writes
    def _replace_content(self, entry: Entry, content: bytes) -> None:
        self._db.execute(slices.RESTAND.replace("standing", "content", 1), (entry.slot, content))


class _Prototype(Rows, ABC):
    """Writes everything except entries as the store does."""

    @writes
    def write(self, commit: Commit) -> None:
        super().write(commit._replace(entries=[], restanding=[]))
        self._db.executemany("INSERT INTO citations VALUES (?,?,?)", slices.stretches(slices.in_slices(commit.entries)))
        self._insert(commit.entries)
        for restanding in commit.restanding:
            self._restand(restanding.slot, restanding.standing)

    @abstractmethod
    def _insert(self, entries: Sequence[Entry]) -> None:
        """Store new entries."""

    @abstractmethod
    def _restand(self, slot: int, standing: int) -> None:
        """Store the new standing of an entry."""


_Rest = tuple[int, int, bytes, int, int, int, int, int, bytes, bytes, bytes, bytes | None, int]
_encode: Final = Encoder().encode
_decode: Final = Decoder(_Rest).decode


class Runs(_Prototype):
    """A run: how many entries, where each of them ends, and their bytes.

    A changed standing is stored beside the run, which is not rewritten for it. An entry written alone is a run of one.
    """

    most = 256
    beside = """
        CREATE TABLE runs (first INTEGER PRIMARY KEY, body BLOB NOT NULL);
        CREATE TABLE restood (slot INTEGER PRIMARY KEY, standing INTEGER NOT NULL);
    """

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self._restood: dict[int, int] = {}  # a daemon would read it when it opens the cell

    def _insert(self, entries: Sequence[Entry]) -> None:
        ordered = slices.in_slices(entries)
        runs = (
            (slice_[at].slot, _run(slice_[at : at + self.most]))
            for slice_ in (list(found) for _, found in groupby(ordered, key=lambda entry: entry[0] >> 40))
            for at in range(0, len(slice_), self.most)
        )
        self._db.executemany("INSERT INTO runs VALUES (?,?)", runs)

    def _restand(self, slot: int, standing: int) -> None:
        self._db.execute("REPLACE INTO restood VALUES (?,?)", (slot, standing))
        self._restood[slot] = standing

    @reads
    def entry_at(self, slot: int) -> Entry | None:
        return next(self._each([slot]))

    @reads
    def case_entries(self, head: int, folded: int) -> list[Entry]:
        entries: list[Entry] = []
        slots = [head]
        for entry in self._each(slots):
            entries.append(entry)
            if entry.prior != folded:
                slots.append(entry.prior)
        return entries

    def _each(self, slots: list[int]) -> Iterator[Entry]:
        """The entries in `slots`, which may grow meanwhile. No pages of a run are read beyond those of the entry."""
        blob = None
        for slot in slots:
            first = self._number("SELECT max(first) FROM runs WHERE first <= ?", (slot,))
            if blob is None:
                blob = self._db.blob_open("main", "runs", "body", first, False)
            else:
                blob.reopen(first)
            [count] = _COUNT.unpack(blob.read(_COUNT.size))
            ends = struct.unpack(f">{count}I", blob.read(4 * count))
            at = slot - first
            begin = ends[at - 1] if at else 0
            blob.seek(_COUNT.size + 4 * count + begin)
            yield self._entry(slot, blob.read(ends[at] - begin))
        if blob is not None:
            blob.close()

    def _entry(self, slot: int, raw: bytes) -> Entry:
        entry = Entry(slot, *_decode(raw))
        return entry._replace(standing=self._restood[slot]) if slot in self._restood else entry

    @reads
    def outgoing(self, chain: int, first: int, last: int) -> list[Outgoing]:
        low, high = slot_of(chain, first), slot_of(chain, last)
        query = "SELECT * FROM runs WHERE first BETWEEN (SELECT max(first) FROM runs WHERE first <= ?1) AND ?2"
        found: list[Any] = []
        for slot, body in self._db.execute(query, (low, high)):
            [count] = _COUNT.unpack_from(body)
            ends = struct.unpack_from(f">{count}I", body, _COUNT.size)
            begin = start = _COUNT.size + 4 * count
            for slot_, end in enumerate(ends, start=slot):
                if low <= slot_ <= high:
                    case, _, _, height, clock, kind, _, _, parents, shape, content, signature, _ = _decode(
                        body[begin : start + end]
                    )
                    found.append((height, slot_, case, clock, kind, parents, shape, content, signature))
                begin = start + end
        return found

    @writes
    def _replace_content(self, entry: Entry, content: bytes) -> None:
        query = "SELECT first, body FROM runs WHERE first <= ? ORDER BY first DESC LIMIT 1"
        [(first, body)] = self._db.execute(query, (entry.slot,))
        [count] = _COUNT.unpack_from(body)
        ends = struct.unpack_from(f">{count}I", body, _COUNT.size)
        start, at = _COUNT.size + 4 * count, entry.slot - first
        begin, end = start + (ends[at - 1] if at else 0), start + ends[at]
        raw = _encode(tuple(entry._replace(content=content))[1:])
        grown = len(raw) - (end - begin)
        moved = [one + grown if place >= at else one for place, one in enumerate(ends)]
        body = b"".join([_COUNT.pack(count), struct.pack(f">{count}I", *moved), body[start:begin], raw, body[end:]])
        self._db.execute("UPDATE runs SET body = ? WHERE first = ?", (body, first))


class ShortRuns(Runs):
    most = 16


_COUNT: Final = struct.Struct(">I")


def _run(entries: Sequence[Entry]) -> bytes:
    encoded = [_encode(entry[1:]) for entry in entries]
    ends: list[int] = []
    end = 0
    for one in encoded:
        end += len(one)
        ends.append(end)
    return b"".join([_COUNT.pack(len(ends)), struct.pack(f">{len(ends)}I", *ends), *encoded])


class RowsBySlot(_Prototype):
    """A branch's entries lie side by side, in a place of the tree to which no other branch adds."""

    beside = """
        CREATE TABLE placed (
            slot INTEGER PRIMARY KEY, case_number INTEGER NOT NULL, prior INTEGER NOT NULL, id BLOB NOT NULL,
            height INTEGER NOT NULL, clock INTEGER NOT NULL, kind INTEGER NOT NULL, past INTEGER NOT NULL,
            standing INTEGER NOT NULL, parents BLOB NOT NULL, shape BLOB NOT NULL, content BLOB NOT NULL,
            signature BLOB, form INTEGER NOT NULL DEFAULT 0
        );
    """

    def _insert(self, entries: Sequence[Entry]) -> None:
        self._db.executemany("INSERT INTO placed VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", entries)

    def _restand(self, slot: int, standing: int) -> None:
        self._db.execute("UPDATE placed SET standing = ? WHERE slot = ?", (standing, slot))

    @reads
    def entry_at(self, slot: int) -> Entry | None:
        row: Any = self._db.execute("SELECT * FROM placed WHERE slot = ?", (slot,)).fetchone()
        return Entry._make(row)

    @reads
    def case_entries(self, head: int, folded: int) -> list[Entry]:
        return list(map(Entry._make, self._db.execute(_WALK, (head, folded))))

    @reads
    def outgoing(self, chain: int, first: int, last: int) -> list[Outgoing]:
        query = """
            SELECT height, slot, case_number, clock, kind, parents, shape, content, signature FROM placed
            WHERE slot BETWEEN ? AND ? ORDER BY slot"""
        return list(self._db.execute(query, (slot_of(chain, first), slot_of(chain, min(last, LAST_SEQUENCE)))))

    @writes
    def _replace_content(self, entry: Entry, content: bytes) -> None:
        self._db.execute("UPDATE placed SET content = ? WHERE slot = ?", (content, entry.slot))


_WALK: Final = """
WITH RECURSIVE walk (at) AS (
    VALUES (?1) UNION ALL SELECT prior FROM walk CROSS JOIN placed ON slot = at WHERE prior <> ?2
)
SELECT placed.* FROM walk CROSS JOIN placed ON slot = at WHERE ?1 <> ?2
"""
