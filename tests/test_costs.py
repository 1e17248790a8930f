from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
TESTS: Final = """\
    import subprocess, sys, time
    import pytest
    from tests import costs
    costs.MOST = 0.5
    costs.BUDGET = 1
    WORK = "import time\\nwhile time.process_time() < 1: pass"

    def test_waits(): time.sleep(0.6)
    def test_works(): exec(WORK.replace("< 1", f"< {time.process_time() + 1}"))
    def test_lets_others_work(): subprocess.run([sys.executable, "-c", WORK])
    @pytest.mark.slow
    def test_may_work(): subprocess.run([sys.executable, "-c", WORK])
    """


@pytest.mark.e2e
def test_what_works_for_too_long_fails_and_what_waits_does_not(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(dedent(TESTS))
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.costs", "-p", "no:cacheprovider", "-rA"], cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = [line.split(" - ")[0] for line in done.stdout.splitlines()]
    for name in ("waits", "works", "lets_others_work", "may_work"):
        assert f"PASSED test_it.py::test_{name}" in said
        too_much = f"ERROR test_it.py::test_{name}" in said
        assert too_much == (name in ("works", "lets_others_work")), done.stdout
    assert "mark it slow, or let it do less" in done.stdout
    assert re.search(r"\n\d seconds of processor time; make test may take 1: \d TOO MANY\n", done.stdout), done.stdout
