"""Files of POSIX: their owners, and the holders of their locks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellsync.system.posix import files


@pytest.fixture(autouse=True)
def _a_mask_that_takes_nothing_away() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_what_is_made_is_for_its_owner_only(tmp_path: Path) -> None:
    files.make_folder(tmp_path / "folder")
    os.close(files.open_private(tmp_path / "new", new=True))
    os.close(files.open_private(tmp_path / "wanted", new=False))
    assert [mode(tmp_path / name) for name in ("folder", "new", "wanted")] == [0o700, 0o600, 0o600]
    assert files.is_private(tmp_path / "folder")


@pytest.mark.parametrize("others", [0o001, 0o010, 0o020, 0o070, 0o077])
def test_a_folder_that_others_may_enter_can_be_closed(tmp_path: Path, others: int) -> None:
    tmp_path.chmod(0o700 | others)
    assert not files.is_private(tmp_path)
    files.make_private(tmp_path)
    assert files.is_private(tmp_path)
    assert mode(tmp_path) == 0o700


def test_a_folder_of_somebody_else_is_not_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    assert not files.is_private(tmp_path)


def test_a_new_file_replaces_none(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("what somebody wrote")
    with pytest.raises(FileExistsError):
        files.open_private(tmp_path / "there", new=True)
    descriptor = files.open_private(tmp_path / "there", new=False)
    assert os.read(descriptor, 99) == b"what somebody wrote"
    os.close(descriptor)


def test_a_lock_is_one_descriptor_s_until_it_is_closed(tmp_path: Path) -> None:
    first, second = (files.open_private(tmp_path / "file", new=False) for _ in range(2))
    assert files.lock(first)
    assert not files.lock(second)
    os.close(first)
    assert files.lock(second)
    os.close(second)


def test_a_folder_has_one_lock_and_nothing_stays_open(tmp_path: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    held = files.lock_folder(tmp_path)
    assert held is not None
    assert files.lock_folder(tmp_path) is None
    os.close(held)
    assert len(os.listdir("/dev/fd")) == before
    with pytest.raises(NotADirectoryError):
        files.lock_folder(Path(__file__))


def test_memory_is_where_nothing_else_is_mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    monkeypatch.setattr(files, "_SHARED_MEMORY", tmp_path)
    monkeypatch.setattr(files, "_MOUNTS", mounts)
    for kinds, known in ((["tmpfs"], True), (["ramfs"], True), (["tmpfs", "ext4"], False), ([], False)):
        mounts.write_text("proc /proc proc rw 0 0\n" + "".join(f"x {tmp_path} {kind} rw 0 0\n" for kind in kinds))
        found = files.memory()
        assert (found is not None) is known
        if found is not None:
            assert found.folder == tmp_path.resolve()
            assert 0 < found.free <= shutil.disk_usage(tmp_path).free + (64 << 20)  # others write there too
    mounts.unlink()
    assert files.memory() is None


def test_what_can_be_written_to_is_not_read_only(tmp_path: Path) -> None:
    assert not files.is_read_only(tmp_path)
