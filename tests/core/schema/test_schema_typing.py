"""mypy --strict and pyright find exactly the mistakes in the examples."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "typed"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The good and the bad file; the bad one rests under another name, so that nobody checks it by accident."""
    (tmp_path / "good.py").write_text((HERE / "good.py").read_text())
    (tmp_path / "bad.py").write_text((HERE / "bad.py.txt").read_text())
    return tmp_path


def wrong_lines(project: Path) -> list[int]:
    lines = (project / "bad.py").read_text().splitlines()
    return [number for number, line in enumerate(lines, 1) if line.endswith("# wrong")]


@pytest.mark.e2e
def test_mypy_finds_the_mistakes_and_nothing_else(project: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(project / "cache"),
         "--follow-imports=silent", "good.py", "bad.py"],
        cwd=project, env={**os.environ, "MYPYPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = [line for line in run.stdout.splitlines() if ": error:" in line]
    assert [line for line in found if not line.startswith("bad.py:")] == []
    numbers = {int(match[1]) for line in found if (match := re.match(r"bad\.py:(\d+):", line))}
    assert sorted(numbers) == wrong_lines(project)


@pytest.mark.e2e
def test_pyright_finds_the_mistakes_and_nothing_else(project: Path) -> None:
    settings = {"include": ["."], "extraPaths": [str(ROOT)], "typeCheckingMode": "standard"}
    (project / "pyrightconfig.json").write_text(json.dumps(settings))
    run = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(project)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = [one for one in json.loads(run.stdout)["generalDiagnostics"] if one["severity"] == "error"]
    assert [one["message"] for one in found if Path(one["file"]).name != "bad.py"] == []
    assert sorted({one["range"]["start"]["line"] + 1 for one in found}) == wrong_lines(project)
