"""The hello-world of the README: it runs, it is short, and type checkers find the mistakes that people make in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.patience import PATIENCE

ROOT: Final = Path(__file__).parents[2]
HELLO: Final = ROOT / "examples" / "hello.py"
PRINTS: Final = "Ana status court date set\nAna notes hearing 3 May\n"
MOST_LINES: Final = 30


class Mistake(NamedTuple):
    """One slip of the hand: what stands in the example, and what somebody typed instead."""

    right: str
    wrong: str


MISTAKES: Final = {
    "a field that is not there": Mistake("draft.status =", "draft.statuss ="),
    "a wrong type in an assignment": Mistake('draft.status = "court date set"', "draft.status = 3"),
    "a wrong type at creation": Mistake('status="open"', "status=3"),
    "an unknown field at creation": Mistake('status="open"', 'state="open"'),
    "a wrong type in a log": Mistake('append("hearing 3 May")', "append(3)"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example as it is, and one copy for each mistake: `hello.py`, `mistake_0.py`, …"""
    folder = tmp_path_factory.mktemp("hello")
    text = HELLO.read_text()
    (folder / "hello.py").write_text(text)
    for number, mistake in enumerate(MISTAKES.values()):
        assert text.count(mistake.right) == 1, f"the example has changed: {mistake.right}"
        (folder / f"mistake_{number}.py").write_text(text.replace(mistake.right, mistake.wrong))
    return folder


def expected(project: Path) -> set[tuple[str, int]]:
    """File and line of each mistake."""
    found = set()
    for number, mistake in enumerate(MISTAKES.values()):
        name = f"mistake_{number}.py"
        lines = (project / name).read_text().splitlines()
        found |= {(name, at) for at, line in enumerate(lines, 1) if mistake.wrong in line}
    return found


@pytest.mark.e2e
def test_it_runs_and_prints_what_the_readme_shows() -> None:
    run = subprocess.run(
        [sys.executable, str(HELLO)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    key, _, rest = run.stdout.partition("\n")
    assert (run.returncode, rest, run.stderr) == (0, PRINTS, "")
    assert re.fullmatch(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){12}", key)  # the recovery key, to be written down


@pytest.mark.e2e
def test_it_is_short() -> None:
    assert sum(bool(line.strip()) for line in HELLO.read_text().splitlines()) <= MOST_LINES


@pytest.mark.e2e
def test_the_readme_shows_it_word_for_word() -> None:
    readme = ROOT / "README.md"
    assert readme.is_file(), "there is no README.md yet; it shows examples/hello.py in a fenced python block"
    blocks = re.findall(r"^```python\n(.*?)^```$", readme.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert HELLO.read_text() in blocks


@pytest.mark.e2e
def test_mypy_accepts_it_and_finds_each_mistake(project: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(project / "cache"),
         "--follow-imports=silent", *sorted(file.name for file in project.glob("*.py"))],
        cwd=project, env={**os.environ, "MYPYPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = re.findall(r"^(\w+\.py):(\d+): error:", run.stdout, re.MULTILINE)
    assert {(name, int(line)) for name, line in found} == expected(project), run.stdout + run.stderr


@pytest.mark.e2e
def test_pyright_accepts_it_and_finds_each_mistake(project: Path) -> None:
    settings = {"include": ["*.py"], "extraPaths": [str(ROOT)], "typeCheckingMode": "standard"}
    (project / "pyrightconfig.json").write_text(json.dumps(settings))
    run = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(project)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = [one for one in json.loads(run.stdout)["generalDiagnostics"] if one["severity"] == "error"]
    places = {(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in found}
    assert places == expected(project), run.stdout
