"""Ctrl-C: a job that a command has started in a daemon ends with it, and the command says what was done until then."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cellsync.api.contract import shapes
from cellsync.api.contract.problems import Cancelled, problem_of
from cellsync.cli.interrupts import UNKNOWN
from tests.scenarios.versions.test_commands import Canned, filled, run

SAID = "The import was cancelled. 50 cases were created and 0 updated; they stay. 30 rows were not reached."


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def ctrl_c_twice() -> None:
    ctrl_c()
    ctrl_c()


class Importing:
    """An import that does nothing but wait, and is cancelled when that is asked for."""

    def __init__(self, **at: Callable[[], None]) -> None:
        self.asked: list[str] = []
        self._at = at

    def call(self, operation: str, **_: Any) -> dict[str, Any]:
        self.asked.append(operation)
        self._at.get(operation.replace(".", "_"), lambda: None)()
        over = operation == "import.cancel"
        error = problem_of(Cancelled(SAID, hint="The same table again does the rest."))._asdict() if over else None
        return filled(
            shapes.Importing, v=1, job="a1", step=1, state="failed" if over else "running", done=50, total=80,
            created=50, updated=0, unchanged=0, left_out=0, unread=0, problems=[], columns={}, ignored=[],
            header_line=1, id_column="external_id", alike=[], notices=[], nameless=[], renamed=[], error=error,
        )  # fmt: skip


@pytest.fixture
def table(tmp_path: Path) -> str:
    (tmp_path / "cases.csv").write_text("external_id,name\nVR-1,Vera\n")
    return str(tmp_path / "cases.csv")


@pytest.mark.parametrize("when", ["import_", "import_show"])
def test_an_import_is_cancelled_and_says_what_it_wrote(monkeypatch: pytest.MonkeyPatch, table: str, when: str) -> None:
    """Also if it comes while the import is being started: then nobody knows its number yet."""
    cell = Importing(**{when.rstrip("_"): ctrl_c})
    done = run(monkeypatch, cell, "case", "import", table)
    assert (done.exit_code, cell.asked[-1]) == (130, "import.cancel")
    assert SAID in done.stderr
    assert "The same table again does the rest." in done.stderr
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_does_not_wait(monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    cell = Importing(import_show=ctrl_c, import_cancel=ctrl_c)
    done = run(monkeypatch, cell, "case", "import", table)
    assert (done.exit_code, cell.asked.count("import.cancel")) == (130, 1)
    twice = Importing(**{"import": ctrl_c_twice})
    assert run(monkeypatch, twice, "case", "import", table).exit_code == 130
    assert twice.asked == ["import"]


def test_an_import_that_was_done_before_is_done(monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    class Done(Importing):
        def call(self, operation: str, **given: Any) -> dict[str, Any]:
            answer = super().call(operation, **given)
            return answer | {"state": "done", "error": None} if operation == "import.cancel" else answer

    done = run(monkeypatch, Done(import_show=ctrl_c), "case", "import", table)
    assert done.exit_code == 0
    assert "50 cases created" in done.stdout


def test_a_sync_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    class Syncing(Canned):
        asked: list[str] = []  # noqa: RUF012

        def call(self, operation: str, **given: Any) -> dict[str, Any]:
            if operation == "circles":
                return {"v": 1, "circles": []}
            self.asked.append(operation)
            if operation == "sync.show":
                ctrl_c()
            return {"job": "a1", "state": "running", "step": 1, "peers": []}

    done = run(monkeypatch, Syncing([]), "sync")
    assert (done.exit_code, Syncing.asked) == (130, ["sync", "sync.show", "sync.cancel"])


class Writing:
    """A cell in which Ctrl-C comes while something is being written, or a moment later."""

    def __init__(self, *, times: int = 1, after: bool = False) -> None:
        self.done = ""
        self._times, self._after = times, after

    def call(self, operation: str, **_: Any) -> dict[str, Any]:
        if not self._after:
            self.interrupt()
        self.done = operation
        written = {"short": "4f2a", "title": "Vera", "written": True, "alike": [], "taken": [], "doubts": []}
        backed_up = {"at": "2026-03-01T09:58:00+00:00", "changes": 3, "size": 9_000, "locked": 0}
        if self._after:
            self.interrupt()
        return {"v": 1, **(backed_up if operation == "backup" else written)}

    def interrupt(self) -> None:
        for _ in range(self._times):
            ctrl_c()


WRITES = [
    ("case.new", "✓ 4f2a  Vera", ["case", "new", "Vera"]),
    ("case.edit", "✓ 4f2a  Vera", ["case", "edit", "4f2a", "--set", "status=active"]),
    ("backup", "✓ Backed up: 3 changes", ["backup", "elsewhere"]),
]


@pytest.mark.parametrize(("operation", "said", "command"), WRITES, ids=[name for name, *_ in WRITES])
@pytest.mark.parametrize("after", [False, True], ids=["meanwhile", "after"])
def test_what_has_begun_to_be_written_is_seen_through(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, operation: str, said: str, command: list[str], after: bool
) -> None:
    """It said "interrupted" of what was written all the same."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CELLSYNC_PROFILE", str(tmp_path / "profile"))
    cell = Writing(after=after)
    done = run(monkeypatch, cell, *command)
    assert (done.exit_code, cell.done) == (0, operation), done.stderr
    assert said in done.stdout
    assert "Finishing what has begun." in done.stderr
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_who_does_not_wait_is_told_that_the_end_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Writing(times=2)
    done = run(monkeypatch, cell, "case", "new", "Vera")
    assert (done.exit_code, cell.done) == (130, "")
    assert UNKNOWN in done.stderr
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
