"""Where the output goes: full disks, an early Ctrl-C, one form for all errors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from cellsync import __version__
from cellsync.cli.main import main
from cellsync.cli.words import presence, seen
from cellsync.ledger.pause import THRESHOLDS
from tests.cli.profiles import AS_SAID, Profiles
from tests.cli.terminals import ROOT, WITHIN, command, environment, run

EARLY: Final = """
import os, signal, sys
class Finder:
    def find_spec(self, name, *_):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
from cellsync.__main__ import start
start()
"""


@pytest.mark.parametrize("loading", ["click", "cellsync.cli.main", "cellsync.cli.commands.help"])
def test_ctrl_c_while_the_program_loads_is_an_interruption(loading: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EARLY, loading], capture_output=True, text=True, timeout=WITHIN, check=False,
        env=environment(), cwd=ROOT,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: interrupted\n")


COLLECTOR: Final = """
import atexit, gc
atexit.register(lambda: print(gc.get_threshold(), gc.get_freeze_count() > 10_000))
from cellsync.__main__ import start
start()
"""


def test_a_command_does_not_look_for_cycles_in_what_it_has_loaded() -> None:
    """Neither often while it loads, nor once more at its end."""
    done = subprocess.run(
        [sys.executable, "-c", COLLECTOR, "--version"], capture_output=True, text=True, timeout=WITHIN, check=False,
        env=environment(), cwd=ROOT,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"cellsync {__version__}", f"{THRESHOLDS} True"]


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["case", "show", "--help"], ["help"], ["completion", "bash"]], ids=" ".join
)
def test_a_full_disk_behind_the_output_is_named(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command(*arguments), stdout=full, stderr=subprocess.PIPE, text=True, timeout=WITHIN, check=False,
            env=environment(),
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: The output cannot be written: No space left on device.\n  hint: ")


@pytest.mark.e2e
def test_what_is_said_besides_keeps_no_command_from_its_work(profiles: Profiles) -> None:
    ana = profiles.cell()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("--profile", ana, "--passphrase-fd", "0", "case", "new", "Parcel"), input=AS_SAID, text=True,
            stdout=subprocess.PIPE, stderr=full, timeout=WITHIN, check=False, env=environment(),
        )  # fmt: skip
    assert (done.returncode, done.stdout[:1]) == (0, "✓")


@pytest.mark.parametrize(
    ("arguments", "said", "hint"),
    [
        (["fly"], "No such command 'fly'.", "cellsync --help"),
        (["case", "new", "--kin", "x"], "No such option '--kin'. Did you mean '--kind'?", "cellsync case new --help"),
        (["help", "cas"], "No such command 'cas'. Did you mean 'case'?", "cellsync --help"),
        (["case", "edit"], "Missing argument 'CASE'.", "cellsync case edit --help"),
    ],
)
def test_every_error_has_the_same_form(arguments: list[str], said: str, hint: str) -> None:
    result = CliRunner().invoke(main, arguments, prog_name="cellsync")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"error: {said}\n  hint: {hint}\n"
    printed = CliRunner().invoke(main, [*arguments, "--json"], prog_name="cellsync").stdout
    assert json.loads(printed) == {"v": 1, "error": {"code": "usage", "message": said, "hint": hint, "exit": 2}}


@pytest.mark.parametrize("arguments", [["--version", "--json"], ["--json", "--version"]])
def test_the_version_as_an_object(arguments: list[str]) -> None:
    assert json.loads(CliRunner().invoke(main, arguments).stdout) == {"v": 1, "version": __version__}


def test_help_is_also_a_command() -> None:
    for words in ([], ["case"], ["case", "new"]):
        asked = CliRunner().invoke(main, ["help", *words], prog_name="cellsync")
        assert asked.exit_code == 0
        assert asked.stdout == CliRunner().invoke(main, [*words, "--help"], prog_name="cellsync").stdout


def test_nobody_is_seen_never_seen() -> None:
    assert seen({"last_seen": None}) == "never seen"
    assert seen({"last_seen": "2026-03-01T10:00:00+00:00"}).startswith("seen ")
    unknown = {
        "connected": False,
        "last_seen": None,
        "version": "",
        "in_step_now": False,
        "lacks": 0,
        "lacks_of_others": 0,
        "suspended": False,
    }
    assert presence({**unknown, "owes": 0, "in_step": None}) == "never seen · not known to be in step"


@pytest.mark.e2e
def test_a_stopped_daemon_is_what_is_missing_where_nobody_can_be_asked(profiles: Profiles) -> None:
    done = run("--profile", profiles.cell(), "status")
    assert done.exit == 8
    assert "cellsync daemon run" in done.err
    assert "--passphrase-fd" in done.err
