"""The daemon's work, from when it says that it is ready until a signal ends it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE

PROGRAM = """
import signal, sys
from pathlib import Path
from cellsync.daemon.start import run
from cellsync.profile.profile import Profile, Settings
run(Profile(Path(sys.argv[1])), Settings(), None, 0, lambda _: signal.raise_signal(signal.Signals[sys.argv[2]]))
print("ended")
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_whoever_hears_that_it_is_ready_may_end_it_at_once(tmp_path: Path, name: str) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "profile"), name]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert (ended.returncode, ended.stdout) == (0, "ended\n"), ended.stderr
