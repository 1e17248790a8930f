"""The port, and a system without an implementation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cellsync import system

UNKNOWN = """
import os, sys
for name in ("fcntl", "grp", "pwd", "resource", "termios", "pty", "tty"):
    sys.modules[name] = None  # as where there are none
from cellsync import system
system.FOLDERS.clear()
from cellsync.cli.main import main
main(prog_name="cellsync")
"""


def on_an_unknown_system(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", UNKNOWN, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_every_part_is_there() -> None:
    assert [part for part in system.PARTS if isinstance(getattr(system, part), system.Missing)] == []
    with pytest.raises(AttributeError):
        _ = system.no_such_part  # type: ignore[attr-defined]


@pytest.mark.parametrize("part", system.PARTS)
def test_a_part_that_is_missing_says_what_cannot_be_done(part: str) -> None:
    missing = system.Missing(part)
    with pytest.raises(system.NotOnThisSystem, match=system.PARTS[part]) as caught:
        _ = missing.anything
    assert caught.value.code == "not_on_this_system"
    assert "Linux or macOS" in caught.value.hint


def test_a_command_says_that_it_does_not_run_on_this_system(tmp_path: Path) -> None:
    done = on_an_unknown_system("--profile", str(tmp_path), "status")
    assert (done.returncode, done.stdout) == (1, "")
    error, hint = done.stderr.splitlines()
    assert error.startswith(f"error: On this system ({sys.platform}) this version of cellsync cannot ")
    assert hint == "  hint: Use it on Linux or macOS. Nothing was changed here."
    assert list(tmp_path.iterdir()) == []


def test_help_needs_no_system() -> None:
    assert on_an_unknown_system("--help").returncode == 0
