"""The suite under a runner that ignores signals: started with `nohup`, or by a script in the background."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
SIGNALS: Final = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM")
LOOK: Final = f"""\
import signal
print(*(signal.getsignal(getattr(signal, name)) == signal.SIG_IGN for name in {SIGNALS}))
"""
RUNNER: Final = f"""\
import os, signal, subprocess, sys
import tests.conftest
for name in {SIGNALS}:
    os.kill(os.getpid(), getattr(signal, name))  # the runner itself goes on ignoring it
print(subprocess.run([sys.executable, "-c", {LOOK!r}], capture_output=True, text=True, check=True).stdout)
"""


@pytest.mark.e2e
@pytest.mark.parametrize(("program", "ignored"), [(LOOK, "True True True True"), (RUNNER, "False False False False")])
def test_what_tests_start_can_be_ended_whatever_the_runner_ignores(program: str, ignored: str) -> None:
    done = subprocess.run(
        ["sh", "-c", 'trap "" HUP INT QUIT TERM; exec "$@"', "-", sys.executable, "-c", program],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == ignored
