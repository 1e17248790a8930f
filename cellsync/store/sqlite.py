"""One circle at rest: an encrypted SQLite file in the linked layout (protocol/70-vault.md, Databases).

Rules:

1. **No write at a random key.** Entries are rows in the order in which they came, and `slices` finds the row of a
   slot (chain number and sequence in one integer); each entry points to the previous entry of its case, by order of
   arrival, and a dense table holds the newest entry of every case. There is no index on ids: a caller that needs an
   entry knows its slot. So an entry costs the same at ten thousand and at a million.
2. **One transaction from the first staged write to `flush`.** `flush` is only the COMMIT and computes nothing, so a
   shell can run it, and only it, in a worker thread. If any step fails, the whole transaction is rolled back and reads
   show the last durable state.
3. **Exclusive from open to close.** One connection holds the file's lock; the write-ahead log then needs no shared
   memory file, and a second opener is refused immediately. No other code in this process may open the file: closing
   any descriptor of it would drop the lock.
4. **Replaced and forgotten data is gone.** `secure_delete` overwrites it in the pages, and the `flush` that makes the
   change durable empties the write-ahead log, which still holds the old pages. (Flash may keep remnants.)
5. **The log leaves the database enough space to take its pages.** On a disk with little space it is emptied before and
   after each commit: a log that filled the disk could neither grow nor be emptied.

The key comes from an authenticated vault header, so a file that the key does not open is damaged: a wrong passphrase
never gets this far.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any, Final, Self

import apsw

from cellsync import system
from cellsync.core import caps
from cellsync.core.errors import DiskFull, VaultDamaged
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import LAST_SEQUENCE, Entry, slot_of
from cellsync.core.history.store import Arrival, Case, Commit, Outgoing, StandingRow
from cellsync.core.ids import DatabaseKey, EntryId
from cellsync.store import layout, slices
from cellsync.store.connection import PAGE_BYTES, check_encrypted, connect, keyed
from cellsync.store.edge import meaning, reads, writes
from cellsync.store.files import ReadOnlyDisk, create_private, file_errors, sync_directory
from cellsync.store.listings import SqliteListings

CACHE_BYTES: Final = 8 << 20
CHECKPOINT_PAGES: Final = 1_000  # 8 MiB of log: a checkpoint then holds up one COMMIT by some 30 ms
# Of log, from which a checkpoint is made in the background. It waits for the disk three times, however short the log
# is. A batch has 150 to 250 pages, so that COMMIT makes no checkpoint itself.
EARLY_PAGES: Final = 600
ROOM_BYTES: Final = 5 << 20  # for the pages of one COMMIT in the log and in the database: a batch has 2.1 MiB of them
PLENTY: Final = 1 << 30  # free bytes, above which nothing need be computed, and a commit may have any size
ROW_BYTES: Final = 64  # most that a row takes besides its content
STEPS: Final = 20_000  # of SQLite's, between two questions whether to go on: some milliseconds
_COPY: Final = "Make it writable; or put a copy on another disk, with `restore`."


Census = tuple[list[Chain], int, int]
Going = Callable[[], bool]
"""Whether to go on."""


class SqliteStore:
    """One circle's database; implements `cellsync.core.history.store.Store`."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection
        self._shred = False  # the log holds something that was replaced or forgotten
        self.lost = 0
        self._log_pages = 0
        self._plenty = False  # of space, when the transaction began: it cannot use that up
        self._tidies: Thread | None = None
        self.listings = SqliteListings(connection, self._wait, self._begin, self._roll_back)
        connection.set_wal_hook(self._log_has_grown)

    # --- opening and closing ---------------------------------------------------------------------

    @classmethod
    def create(cls, path: Path, key: DatabaseKey, *, cache_bytes: int = CACHE_BYTES) -> Self:
        """A new database, mode 0600, durable with its directory entry.

        Raises StorageFailed (also if the file exists: it is never overwritten) or DiskFull.
        """
        create_private(path)
        store = cls(connect(path, key, cache_bytes))
        try:
            store._lay_out()
        finally:
            store.close()
        # Done between two connections: closing any descriptor of a file drops all POSIX locks of the process on it.
        check_encrypted(path)
        sync_directory(path.parent)
        return cls.open(path, key, cache_bytes=cache_bytes)

    @classmethod
    def open(cls, path: Path, key: DatabaseKey, *, cache_bytes: int = CACHE_BYTES) -> Self:
        """An existing database. Raises VaultDamaged, VaultInUse, NewerVersion, ReadOnlyDisk or StorageFailed."""
        if not path.exists():
            raise VaultDamaged("A file of this vault is missing.")
        with file_errors():
            if system.files.is_read_only(path):
                raise ReadOnlyDisk("A cell cannot be opened on a read-only disk.", hint=_COPY)
        store = cls(connect(path, key, cache_bytes))
        try:
            if not store._is_current():
                store._renew()
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def in_memory(cls) -> Self:
        """A store that ends with its process, for tests and simulation."""
        connection = apsw.Connection(":memory:", flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_MEMORY)
        store = cls(connection)
        store._lay_out()
        return store

    @writes
    def _lay_out(self) -> None:
        self._db.execute(layout.SCHEMA)
        self._db.execute("COMMIT")
        self._checkpoint()

    @reads
    def _is_current(self) -> bool:
        return layout.is_current(self._db)

    @writes
    def _renew(self) -> None:
        layout.renew(self._db)
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Drop what is staged, empty the log into the database, release the lock. May be called twice."""
        self._roll_back()
        try:
            self._checkpoint()
        except apsw.Error:
            pass  # a full disk, say: the log is durable, and the next open reads it
        finally:
            self._db.close()

    # --- copying, checking -----------------------------------------------------------------------

    def copy_into(self, path: Path, key: DatabaseKey | None = None, going: Going = lambda: True) -> None:
        """Write the durable state into a new file: mode 0600, encrypted with the same key or this one, not synced.

        It takes one read transaction, so the copy is a committed state; the store is not read or written meanwhile.
        SQLite's backup interface is not used: with this release of the cipher library it can deliver damaged files,
        and it copies unused pages. `going` is asked again and again; once it says no, GivenUp is raised.

        Raises VaultDamaged if a page here cannot be read, StorageFailed, DiskFull.
        """
        self.flush()
        create_private(path)
        self._vacuum_into(os.fspath(path.absolute()) if key is None else keyed(path, key), going)

    @reads
    def _vacuum_into(self, name: str, going: Going) -> None:
        self._db.set_progress_handler(lambda: not going(), STEPS)
        try:
            self._db.execute("VACUUM INTO ?", (name,), can_cache=False)
        finally:
            self._db.set_progress_handler(None)

    @property
    def size(self) -> int:
        """The bytes of all pages at present."""
        return self._number("PRAGMA page_count") * PAGE_BYTES

    def check(self) -> None:
        """Read every page from the disk, and check all references. Raises VaultDamaged, DiskFull.

        Unused pages are not read: they hold nothing.
        """
        self.flush()
        self._read_all()

    @reads
    def _read_all(self) -> None:
        self._checkpoint()
        self._db.release_memory()  # otherwise cached pages would be trusted
        if self._db.pragma("integrity_check", 1) != "ok":
            raise VaultDamaged

    @reads
    def census(self) -> Census:
        """Facts that are equal in two stores if one is a copy of the other: chains, entries, the last arrival."""
        return self.chains(), self._number("SELECT count(*) FROM entries"), self.last_arrival()

    # --- reading ---------------------------------------------------------------------------------

    @reads
    def chains(self) -> list[Chain]:
        rows = self._db.execute("SELECT * FROM chains ORDER BY number")
        return [Chain._make((*row[:-1], bool(row[-1]))) for row in rows]

    def cases(self) -> Iterator[Case]:
        page = self._cases_after(0)
        while page:
            yield from page
            page = self._cases_after(page[-1].number)

    @reads
    def _cases_after(self, number: int) -> list[Case]:
        # page by page: an iterator into the database would keep a read open across commits
        query = "SELECT * FROM cases WHERE number > ? ORDER BY number LIMIT 1000"
        return list(map(Case._make, self._db.execute(query, (number,))))

    def pasts(self) -> Iterator[tuple[int, bytes]]:
        page = self._pasts_after(0)
        while page:
            yield from page
            page = self._pasts_after(page[-1][0])

    @reads
    def _pasts_after(self, number: int) -> list[tuple[int, bytes]]:
        query = "SELECT * FROM pasts WHERE number > ? ORDER BY number LIMIT 1000"
        return list(self._db.execute(query, (number,)))

    @reads
    def arrivals(self, after: int, limit: int) -> list[Arrival]:
        query = "SELECT * FROM arrivals WHERE number > ? ORDER BY number LIMIT ?"
        return list(map(Arrival._make, self._db.execute(query, (after, limit))))

    @reads
    def last_arrival(self) -> int:
        return self._number("SELECT max(number) FROM arrivals")

    @reads
    def first_arrival(self, chain: int, sequence: int) -> int:
        return self._number(
            "SELECT number FROM arrivals WHERE chain = ? AND sequence >= ? ORDER BY sequence LIMIT 1",
            (chain, sequence),
        )

    @reads
    def signed_at(self, chain: int, sequence: int) -> int:
        return self._number(
            "SELECT sequence FROM arrivals WHERE chain = ? AND sequence >= ? ORDER BY sequence LIMIT 1",
            (chain, sequence),
        )

    @reads
    def arrived_before(self, chain: int, sequence: int) -> int:
        return self._number("SELECT max(sequence) FROM arrivals WHERE chain = ? AND sequence < ?", (chain, sequence))

    @reads
    def entry_at(self, slot: int) -> Entry | None:
        row = self._db.execute(slices.ENTRY, (slot,)).fetchone()
        return None if row is None else Entry._make(row)

    @reads
    def ids_at(self, slots: Sequence[int]) -> list[tuple[int, EntryId]]:
        return list(self._db.execute(slices.IDS, (json.dumps(slots),)))

    @reads
    def chain_slice(self, chain: int, first: int, last: int) -> list[Entry]:
        if first > LAST_SEQUENCE:
            return []
        slots = slot_of(chain, first), slot_of(chain, min(last, LAST_SEQUENCE))
        return list(map(Entry._make, self._db.execute(slices.ENTRIES, slots)))

    @reads
    def outgoing(self, chain: int, first: int, last: int) -> list[Outgoing]:
        slots = slot_of(chain, first), slot_of(chain, min(last, LAST_SEQUENCE))
        return list(self._db.execute(slices.OUTGOING, slots))

    @reads
    def case_entries(self, head: int, folded: int) -> list[Entry]:
        """As the port says. Raises VaultDamaged if the list does not lead there."""
        rows = self._db.execute(slices.WALK, (head, folded))
        entries = list(map(Entry._make, rows))
        end = entries[-1].prior if entries else head
        if end != folded:
            raise VaultDamaged
        return entries

    @reads
    def case_page(self, head: int, folded: int, limit: int) -> list[Entry]:
        """As the port says. Raises VaultDamaged if the list does not lead there."""
        entries = list(map(Entry._make, self._db.execute(f"{slices.WALK} LIMIT ?3", (head, folded, limit))))
        if head != folded and (not entries or (len(entries) < limit and entries[-1].prior != folded)):
            raise VaultDamaged
        return entries

    @reads
    def case_beginning(self, head: int, begins: Sequence[str], limit: int) -> list[int]:
        """As the port says. Raises VaultDamaged if the list does not lead to its end."""
        digits = len(begins[0]) if begins else 0
        rows = list(self._db.execute(slices.BEGINNING, (head, digits, json.dumps(begins), limit)))
        if head and (not rows or (len(rows) < limit and rows[-1][1])):
            raise VaultDamaged
        return [int(slot) for slot, _, found in rows if found]

    @reads
    def cases_between(self, first: int, last: int) -> list[int]:
        return [int(row[0]) for row in self._db.execute(slices.CASES_WITHIN, (first, last))]

    @reads
    def cases_changed(self, chain: int, first: int, last: int) -> list[tuple[int, int]]:
        rows = self._db.execute(slices.CASES_CHANGED, (slot_of(chain, first), slot_of(chain, last)))
        return list(Counter(number for (number,) in rows).items())  # counted by SQLite it takes three times as long

    @reads
    def standings(self, chain: int, first: int, last: int, *, aside: bool = False) -> list[StandingRow]:
        low, high = slot_of(chain, first), slot_of(chain, min(last, LAST_SEQUENCE))
        return [StandingRow(*row) for row in self._db.execute(slices.STANDINGS, (low, high, int(aside)))]

    @reads
    def citing(self, chain: int, first: int, last: int, limit: int) -> list[tuple[int, int, bytes]]:
        return list(self._db.execute(slices.CITING, (chain, first, min(last, LAST_SEQUENCE), limit)))

    @reads
    def citations(self) -> list[tuple[int, bytes]]:
        return list(self._db.execute(slices.CITATIONS))

    @reads
    def snapshot(self, case: int) -> tuple[int, bytes] | None:
        row = self._db.execute(
            "SELECT folded, snapshot FROM snapshots JOIN cases ON number = case_number WHERE number = ?", (case,)
        ).fetchone()
        return (int(row[0]), bytes(row[1])) if row else None

    @reads
    def kept(self, name: str) -> bytes | None:
        return self._bytes("SELECT value FROM kept WHERE name = ?", name)

    # --- writing ---------------------------------------------------------------------------------

    @writes
    def write(self, commit: Commit) -> None:
        many = self._db.executemany
        entries = slices.in_slices(commit.entries)
        many(slices.INSERT, entries)
        many(slices.INSERT_SLICE, slices.slices(entries, self._db.last_insert_rowid()))
        many("INSERT INTO citations VALUES (?,?,?)", slices.stretches(entries))
        many("REPLACE INTO chains VALUES (?,?,?,?,?,?,?,?,?,?)", commit.chains)
        many(
            "INSERT INTO cases (number, id, head) VALUES (?,?,?) "
            "ON CONFLICT (number) DO UPDATE SET head = excluded.head",
            (case[:3] for case in commit.cases),
        )
        many("INSERT INTO arrivals VALUES (?,?,?,?,?)", commit.arrivals)
        if commit.judged_anew is not None:
            self._db.execute("DELETE FROM pasts")
            many(slices.JUDGE_ANEW, commit.judged_anew)
        if commit.pasts:  # what few commits have is looked for first: each statement takes 2 µs, and an edit waits
            many("INSERT INTO pasts VALUES (?,?)", commit.pasts)
        if commit.restanding:
            many(slices.RESTAND, ((restanding.slot, restanding.standing) for restanding in commit.restanding))
        if commit.refolded:
            cases = [(case,) for case in commit.refolded]
            many("DELETE FROM snapshots WHERE case_number = ?", cases)
            many("UPDATE cases SET folded = 0 WHERE number = ?", cases)
            many("UPDATE listings SET upto = 0 WHERE number = ?", cases)

    @writes
    def save_snapshots(self, snapshots: Iterable[tuple[int, int, bytes]]) -> None:
        left = self._room() - ROOM_BYTES
        for case, folded, snapshot in snapshots:
            left -= 2 * (len(snapshot) + ROW_BYTES)
            if left < 0:
                raise DiskFull  # snapshots only save time, and must not take space that entries need
            self._db.execute("REPLACE INTO snapshots VALUES (?,?)", (case, snapshot))
            self._db.execute("UPDATE cases SET folded = ? WHERE number = ?", (folded, case))

    @writes
    def keep(self, name: str, value: bytes) -> None:
        old = self._bytes("SELECT value FROM kept WHERE name = ?", name)
        if old == value:
            return
        self._db.execute("REPLACE INTO kept VALUES (?,?)", (name, value))
        self._shred = self._shred or old is not None

    @writes
    def forget(self, name: str) -> None:
        self._db.execute("DELETE FROM kept WHERE name = ?", (name,))
        self._shred = self._shred or self._db.changes() > 0

    @writes
    def accept_ephemeral(self, day: int, device: bytes, ephemeral: bytes) -> bool:
        # A device has at most a few thousand rows here, only for days whose keys are accepted. The rows of b"" are
        # those of all unknown devices, one of which may be known by now.
        if self._number("SELECT 1 FROM ephemerals WHERE device IN (?, x'') AND ephemeral = ?", (device, ephemeral)):
            return False
        accepted = self._number("SELECT count(*) FROM ephemerals WHERE device = ? AND day = ?", (device, day))
        if accepted >= caps.EPHEMERALS:
            return False
        self._db.execute("INSERT INTO ephemerals VALUES (?,?,?)", (device, day, ephemeral))
        return True

    @writes
    def forget_ephemerals(self, before: int) -> None:
        self._db.execute("DELETE FROM ephemerals WHERE day < ?", (before,))

    def flush(self) -> None:
        try:
            if self._db.in_transaction:
                self._db.execute("COMMIT")
        except apsw.Error as error:
            failure = meaning(error)
            self._roll_back()
        else:
            if self._shred or (not self._plenty and self._cramped()):
                self._empty_log()
            return
        if isinstance(failure, DiskFull) and self._cramped():
            self._empty_log()  # including what the failed COMMIT left at its end
        raise failure

    @contextmanager
    def tidying(self) -> Iterator[None]:
        """Within the block, a thread moves a long log into the database. Any use of the store waits for that thread.

        Python computes meanwhile. Otherwise every seventh COMMIT of a catch-up would do it, and hold up everything.
        """
        if self._log_pages < EARLY_PAGES or self._db.in_transaction:
            yield
            return
        self._tidies = Thread(target=self._shorten_log, name="checkpoint")
        self._tidies.start()
        try:
            yield
        finally:
            self._tidies.join()
            self._tidies = None

    # --- helpers ---------------------------------------------------------------------------------

    def _wait(self) -> None:
        """Wait for the thread that shortens the log: apsw would try for a third of a second, and then fail."""
        thread = self._tidies
        if thread is not None:
            thread.join()

    def _log_has_grown(self, _: apsw.Connection, __: str, pages: int) -> int:
        self._log_pages = pages
        if pages >= CHECKPOINT_PAGES:
            self._shorten_log()
        return apsw.SQLITE_OK

    def _shorten_log(self) -> None:
        """Ignores failures: the commits are durable, and the next one tries again."""
        with suppress(apsw.Error):
            self._db.wal_checkpoint()
            self._log_pages = 0

    def _begin(self) -> None:
        room = self._room()
        self._plenty = room > PLENTY
        if self._is_cramped(room):
            self._empty_log()
        self._db.execute("BEGIN IMMEDIATE")

    def _roll_back(self) -> None:
        self.lost += 1
        self.listings.rolled_back()
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        except apsw.Error:
            pass  # closed, or the next statement reports what is wrong

    @property
    def spacious(self) -> bool:
        return self._room() > PLENTY

    def _cramped(self) -> bool:
        """Whether one more COMMIT could take the space that the log's pages need in the database.

        False if that space is too small already: emptying the log would use it up, and free nothing.
        """
        return self._is_cramped(self._room())

    def _is_cramped(self, room: float) -> bool:
        return 0 <= room < ROOM_BYTES and self._log_size() > 0

    def _room(self) -> float:
        """Free bytes, less those by which the log's pages make the database grow."""
        if not self._db.filename:
            return math.inf
        try:
            free = shutil.disk_usage(self._db.filename).free
            grows = 0 if free > PLENTY else self.size - Path(self._db.filename).stat().st_size
            return free - grows
        except (OSError, apsw.Error):
            return math.inf  # the folder is gone, say: the next statement reports it

    def _log_size(self) -> int:
        log = Path(self._db.filename_wal) if self._db.filename else None
        return log.stat().st_size if log is not None and log.exists() else 0

    def _empty_log(self) -> None:
        """Ignores failures: the commit is durable already, and the next `flush` tries again."""
        try:
            self._checkpoint()
            self._shred = False
        except apsw.Error:
            pass

    def _checkpoint(self) -> None:
        self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def _number(self, query: str, values: tuple[Any, ...] = ()) -> int:
        row = self._db.execute(query, values).fetchone()
        return int(row[0] or 0) if row else 0

    def _bytes(self, query: str, key: int | str) -> bytes | None:
        row = self._db.execute(query, (key,)).fetchone()
        return bytes(row[0]) if row else None
