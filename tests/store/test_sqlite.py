from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import traceback
from pathlib import Path
from shutil import disk_usage
from threading import current_thread, main_thread
from time import sleep
from typing import Any

import apsw
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cellsync import system
from cellsync.core import caps
from cellsync.core.errors import (
    CellsyncError,
    Closed,
    NewerVersion,
    StorageFailed,
    VaultDamaged,
    VaultInUse,
)
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import Entry, Restanding, slot_of
from cellsync.core.history.store import Arrival, Case, CaseListing, Commit, Store
from cellsync.core.ids import CaseId, DatabaseKey
from cellsync.store import connection, layout, slices, sqlite
from cellsync.store.edge import meaning
from cellsync.store.files import ReadOnlyDisk
from cellsync.store.sqlite import SqliteStore
from tests.models.store_model import StoreModel
from tests.store.commits import CANARY, Author, lay_out_by_slot, numbered

KEY = DatabaseKey(bytes(range(32)))
NAMES = st.sampled_from(["seal", "branch/session", "address"])
DEVICES = st.sampled_from([b"a" * 32, b"b" * 32])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "3f9a"


def as_port(store: SqliteStore) -> Store:
    return store


class StoreMachine(RuleBasedStateMachine):
    """Any sequence of writes, failures, flushes and reopens: `SqliteStore` answers as dicts would."""

    def __init__(self) -> None:
        super().__init__()
        self.model = StoreModel()
        self.author = self.saved = Author()

    @initialize()
    def open(self) -> None:
        self.store = SqliteStore.in_memory()

    def restart_author(self) -> None:
        """Numbers go on from what is held."""
        self.author = Author()
        self.author.lengths = {chain.number: chain.length for chain in self.model.rows.chains.values()}
        self.author.heads = {case.number: case.head for case in self.model.rows.cases.values()}
        self.author.arrived = max(self.model.rows.arrivals, default=0)

    @rule(
        plan=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3), st.binary(max_size=12)), max_size=8),
        signed=st.booleans(),
    )
    def write(self, plan: list[tuple[int, int, bytes]], signed: bool) -> None:
        commit = self.author.commit(plan, signed=signed)
        self.store.write(commit)
        self.model.write(commit)

    @precondition(lambda self: self.model.rows.entries)
    @rule(data=st.data(), standing=st.integers(0, 7))
    def restand(self, data: st.DataObject, standing: int) -> None:
        """With an entry that says why, in one transaction; the snapshots of these cases go."""
        entries = data.draw(st.lists(st.sampled_from(sorted(self.model.rows.entries.values())), min_size=1, max_size=3))
        restanding = [Restanding(one.slot, one.case, one.kind, one.standing, standing) for one in entries]
        commit = self.author.commit([(1, 1, b"why")])
        commit = commit._replace(restanding=restanding, refolded=sorted({one.case for one in entries}))
        self.store.write(commit)
        self.model.write(commit)

    @precondition(lambda self: self.model.rows.entries)
    @rule(data=st.data())
    def write_fails_halfway(self, data: st.DataObject) -> None:
        """Its last entry is one that is held: everything staged is lost, not only this commit."""
        twice = data.draw(st.sampled_from(sorted(self.model.rows.entries.values())))
        commit = self.author.commit([(1, 1, b"lost"), (2, 2, b"lost")])
        with pytest.raises(CellsyncError):
            self.store.write(commit._replace(entries=[*commit.entries, twice]))
        self.model.lose()
        self.restart_author()

    @precondition(lambda self: self.model.rows.cases)
    @rule(data=st.data(), snapshot=st.binary(max_size=12))
    def save_snapshots(self, data: st.DataObject, snapshot: bytes) -> None:
        cases = data.draw(st.lists(st.sampled_from(sorted(self.model.rows.cases)), max_size=3))
        rows = [(case, self.model.rows.cases[case].head, snapshot) for case in cases]
        self.store.save_snapshots(rows)
        self.model.save_snapshots(rows)

    @rule(name=NAMES, value=st.binary(max_size=8))
    def keep(self, name: str, value: bytes) -> None:
        self.store.keep(name, value)
        self.model.keep(name, value)

    @rule(name=NAMES)
    def forget(self, name: str) -> None:
        self.store.forget(name)
        self.model.forget(name)

    @rule(day=st.integers(1, 3), device=DEVICES, ephemeral=st.sampled_from([b"1", b"2", b"3", b"4"]))
    def accept_ephemeral(self, day: int, device: bytes, ephemeral: bytes) -> None:
        accepted = self.store.accept_ephemeral(day, device, ephemeral)
        assert accepted == self.model.accept_ephemeral(day, device, ephemeral)

    @rule(before=st.integers(0, 4))
    def forget_ephemerals(self, before: int) -> None:
        self.store.forget_ephemerals(before)
        self.model.forget_ephemerals(before)

    @rule()
    def flush(self) -> None:
        self.store.flush()
        self.model.flush()

    @rule(chain=st.integers(0, 4), sequence=st.integers(1, 20))
    def first_arrival(self, chain: int, sequence: int) -> None:
        assert self.store.first_arrival(chain, sequence) == self.model.first_arrival(chain, sequence)

    @rule(after=st.integers(0, 10), limit=st.integers(0, 5))
    def arrivals(self, after: int, limit: int) -> None:
        assert self.store.arrivals(after, limit) == self.model.arrivals(after, limit)

    @rule(chain=st.integers(0, 4), first=st.integers(0, 12), last=st.one_of(st.integers(0, 12), st.just(2**63)))
    def chain_slice(self, chain: int, first: int, last: int) -> None:
        assert self.store.chain_slice(chain, first, last) == self.model.chain_slice(chain, first, last)
        assert self.store.outgoing(chain, first, last) == self.model.outgoing(chain, first, last)

    @rule(
        chain=st.integers(0, 4),
        first=st.integers(0, 12),
        last=st.one_of(st.integers(0, 12), st.just(2**63)),
        limit=st.sampled_from([1, 3, 256]),
    )
    def citing(self, chain: int, first: int, last: int, limit: int) -> None:
        assert self.store.citing(chain, first, last, limit) == self.model.citing(chain, first, last, limit)
        assert sorted(self.store.citations()) == sorted(self.model.citations())

    @precondition(lambda self: self.model.rows.cases)
    @rule(data=st.data())
    def case_entries(self, data: st.DataObject) -> None:
        case = data.draw(st.sampled_from(sorted(self.model.rows.cases.values())))
        for folded in (0, case.folded, case.head):
            assert self.store.case_entries(case.head, folded) == self.model.case_entries(case.head, folded)
        digits = data.draw(st.sampled_from([0, 1, 16, 64]))
        ids = [one.id.hex()[:digits] for one in self.model.case_entries(case.head, 0)]
        some = [*ids[::2], "f" * digits]
        for limit in (1, 2, 64):
            found = self.store.case_beginning(case.head, some, limit)
            assert found == self.model.case_beginning(case.head, some, limit)

    @invariant()
    def same_rows(self) -> None:
        rows = self.model.rows
        if not hasattr(self, "store"):
            return
        assert self.store.chains() == [rows.chains[number] for number in sorted(rows.chains)]
        assert list(self.store.cases()) == [rows.cases[number] for number in sorted(rows.cases)]
        assert list(self.store.pasts()) == sorted(rows.pasts.items())
        assert self.store.last_arrival() == max(rows.arrivals, default=0)
        assert {name: self.store.kept(name) for name in ("seal", "branch/session", "address")} == {
            name: rows.kept.get(name) for name in ("seal", "branch/session", "address")
        }
        for case in (1, 2, 3):
            assert self.store.snapshot(case) == self.model.snapshot(case)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()


class FileMachine(StoreMachine):
    """The same on disk, with closes and reopens; what was not flushed is gone."""

    folder: Path

    @initialize()
    def open(self) -> None:
        name = self.folder / os.urandom(8).hex()
        self.path = name
        self.store = SqliteStore.create(name, KEY)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.model.lose()
        self.restart_author()
        self.store = SqliteStore.open(self.path, KEY)

    @rule()
    def reopen_as_an_older_program_left_it(self) -> None:
        """Entries rest in the rows of their slots; those that come afterwards do not."""
        self.reopen()
        lay_out_by_slot(self.store)
        self.reopen()


TestMemory = StoreMachine.TestCase
TestMemory.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


class TestFile(FileMachine.TestCase):  # type: ignore[misc,valid-type]
    settings = settings(max_examples=10, stateful_step_count=20, deadline=None)

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        FileMachine.folder = tmp_path


def test_columns_stand_in_the_order_of_the_tuples() -> None:
    store = SqliteStore.in_memory()
    for table, shape in (("entries", Entry), ("chains", Chain), ("cases", Case), ("arrivals", Arrival)):
        columns = [row[1] for row in store._db.execute(f"PRAGMA table_info({table})")]
        renamed = {"case_number": "case", "number": "slot"} if shape is Entry else {}
        assert tuple(renamed.get(column, column) for column in columns) == shape._fields
    assert as_port(store) is store


def test_entries_are_in_no_index() -> None:
    """One on what stands anywhere, as ids do, is what costs 4 times as much at a million entries; one on those that
    cite cost a fifth of a commit."""
    store = SqliteStore.in_memory()
    query = "SELECT tbl_name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
    assert {row[0] for row in store._db.execute(query)} == {"arrivals", "listings", "called", "links"}
    query = "SELECT number FROM arrivals WHERE chain=1 AND sequence>=2 ORDER BY sequence LIMIT 1"
    plan = str(list(store._db.execute(f"EXPLAIN QUERY PLAN {query}")))
    assert "COVERING INDEX arrivals_of_chain" in plan


def test_an_edit_asks_the_disk_once_and_runs_few_statements(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody waits for it: each statement without a row takes 2 µs, and each question about the disk 7."""
    store, author = SqliteStore.create(path, KEY), Author()
    store.write(author.commit([(1, 1, b"")]))
    store.flush()
    asked: list[object] = []
    ran: list[str] = []

    def usage(file: str) -> object:
        asked.append(file)
        return disk_usage(file)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    store._db.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: ran.append(event["sql"]))
    store.write(author.commit([(1, 1, b"")])._replace(pasts=[]))
    store.flush()
    assert {sql.split(" VALUES")[0].split(" (")[0] for sql in ran if "TRIGGER" not in sql} == {
        "BEGIN IMMEDIATE", "INSERT INTO entries", "INSERT INTO slices", "REPLACE INTO chains", "INSERT INTO cases",
        "INSERT INTO arrivals", "COMMIT",
    }  # fmt: skip
    assert len(asked) == 1
    store.close()


def test_of_a_commit_only_the_stretch_of_a_branch_that_cites_is_read_for_who_cites() -> None:
    store, author = SqliteStore.in_memory(), Author()
    store.write(author.commit([(1, 1, b"cites"), *[(1, 1, b"")] * 500, (2, 1, b"")]))
    store.write(author.commit([(1, 1, b""), (2, 1, b""), (1, 1, b"cites"), (1, 1, b""), (1, 1, b"cites"), (1, 1, b"")]))
    assert list(store._db.execute("SELECT * FROM citations")) == [(1, 1, 1), (1, 503, 505)]
    assert [slot - slot_of(1, 0) for slot, *_ in store.citing(1, 1, 999, 99)] == [1, 503, 505]
    plan = str(list(store._db.execute(f"EXPLAIN QUERY PLAN {slices.CITING}", (1, 1, 999, 99))))
    assert "TEMP B-TREE" not in plan  # they come in order, so a page of them is not all of them sorted


def test_the_cases_that_a_stretch_of_a_branch_changed_come_newest_first() -> None:
    store, author = SqliteStore.in_memory(), Author()
    cases = [1, 2, 1, 3, 3, 2, 1, 4, 2]
    for first in range(0, len(cases), 3):  # three slices
        store.write(author.commit([(1, case, b"") for case in cases[first : first + 3]]))
    for first, last in ((1, 9), (2, 7), (4, 4), (9, 20), (10, 20)):
        newest = list(reversed(cases[first - 1 : last]))
        assert store.cases_changed(1, first, last) == [(case, newest.count(case)) for case in dict.fromkeys(newest)]
    plan = str(list(store._db.execute(f"EXPLAIN QUERY PLAN {slices.CASES_CHANGED}", (1, 9))))
    assert "TEMP B-TREE" not in plan


def test_what_is_flushed_is_durable_and_the_rest_is_not(path: Path) -> None:
    store, author = SqliteStore.create(path, KEY), Author()
    store.write(numbered(author, 1))
    store.flush()
    store.write(numbered(author, 2))
    assert len(store.chain_slice(1, 1, 99)) == 6  # reads see what is staged
    store.close()
    with pytest.raises(Closed):
        store.last_arrival()
    with pytest.raises(Closed):
        store.flush()
    store.close()  # twice is fine
    again = SqliteStore.open(path, KEY)
    assert len(again.chain_slice(1, 1, 99)) == 3
    again.close()


def test_a_second_opener_is_refused(path: Path) -> None:
    store = SqliteStore.create(path, KEY)
    with pytest.raises(VaultInUse):
        SqliteStore.open(path, KEY)
    store.close()
    SqliteStore.open(path, KEY).close()


def test_a_commit_is_synced(path: Path) -> None:
    """A kill does not show it, only a power cut would: so we ask SQLite."""
    store = SqliteStore.create(path, KEY)
    settings = {"synchronous": 2, "journal_mode": "wal", "locking_mode": "exclusive", "temp_store": 2}
    assert {name: store._db.pragma(name) for name in settings} == settings
    assert store._db.pragma("fullfsync") == store._db.pragma("checkpoint_fullfsync") == 1
    store.close()


def test_a_long_log_is_put_into_the_database_beside_something_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a thread of its own, and only if nothing is staged; else the COMMIT that makes the log too long does it."""
    store, author = SqliteStore.create(path, KEY), Author()
    shortened: list[bool] = []
    shorten = store._shorten_log

    def noted() -> None:
        shortened.append(current_thread() is main_thread())
        shorten()

    monkeypatch.setattr(store, "_shorten_log", noted)

    def commit(number: int) -> None:
        store.write(numbered(author, number))
        store.flush()

    commit(1)
    with store.tidying():
        assert store.last_arrival() == 2
    assert shortened == []  # it is short
    monkeypatch.setattr(sqlite, "EARLY_PAGES", 1)
    store.write(numbered(author, 2))
    with store.tidying():
        pass
    assert shortened == []
    store.flush()
    with store.tidying():
        assert store.last_arrival() == 4
    assert (shortened, store._log_pages) == ([False], 0)
    monkeypatch.setattr(sqlite, "CHECKPOINT_PAGES", 1)
    commit(3)
    assert (shortened, store._log_pages) == ([False, True], 0)
    store.close()
    store = SqliteStore.open(path, KEY)
    assert store.last_arrival() == 6
    store.close()


def a_slow_disk(*_: object) -> int:
    sleep(1.5)
    return 0


def test_a_log_that_takes_long_to_shorten_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By everything that asks the store or its listings. apsw gives up after a third of a second."""
    store, author = SqliteStore.create(path, KEY), Author()
    store.write(numbered(author, 1))
    store.keep("a name", b"a value")
    store.flush()
    monkeypatch.setattr(sqlite, "EARLY_PAGES", 1)
    store._db.create_scalar_function("a_slow_disk", a_slow_disk)
    monkeypatch.setattr(store, "_shorten_log", lambda: list(store._db.execute("SELECT a_slow_disk()")))
    with store.tidying():
        assert store.kept("a name") == b"a value"
    with store.tidying():
        assert store.listings.stale()
    with store.tidying():
        store.keep("a name", b"another")
        assert store.kept("a name") == b"another"
    store.close()


def test_nothing_rests_in_the_clear(path: Path) -> None:
    store = SqliteStore.create(path, KEY)
    store.write(numbered(Author(), 1))
    store.keep("a name that is kept", b"a value that is kept")
    store.flush()
    files = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    assert set(files) == {path.name, f"{path.name}-wal"}  # no shared memory, no journal
    assert len(files[f"{path.name}-wal"]) > 4096
    for content in files.values():
        for canary in (
            CANARY,
            b"a name that",
            b"a value that",
            b"SQLite format 3",
            b"CREATE TABLE",
            b"shape",
        ):
            assert canary not in content
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in path.parent.iterdir())
    store.close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert CANARY not in path.read_bytes()


@pytest.mark.parametrize("forgetting", ["forget", "replace"])
def test_what_is_forgotten_is_in_neither_file(path: Path, forgetting: str) -> None:
    """Whoever learns the key later does not find an old branch state in the log."""
    store = SqliteStore.create(path, KEY)
    secret = b"an old branch state of an epoch!"
    store.keep("branch", secret)
    store.flush()
    if forgetting == "forget":
        store.forget("branch")
    else:
        store.keep("branch", bytes(32))
    store.flush()
    assert path.with_name(f"{path.name}-wal").stat().st_size == 0
    store.close()
    opened = apsw.Connection(os.fspath(path))
    opened.pragma("cipher", "chacha20")
    opened.pragma("key", f"raw:{KEY.reveal().hex()}")
    assert secret not in opened.serialize("main")  # `serialize` decrypts, free space included
    opened.close()


def test_a_plaintext_file_is_noticed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_unlock", lambda connection, key: None)
    with pytest.raises(StorageFailed):
        SqliteStore.create(path, KEY)


def test_an_existing_file_is_never_overwritten(path: Path) -> None:
    path.write_bytes(b"something else")
    with pytest.raises(StorageFailed):
        SqliteStore.create(path, KEY)
    assert path.read_bytes() == b"something else"


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_another_length_is_refused(path: Path, length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SqliteStore.create(path, DatabaseKey(bytes(length)))


def test_another_key_is_damage(path: Path) -> None:
    SqliteStore.create(path, KEY).close()
    with pytest.raises(VaultDamaged):
        SqliteStore.open(path, DatabaseKey(bytes(32)))


def test_foreign_missing_empty_and_truncated_files_are_damage(path: Path) -> None:
    with pytest.raises(VaultDamaged):
        SqliteStore.open(path, KEY)
    for content in (b"", b"x", b"SQLite format 3\0", os.urandom(9000)):
        path.write_bytes(content)
        with pytest.raises(VaultDamaged):
            SqliteStore.open(path, KEY)
        path.with_name(f"{path.name}-wal").unlink(missing_ok=True)
    path.unlink()
    plain = sqlite3.connect(path)
    plain.execute("CREATE TABLE entries (slot)")
    plain.close()
    with pytest.raises(VaultDamaged):
        SqliteStore.open(path, KEY)


def layout_of(store: SqliteStore) -> tuple[list[Any], list[Any]]:
    """Every column, index and trigger of a database."""
    columns = """
        SELECT m.name, c.name, c.type, c."notnull", c.dflt_value, c.pk
        FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY m.name, c.cid"""
    indexes = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') ORDER BY name"
    return list(store._db.execute(columns)), list(store._db.execute(indexes))


def test_a_vault_of_version_1_opens(path: Path) -> None:
    """Its chains had no branches but an empty name for them."""
    author = Author()
    store = SqliteStore.create(path, KEY)
    commit = numbered(author, 1)
    store.write(commit)
    store.flush()
    chains, entries = store.chains(), store.chain_slice(1, 1, 99)
    laid_out = layout_of(store)
    lay_out_by_slot(store)
    store._db.execute("""
        DROP TABLE citations;
        ALTER TABLE chains RENAME TO newer;
        CREATE TABLE chains (
            number INTEGER PRIMARY KEY, device BLOB NOT NULL, incarnation BLOB NOT NULL, branch BLOB NOT NULL,
            length INTEGER NOT NULL, head BLOB NOT NULL, height INTEGER NOT NULL, past INTEGER NOT NULL,
            cited INTEGER NOT NULL
        );
        INSERT INTO chains SELECT number, device, incarnation, x'', length, head, height, past, cited FROM newer;
        DROP TABLE newer;
        ALTER TABLE entries DROP COLUMN form;
        PRAGMA user_version = 1;
    """)
    store.close()
    for _ in range(2):
        store = SqliteStore.open(path, KEY)
        assert store.chains() == chains
        assert store.chain_slice(1, 1, 99) == entries
        assert layout_of(store) == laid_out
        store.close()
    store = SqliteStore.open(path, KEY)
    store.write(numbered(author, 2))
    store.flush()
    store.close()


@pytest.mark.parametrize("indexed", [True, False])
def test_a_vault_of_version_4_opens(path: Path, indexed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It had an index of the entries that cite; one that was made before there was an index had none."""
    monkeypatch.setattr(layout, "_AT_ONCE", 256)
    author = Author()
    store = SqliteStore.create(path, KEY)
    for _ in range(3):
        store.write(author.commit([(1 + at % 2, 1, b"cites" if at % 7 == 3 else b"") for at in range(300)]))
    store.flush()
    laid_out, citing, every = layout_of(store), store.citing(2, 40, 400, 30), store.citations()
    assert len(citing) == 30
    lay_out_by_slot(store)
    store._db.execute("DROP TABLE citations; PRAGMA user_version = 4")
    if indexed:
        store._db.execute("CREATE INDEX citing ON entries (slot, height, parents) WHERE parents <> x''")
    store.close()
    for _ in range(2):
        store = SqliteStore.open(path, KEY)
        assert layout_of(store) == laid_out
        assert store.citing(2, 40, 400, 30) == citing
        assert sorted(store.citations()) == sorted(every)
        store.close()


def test_a_vault_of_version_5_opens(path: Path) -> None:
    """What it has stays where it is, and what comes goes behind it: a large vault opens as quickly as a small one."""
    author = Author()
    store = SqliteStore.create(path, KEY)
    store.write(author.commit([(1 + at % 3, 1, b"cites" if at % 7 == 3 else b"") for at in range(300)]))
    store.flush()
    laid_out, before = layout_of(store), [store.chain_slice(number, 1, 999) for number in (1, 2, 3)]
    lay_out_by_slot(store)
    store.close()
    store = SqliteStore.open(path, KEY)
    assert layout_of(store) == laid_out
    assert [store.chain_slice(number, 1, 999) for number in (1, 2, 3)] == before
    assert {row[0] for row in store._db.execute("SELECT number FROM entries")} == {
        one.slot for entries in before for one in entries
    }
    store.write(author.commit([(1, 1, b"1"), (3, 1, b"2"), (1, 1, b"3")]))
    store.flush()
    store.close()
    store = SqliteStore.open(path, KEY)
    assert store.chain_slice(1, 99, 999)[-1].content == b"3"
    assert [one[-2] for one in store.outgoing(1, 100, 102)] == [b"cites", b"1", b"3"]
    assert len(store.case_entries(author.heads[1], 0)) == 303
    store.close()


def test_what_comes_goes_to_the_end_of_the_table() -> None:
    """Whoever wrote it: where each branch has a place of its own in the tree, 47 in turns cost two fifths more."""
    store, author = SqliteStore.in_memory(), Author()
    for _ in range(3):
        store.write(author.commit([(1 + at % 5, 1, b"") for at in range(50)]))
    assert [row[0] for row in store._db.execute("SELECT number FROM entries ORDER BY number")] == list(range(1, 151))
    assert store._number("SELECT count(*) FROM slices") == 15


def test_two_entries_in_one_slot_are_refused() -> None:
    store, author = SqliteStore.in_memory(), Author()
    first, second = (author.commit([(1, 1, b"one"), (1, 1, b"two"), (2, 1, b"three")]) for _ in range(2))
    store.write(first)
    store.flush()
    for entry in first.entries:
        with pytest.raises(CellsyncError):
            store.write(second._replace(entries=[entry]))
    store.write(second)
    assert len(store.chain_slice(1, 1, 9)) == 4


def test_listings_that_are_put_together_write_a_page_once(path: Path) -> None:
    """Names and ids come in any order; in that order a page is read and written again and again."""
    store = SqliteStore.create(path, KEY, cache_bytes=48 * connection.PAGE_BYTES)
    at_once, all_ = 1_000, 6_000
    for first in range(1, all_, at_once):
        store._db.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE, True)
        store.listings.put(map(_listing, range(first, first + at_once)))
        store.flush()
    written = store._db.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE)[0]  # by the last of them
    pages = store.size // connection.PAGE_BYTES
    assert pages > 4 * 48, "more than are cached"
    assert written < 0.6 * pages  # the two tables, and the ends of the others; in any order it is more than all pages
    store.close()


def _listing(number: int) -> CaseListing:
    digest = hashlib.sha256(b"%d" % number).digest()  # in any order, and always the same
    called = frozenset({(digest.hex()[at : at + 20], False) for at in (0, 20)})
    return CaseListing(number, number, True, "case", digest.hex(), "", 0, called, frozenset({digest}))


def test_a_newer_schema_is_named(path: Path) -> None:
    store = SqliteStore.create(path, KEY)
    store._db.pragma("user_version", layout.VERSION + 1)
    store.close()
    with pytest.raises(NewerVersion):
        SqliteStore.open(path, KEY)


def read_everything(store: SqliteStore) -> None:
    store.chains(), list(store.pasts()), store.arrivals(0, 9999), store.kept("x"), store.snapshot(1)
    for case in store.cases():
        store.case_entries(case.head, 0)
    for chain in store.chains():
        store.chain_slice(chain.number, 1, chain.length)


def test_a_flipped_byte_is_damage_wherever_it_is(path: Path) -> None:
    store, author = SqliteStore.create(path, KEY), Author()
    for number in range(12):
        store.write(numbered(author, number, 40))
    store.flush()
    store.close()
    sound = path.read_bytes()
    noticed = 0
    for at in range(7, len(sound), 4099):
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1 :])
        try:
            store = SqliteStore.open(path, KEY)
            try:
                read_everything(store)
            finally:
                store.close()
        except VaultDamaged:
            noticed += 1
        path.with_name(f"{path.name}-wal").unlink(missing_ok=True)
    pages = len(sound) // connection.PAGE_BYTES
    assert noticed >= pages  # a page that nobody reads (free, or an index) may hide its damage


def test_a_list_that_leads_nowhere_is_damage() -> None:
    store, author = SqliteStore.in_memory(), Author()
    commit = author.commit([(1, 1, b"a"), (1, 1, b"b"), (1, 1, b"c")])
    store.write(commit._replace(entries=[commit.entries[0], commit.entries[2]]))
    with pytest.raises(VaultDamaged):
        store.case_entries(commit.entries[2].slot, 0)
    with pytest.raises(VaultDamaged):
        store.case_entries(commit.entries[0].slot, slot_of(9, 9))
    with pytest.raises(VaultDamaged):
        store.case_beginning(commit.entries[2].slot, ["-"], 1)
    with pytest.raises(VaultDamaged):
        store.case_beginning(slot_of(9, 9), ["-"], 1)
    newest = commit.entries[2]
    assert store.case_beginning(newest.slot, [newest.id.hex()], 1) == [newest.slot]


def test_anything_that_fails_inside_a_write_rolls_back() -> None:
    store, author = SqliteStore.in_memory(), Author()
    store.write(numbered(author, 1))
    store.flush()
    before = list(store.cases())

    class Broken(list[Case]):
        def __iter__(self):  # type: ignore[no-untyped-def]
            raise RuntimeError

    commit = numbered(author, 2)
    with pytest.raises(RuntimeError):
        store.write(Commit(commit.entries, commit.chains, Broken(), [], []))
    assert list(store.cases()) == before
    with pytest.raises(OverflowError):
        store.write(Commit([], [], [Case(2**64, CaseId(b""), 1, 0)], [], []))
    store.flush()
    assert len(store.chain_slice(1, 1, 99)) == 3


def test_a_device_has_a_cap_of_handshakes_per_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caps, "EPHEMERALS", 3)
    store = SqliteStore.in_memory()
    assert [store.accept_ephemeral(1, b"a", bytes([i])) for i in range(4)] == [True, True, True, False]
    assert store.accept_ephemeral(1, b"b", b"0")
    assert store.accept_ephemeral(2, b"a", b"9")
    assert not store.accept_ephemeral(2, b"a", bytes([1]))  # known since yesterday


def test_callers_that_are_not_known_share_one_cap_and_what_they_used_counts_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(caps, "EPHEMERALS", 3)
    store = SqliteStore.in_memory()
    assert [store.accept_ephemeral(1, b"", bytes([i])) for i in range(4)] == [True, True, True, False]
    assert not store.accept_ephemeral(1, b"a", bytes([1]))  # its opening, from before it was known
    assert store.accept_ephemeral(1, b"a", bytes([3]))


def test_errors_and_caches_hold_no_key_and_no_content(path: Path) -> None:
    store = SqliteStore.create(path, KEY)
    commit = numbered(Author(), 1)
    store.write(commit)
    statements = str(store._db.cache_stats(include_entries=True))
    assert KEY.reveal().hex() not in statements
    with pytest.raises(CellsyncError) as caught:
        store.write(commit)
    assert caught.value.__context__ is None  # apsw's traceback would show SQL and bindings
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=False).format())
    assert "CANARY" not in shown
    store.close()


def test_a_disk_that_cannot_be_written_to_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "circle"
    SqliteStore.create(path, KEY).close()
    monkeypatch.setattr(system.files, "is_read_only", lambda _: True)
    with pytest.raises(ReadOnlyDisk, match="read-only") as caught:
        SqliteStore.open(path, KEY)
    assert "restore" in caught.value.hint
    assert type(meaning(apsw.ReadOnlyError("x"))) is ReadOnlyDisk  # it became so while it was open
