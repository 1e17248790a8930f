"""Kills, full disks and second processes: no acknowledged commit is ever lost."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from cellsync.core.errors import DiskFull, VaultInUse
from cellsync.core.ids import DatabaseKey
from cellsync.store.sqlite import SqliteStore
from tests.store.commits import Author, numbered

KEY = DatabaseKey(bytes(range(32)))
ROOT = Path(__file__).parents[2]


@contextmanager
def writer(path: Path) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    command = [sys.executable, "-m", "tests.store.writer", str(path), KEY.reveal().hex()]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        try:
            yield child, child.stdout
        finally:
            child.kill()


def fill(store: SqliteStore, size: int) -> int:
    """Commits until one fails, and how many did not."""
    author, flushed = Author(), 0
    while True:
        try:
            store.write(numbered(author, flushed + 1, size))
            store.flush()
        except DiskFull:
            return flushed
        flushed += 1


def check(store: SqliteStore) -> int:
    """The number of the last commit, after everything that it should hold was found whole."""
    number = int.from_bytes(store.kept("number") or b"")
    assert sum(chain.length for chain in store.chains()) == 40 * number
    for chain in store.chains():
        assert len(store.chain_slice(chain.number, 1, chain.length)) == chain.length
    assert sum(len(store.case_entries(case.head, 0)) for case in store.cases()) == 40 * number
    assert store._db.pragma("integrity_check") == "ok"
    return number


@pytest.mark.e2e
def test_killed_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "db"
    SqliteStore.create(path, KEY).close()
    dice, acknowledged = random.Random(7), 0
    for _ in range(4):
        with writer(path) as (child, output):
            for _ in range(dice.randrange(20, 200)):
                acknowledged = int(output.readline())
            child.kill()
            for line in output:
                acknowledged = int(line)
        store = SqliteStore.open(path, KEY)
        assert check(store) in (acknowledged, acknowledged + 1)
        store.close()


@pytest.mark.e2e
def test_another_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "db"
    store = SqliteStore.create(path, KEY)
    with writer(path) as (_, output):
        assert output.readline() == "vault_in_use\n"
    store.close()
    with writer(path) as (_, output):
        assert output.readline() == "1\n"
        with pytest.raises(VaultInUse):
            SqliteStore.open(path, KEY)
    store = SqliteStore.open(path, KEY)
    assert check(store) >= 1
    store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mounted = tmp_path / "disk"
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", str(mounted)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root can mount a small file system")
    yield mounted
    subprocess.run(["umount", str(mounted)], check=True)


@pytest.mark.e2e
@pytest.mark.parametrize("size", [1, 500, 4000])
def test_a_full_disk_loses_nothing_and_blocks_nothing(small_disk: Path, size: int) -> None:
    """Full at a commit, also of a size that spills the cache; usable again when there is space."""
    store = SqliteStore.create(small_disk / "db", KEY, cache_bytes=64 << 10)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(600_000))
    flushed = fill(store, size)
    held = sum(chain.length for chain in store.chains())
    assert held == flushed * size
    ballast.unlink()

    author = Author()
    author.lengths = {chain.number: chain.length for chain in store.chains()}
    author.heads = {case.number: case.head for case in store.cases()}
    author.arrived = store.last_arrival()
    store.write(numbered(author, 99, 2))
    store.flush()
    store.close()

    store = SqliteStore.open(small_disk / "db", KEY)
    assert sum(chain.length for chain in store.chains()) == held + 2
    assert sum(len(store.case_entries(case.head, 0)) for case in store.cases()) == held + 2
    assert store._db.pragma("integrity_check") == "ok"
    store.close()


@pytest.mark.e2e
def test_closed_and_opened_on_a_full_disk(small_disk: Path) -> None:
    store = SqliteStore.create(small_disk / "db", KEY)
    flushed = fill(store, 200)
    with (small_disk / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    store.close()  # the log cannot be emptied into the database: it stays, and is durable
    store = SqliteStore.open(small_disk / "db", KEY)
    assert sum(chain.length for chain in store.chains()) == flushed * 200
    store.close()
