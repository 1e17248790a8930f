"""Sockets at which one user's programs find each other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cellsync.system.posix import local_sockets


@pytest.mark.parametrize("length", [1, 90, 108, 200])
def test_whoever_may_enter_the_folder_is_heard(tmp_path: Path, length: int) -> None:
    path = tmp_path / ("l" * length) / "socket"
    path.parent.mkdir()
    mask = os.umask(0o027)
    try:
        with local_sockets.listen(path, 1) as listening, local_sockets.connect(path, 5) as line:
            assert path.stat().st_mode & 0o777 == 0o600
            line.sendall(b"knock")
            listening.setblocking(True)
            with listening.accept()[0] as inside:
                assert inside.recv(5) == b"knock"
    finally:
        assert os.umask(mask) == 0o027  # what it was before the socket was made


def test_a_name_that_is_taken_is_not_replaced(tmp_path: Path) -> None:
    with local_sockets.listen(tmp_path / "socket", 1), pytest.raises(OSError, match="in use"):
        local_sockets.listen(tmp_path / "socket", 1)


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        local_sockets.connect(tmp_path / "socket", 5)
