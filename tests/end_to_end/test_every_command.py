"""Every command in every state of its daemon: it ends, says what helps, and never shows a traceback."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import click
import jsonschema
import pytest

from cellsync.cli.main import main
from docs.generate import PRINTS, commands
from tests.end_to_end.devices import ROOT
from tests.end_to_end.programs import Program, environment, programs
from tests.patience import PATIENCE

pytestmark = pytest.mark.e2e

ARGUMENTS: Final = {  # command: what it takes besides options
    "init": ["Mill Street", "--name", "ana"], "invite": [], "join": ["--name", "ben"], "unlock": [], "lock": [],
    "panic": [], "status": [], "circle create": ["Lawyers"], "circle list": [],
    "circle unlock": [], "circle lock": ["Lawyers"], "circle passphrase set": ["Lawyers"],
    "circle passphrase change": ["Lawyers"], "circle passphrase remove": ["Lawyers"],
    "members": [], "members why": ["ana"], "members remove": ["ana", "--confirm", "ana"],
    "members role": ["ana", "writer"], "members endorse": ["ana", "--yes"],
    "members contest": ["--yes", "--circle", "Mill Street"],
    "members leave": ["--confirm", "Mill Street", "--circle", "Mill Street"],
    "members tell": ["ana", "--circle", "Mill Street"],
    "members require": ["--circle", "Mill Street"], "quarantine list": [], "quarantine show": [],
    "quarantine release": ["ana", "--circle", "Mill Street"], "recovery use": ["--remove", "ana"],
    "settings": [], "settings show": [], "settings set": ["locks-after", "60", "--circle", "Mill Street"],
    "device link": ["--name", "Phone"], "device list": [], "device remove": ["Phone", "--confirm", "Phone"],
    "recovery show": [], "recovery replace": ["--lost", "--yes", "--circle", "Mill Street"],
    "graph": ["mill"], "sync": ["--timeout", "1"], "peers": [],
    "peers add": ["ben", "127.0.0.1:4000"], "peers ping": ["ben", "--timeout", "1"], "watch": [], "doctor": [],
    "case new": ["a case"], "case list": [], "case show": ["mill"], "case edit": ["mill", "--set", "status=closed"],
    "case log": ["mill"], "case move": ["mill", "--to", "Lawyers", "--items", "none", "--yes"],
    "case import": [str(ROOT / "cellsync" / "casework" / "data" / "cases.csv")],
    "case export": [], "backup": ["/nowhere/backup"], "fork list": [], "fork proof": ["4f2a", "/nowhere/proof"],
    "fork check": ["/dev/null"], "restore": ["/nowhere/backup"], "daemon run": [],
    "passphrase change": [], "passphrase rekey": [],
    "daemon install": ["--print"], "daemon stop": [], "completion": ["bash"], "help": ["case", "new"],
}  # fmt: skip
LEFT_OUT: Final = {
    "demo",
    "case",
    "circle",
    "circle passphrase",
    "daemon",
    "device",
    "fork",
    "passphrase",
    "quarantine",
    "recovery",
}  # has tests of its own; groups
ENDLESS: Final = {"watch", "invite", "device link", "daemon run"}  # where they work they go on: left out there
SCHEMA: Final = json.loads((ROOT / "docs" / "reference" / "commands.schema.json").read_text())

# state: exit codes that are right there, for commands that work with a cell
EXITS: Final = {
    "no vault, no daemon": {4},
    "no daemon, nobody to ask": {8},
    "locked": {3},
    "killed": {8},
    "frozen": {8},
}
OWN_EXITS: Final = {  # (command, state): another one is right
    ("unlock", "no vault, no daemon"): {8},
    ("unlock", "locked"): {2},
    **{(name, state): {2} for name in ("init", "join", "restore") for state in EXITS},
    **{(name, state): {0} for name in ("lock", "completion", "help", "daemon install") for state in EXITS},
    # What a file or a backup is to be made of, or put back from, is looked at first.
    **{(name, state): {2} for name in ("fork proof", "backup") for state in EXITS},
    ("backup", "no vault, no daemon"): {4}, ("restore", "no vault, no daemon"): {4},
    # These say themselves that a passphrase is missing, whether there is a daemon or not.
    **{(f"passphrase {name}", state): {2} for name in ("change", "rekey") for state in EXITS.keys() - {"frozen"}},
    **{(f"passphrase {name}", "no vault, no daemon"): {4} for name in ("change", "rekey")},
    ("lock", "frozen"): {8}, ("peers add", "locked"): {3},
    **{("doctor", state): {0, 9} for state in EXITS},
}  # fmt: skip
QUICK: Final = {"no daemon, nobody to ask", "locked", "frozen"}  # the others are tried in the long run
RUIN: Final = {"panic", "daemon stop", "daemon run"}  # they change the state; `test_daemons` has them


def test_every_command_is_here() -> None:
    assert {name for name, _ in commands()} - LEFT_OUT == ARGUMENTS.keys()
    assert isinstance(main, click.Group)


@pytest.fixture(params=[one if one in QUICK else pytest.param(one, marks=pytest.mark.slow) for one in EXITS])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Program]]:
    with programs(tmp_path, "ana") as [ana]:
        if request.param != "no vault, no daemon":
            ana.init()
        if request.param in ("locked", "killed", "frozen"):
            ana.start(unlocked=request.param == "frozen")
        if request.param == "killed":
            ana.send(signal.SIGKILL)
            ana.stop()
        if request.param == "frozen":
            ana.send(signal.SIGSTOP)
        yield request.param, ana


def run(one: Program, name: str, *options: str, stdin: int | None = subprocess.DEVNULL) -> tuple[str, int, str, str]:
    return name, *one.run_as_given(*name.split(), *ARGUMENTS[name], *options, stdin=stdin)


def test_every_command_without_anybody_to_ask(state: tuple[str, Program]) -> None:
    where, ana = state
    names = sorted(ARGUMENTS.keys() - RUIN - ({"doctor"} if where in QUICK else set()))  # it listens for seconds
    with ThreadPoolExecutor(24 if where == "frozen" else 2) as pool:
        results = list(pool.map(lambda name: run(ana, name, "--json"), names))
    for name, code, out, err in results:
        expected = OWN_EXITS.get((name, where), EXITS[where])
        assert code in expected, (where, name, code, out, err)
        assert "Traceback" not in err, (where, name, err)
        (line,) = out.splitlines()
        said = json.loads(line)
        assert said["v"] == 1
        if code in (0, 9):
            if name in PRINTS:
                jsonschema.validate(said, {**SCHEMA, "$ref": f"#/$defs/{name}"})
        else:
            jsonschema.validate(said, {**SCHEMA, "$ref": "#/$defs/error"})
            assert said["error"]["exit"] == code
            assert said["error"]["hint"]
            assert f"error: {said['error']['message']}" in err


def test_every_command_with_an_open_daemon_prints_what_is_published(tmp_path: Path) -> None:
    with programs(tmp_path, "ana") as [ana]:
        ana.init()
        ana.start()
        ana.json("case", "new", "12 Mill St")
        for name in sorted(ARGUMENTS.keys() - RUIN - ENDLESS - {"init", "join", "unlock", "lock", "doctor"}):
            _, code, out, err = run(ana, name, "--json")
            (line,) = out.splitlines()
            said = json.loads(line)
            schema = name if code in (0, 9) else "error"
            if name in PRINTS or schema == "error":
                jsonschema.validate(said, {**SCHEMA, "$ref": f"#/$defs/{schema}"})
            lonely = {
                "sync": 5, "peers add": 4, "peers ping": 4, "case export": 7, "backup": 2, "restore": 2,
                "fork proof": 2, "fork check": 6, "passphrase change": 2, "passphrase rekey": 2,
                "recovery use": 2, "device remove": 4,
                "case move": 4,
                "circle unlock": 2, "circle lock": 2, "circle passphrase set": 2, "circle passphrase change": 2,
                "circle passphrase remove": 2,
            }  # fmt: skip
            if name.startswith(("members ", "quarantine ", "settings ")):  # of one who is alone, most of it is refused
                assert code in (0, 2, 4, 7), (name, code, err)
                continue
            assert code == lonely.get(name, code if name == "doctor" else 0), (name, code, err)


@pytest.mark.parametrize("name", ["status", "init", "panic"])
def test_with_closed_descriptors(tmp_path: Path, name: str) -> None:
    """As a cron job or a broken pipe leaves them: it neither hangs nor falls over."""
    with programs(tmp_path, "ana") as [ana]:
        command = ana.command(*name.split(), *ARGUMENTS[name])
        done = subprocess.run(
            ["bash", "-c", 'exec "$@" <&- >&- 2>&-', "-", *command], timeout=PATIENCE, check=False, env=environment()
        )
        assert done.returncode in (0, 1, 2, 4, 8, 9)


def test_global_options_stand_anywhere(tmp_path: Path) -> None:
    with programs(tmp_path, "ana") as [ana]:
        folder = str(ana.profile.folder)
        launch = ana.command()[:2]
        for arguments in (
            ["--profile", folder, "--json", "status"], ["status", "--profile", folder, "--json"],
            ["--json", "peers", "ping", "ben", "--profile", folder],
        ):  # fmt: skip
            done = subprocess.run([*launch, *arguments], capture_output=True, text=True, env=environment(), check=False)
            assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (4, "vault_missing")
        variable = environment(CELLSYNC_PROFILE=folder)
        done = subprocess.run([*launch, "status"], capture_output=True, text=True, env=variable, check=False)
        assert done.returncode == 4


def test_whoever_reads_may_leave(tmp_path: Path) -> None:
    with programs(tmp_path, "ana") as [ana]:
        command = " ".join(map(str, ana.command("case", "edit", "--help")))
        done = subprocess.run(
            ["bash", "-c", f"{command} | head -n 1"], capture_output=True, text=True, check=False, env=environment()
        )
        assert done.stdout.startswith("Usage: ")
        assert done.stderr == ""
