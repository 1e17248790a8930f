"""Results on one stream, narration on the other, drawings only on a terminal."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.cli.profiles import AS_SAID, Profiles, ask
from tests.cli.terminals import ESCAPE, PASSPHRASE, ROOT, WITHIN, Person, command, environment, run

pytestmark = pytest.mark.e2e

TABLE: Final = ROOT / "cellsync" / "casework" / "data" / "cases.csv"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, founded: Path) -> str:
    """A cell with a table of cases, for tests that only read."""
    profiles = Profiles(tmp_path_factory.mktemp("filled"), founded)
    ana = profiles.cell()
    ask(ana, "case", "import", str(TABLE))
    return ana


def test_a_bar_moves_only_on_a_terminal_that_can_move_it(profiles: Profiles) -> None:
    arguments = ("case", "import", "--dry-run", str(TABLE))
    ana = profiles.cell()
    drawn = {}
    for name, more in (("usual", {}), ("NO_COLOR", {"NO_COLOR": "1"})):
        with Person("--profile", ana, *arguments, **more) as person:
            person.answers("Passphrase:", PASSPHRASE)
            assert person.ends() == 0
            assert "would be created" in person.text
            drawn[name] = bool(ESCAPE.search(person.all.replace("\r", "")))
            assert "importing" not in person.text  # a bar goes when it is done
    assert drawn == {"usual": True, "NO_COLOR": False}
    done = run("--profile", ana, "--passphrase-fd", "0", *arguments, given=AS_SAID)
    assert (done.exit, "importing" in done.err) == (0, False)
    assert not ESCAPE.search(done.out + done.err)


def test_no_escape_sequences_without_a_terminal(filled: str) -> None:
    first = json.loads(ask(filled, "--json", "case", "list"))["cases"][0]["id"]
    for arguments in (
        ["case", "list", "--all"], ["case", "show", first], ["case", "log", first], ["graph", first],
        ["sync", "--timeout", "1"], ["case", "show", "nobody"], ["completion", "fish"],
    ):  # fmt: skip
        done = run("--profile", filled, "--passphrase-fd", "0", *arguments, given=AS_SAID)
        assert not ESCAPE.search(done.out + done.err), (arguments, done)
        assert done.out or done.err, arguments


def test_quiet_says_results_only(profiles: Profiles) -> None:
    ana = profiles.cell()
    for arguments, exit_code in (
        (["case", "new", "Tunnel"], 0), (["case", "list"], 0), (["status"], 0), (["peers"], 0),
        (["sync", "--timeout", "1"], 5),
    ):  # fmt: skip
        done = run("-q", "--profile", ana, "--passphrase-fd", "0", *arguments, given=AS_SAID)
        assert done.exit == exit_code, done
        assert "next:" not in done.out + done.err
        if exit_code == 0:
            assert done.out
            assert done.err == ""
        else:
            assert done.err.startswith("error: ")


def test_hints_at_the_next_step_are_no_results(profiles: Profiles) -> None:
    done = run("--profile", profiles.cell(), "--passphrase-fd", "0", "case", "list", given=AS_SAID)
    assert (done.out, done.err) == ("No cases.\n", '  next: cellsync case new "TITLE"\n')


def test_beginnings_of_ids_are_enough_if_they_are_of_one(filled: str) -> None:
    rows = json.loads(ask(filled, "--json", "case", "list"))["cases"]
    whole = rows[0]["id"]
    assert json.loads(ask(filled, "--json", "case", "show", rows[0]["short"]))["id"] == whole
    done = run("--profile", filled, "--passphrase-fd", "0", "case", "show", "no such case", given=AS_SAID)
    assert done.exit == 4
    assert done.err.startswith("error: ")


def test_two_of_the_same_title_are_told_apart(profiles: Profiles) -> None:
    ana = profiles.cell()
    short = [json.loads(ask(ana, "--json", "case", "new", "Tunnel"))["short"] for _ in range(2)]
    done = run("--profile", ana, "--passphrase-fd", "0", "case", "show", "Tunnel", given=AS_SAID)
    assert done.exit == 4
    assert all(one in done.err for one in short), done
    assert "error: " in done.err


def test_who_reads_results_may_leave(filled: str) -> None:
    """Nothing is said of it, wherever the pipe breaks: at once, or when the last of it is written out."""
    for arguments in (["case", "list", "--all"], ["--json", "case", "list"], ["status"]):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            done = subprocess.run(
                command("--profile", filled, "--passphrase-fd", "0", *arguments), input=AS_SAID.encode(), check=False,
                stdout=writer, stderr=subprocess.PIPE, timeout=WITHIN, env=environment(),
            )  # fmt: skip
        finally:
            os.close(writer)
        assert b"error" not in done.stderr, arguments
        assert b"Traceback" not in done.stderr, arguments
        assert done.returncode == 141, arguments


@pytest.mark.parametrize("where", ["before", "after", "environment"])
def test_options_stand_before_or_after_the_command(filled: str, where: str) -> None:
    options = ["--profile", filled, "--json", "--passphrase-fd", "0"]
    before = {"before": options, "after": [], "environment": options[2:]}[where]
    after = options if where == "after" else []
    variable = filled if where == "environment" else ""
    done = run(*before, "members", *after, given=AS_SAID, CELLSYNC_PROFILE=variable)
    assert done.exit == 0, done
    assert json.loads(done.out)["members"][0]["name"] == "Ana"
