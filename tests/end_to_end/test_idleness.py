"""The stopwatch of `idleness`: it counts the time that a process waits, and not the time that it computes."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tests.end_to_end.idleness import Idleness

pytestmark = pytest.mark.e2e

SECONDS = 1.0
SLEEP = f"import time; time.sleep({SECONDS})"
WORK = f"import time; until = time.process_time() + {SECONDS}\nwhile time.process_time() < until: pass"


@pytest.mark.parametrize(("program", "counts"), [(SLEEP, True), (WORK, False)])
def test_only_what_it_waits_for_counts(program: str, counts: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", f"print(flush=True)\n{program}"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        idle = Idleness([process.pid])
        while process.poll() is None:
            idle.look()
            time.sleep(0.01)
    assert (idle.seconds > SECONDS * 0.8) is counts
