"""Scratch: data that waits in it can be read only by this process, and leaves nothing behind."""

from __future__ import annotations

import errno
import os
from hashlib import blake2b
from pathlib import Path

import pytest

from cellsync.core.errors import DiskFull, StorageFailed
from cellsync.store import scratch
from cellsync.store.scratch import Scratch

BLOCK = 30
TEXT = b"Anton was moved to the prison hospital."


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "BLOCK", BLOCK)


def all_of(made: Scratch) -> bytes:
    return b"".join(map(made.read, range(made.blocks)))


def on_disk(made: Scratch) -> bytes:
    assert made._file is not None
    return os.pread(made._file.fileno(), 1 << 20, 0)


@pytest.mark.parametrize("sizes", [[], [1], [30], [31], [60], [61], [7, 23, 1, 29, 100, 3]])
def test_what_was_written_is_read(tmp_path: Path, sizes: list[int]) -> None:
    pieces = [os.urandom(size) for size in sizes]
    with Scratch(tmp_path) as made:
        for piece in pieces:
            made.write(piece)
        assert all_of(made) == b"".join(pieces)
        assert made.digest == blake2b(b"".join(pieces), digest_size=32).digest()
        assert [len(made.read(number)) for number in range(made.blocks - 1)] == [BLOCK] * (made.blocks - 1)
        for wrong in (-1, made.blocks):
            with pytest.raises(IndexError):
                made.read(wrong)


def test_nothing_readable_comes_to_the_disk_and_nothing_has_a_name(tmp_path: Path) -> None:
    with Scratch(tmp_path) as made:
        made.write(TEXT)
        made.write(TEXT)
        held = on_disk(made)
        assert len(held) == (made.blocks - 1) * (BLOCK + 16)
        assert not any(word in held for word in TEXT.split())
        assert list(tmp_path.iterdir()) == []
    with pytest.raises(StorageFailed):  # closed: the disk was given back
        made.read(0)


def test_one_block_never_comes_to_the_disk(tmp_path: Path) -> None:
    with Scratch(tmp_path / "not there") as made:
        made.write(bytes(BLOCK))
        assert made.read(0) == bytes(BLOCK)


def test_what_is_begun_anew_has_another_key(tmp_path: Path) -> None:
    with Scratch(tmp_path) as made:
        held = []
        for _ in range(2):
            made.clear()
            made.write(2 * TEXT)
            held.append(on_disk(made))
            assert all_of(made) == 2 * TEXT
        assert held[0] != held[1]
        assert made.digest == blake2b(2 * TEXT, digest_size=32).digest()


def test_blocks_that_were_changed_or_swapped_are_not_read(tmp_path: Path) -> None:
    with Scratch(tmp_path) as made:
        made.write(3 * TEXT)
        assert made._file is not None
        first, second = on_disk(made)[: BLOCK + 16], on_disk(made)[BLOCK + 16 :][: BLOCK + 16]
        os.pwrite(made._file.fileno(), second + first, 0)
        for number in range(2):
            with pytest.raises(StorageFailed):
                made.read(number)


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "write", full)
    with Scratch(tmp_path) as made, pytest.raises(DiskFull):
        made.write(TEXT)


def test_a_disk_that_takes_little_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:7]))
    with Scratch(tmp_path) as made:
        made.write(3 * TEXT)
        assert all_of(made) == 3 * TEXT
