"""Finding one's way: help, typing errors, completion; and that help costs no heavy imports."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest
from click.testing import CliRunner

from cellsync.cli.main import main
from tests.cli.profiles import HERE, Profiles, answers
from tests.cli.terminals import COLUMNS, ROOT, WITHIN, command, environment
from tests.patience import wait_until

HEAVY: Final = (
    "trio", "cryptography", "nacl", "apsw", "zeroconf", "rich", "hypercorn", "starlette", "msgspec", "segno", "spake2",
    "cellsync.cell", "cellsync.node", "cellsync.store.vault", "cellsync.daemon", "cellsync.casework", "cellsync.doctor",
)  # fmt: skip


def walk(found: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(found, click.Group):
        for name, inside in found.commands.items():
            yield from walk(inside, (*path, name))


def command_at(path: tuple[str, ...]) -> click.Command:
    found: click.Command = main
    for name in path:
        assert isinstance(found, click.Group)
        found = found.commands[name]
    return found


ALL: Final = tuple(walk(main))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_help_has_a_sentence_and_fits(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*path, "--help"], terminal_width=COLUMNS)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].startswith(" ".join(("Usage: cellsync", *path)))
    first = next(line for line in lines[1:] if line.startswith("  "))
    assert first.strip()[0].isupper()
    help_ = command_at(path).help
    assert help_
    assert "." in help_
    if path != ("demo",):  # has options of its own
        for option in ("--profile", "--json", "--quiet", "--verbose", "--passphrase-fd"):
            assert option in result.output


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_fits_into_80_columns(path: tuple[str, ...]) -> None:
    lines = CliRunner().invoke(main, [*path, "--help"], terminal_width=COLUMNS).output.splitlines()
    assert [line for line in lines if len(line) > COLUMNS] == []


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_no_line_of_a_list_of_commands_is_cut_off(path: tuple[str, ...]) -> None:
    listed = CliRunner().invoke(main, [*path, "--help"], terminal_width=COLUMNS).output.partition("\nCommands:")[2]
    assert bool(listed) == isinstance(command_at(path), click.Group)
    assert "..." not in listed


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_option_says_what_it_is(path: tuple[str, ...]) -> None:
    for parameter in command_at(path).params:
        if isinstance(parameter, click.Option):
            told = parameter.help or isinstance(parameter.type, click.Choice)
            assert told, parameter.name


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("statsu", "Did you mean 'status'?"),
        ("case shwo x", "Did you mean 'show'?"),
        ("peers pnig x", "Did you mean 'ping'?"),
        ("case new --kin x", "Did you mean '--kind'?"),
        ("--profil x status", "'--profile'"),
        ("fly", "error: No such command 'fly'."),
        ("init", "Missing argument 'CELL'"),
        ("init Mill --name", "'--name' requires an argument"),
        ("init \u00a0", "error: That cannot be the name of a cell"),
        ("join --name \x1b", "error: a name has 1 to 256 bytes"),
        ("join --lan loud --name Ben", "is not one of 'off', 'listen', 'asked', 'announce'"),
        ("unlock --for soon", "write 90s, 15m, 8h or off"),
        ("unlock --for 8d", "at most 7d"),
        ("sync --timeout 0", "is not in the range"),
        ("case edit x", "error: There is nothing to write."),
        ("case new --kind person", "error: There is nothing to write."),
        ("case new --set status", "error: That is not FIELD=VALUE."),
        ("case edit x --count parcels=many", "error: A counter takes a whole number."),
        ("case edit x --put roles=Vera", "error: That is not FIELD.KEY."),
        ("peers add ben 192.168.1.20", "error: That is not an address and a port."),
        ("peers add ben 192.168.1.20:65536", "error: That is not an address and a port."),
        ("join --address here --name Ben", "error: That is not an address and a port."),
        ("case import nowhere.csv", "does not exist"),
    ],
)
def test_a_slip_is_a_usage_error_with_a_hint(typed: str, meant: str, tmp_path: Path) -> None:
    arguments = typed.split(" ")
    result = CliRunner(env={"CELLSYNC_PROFILE": str(tmp_path)}).invoke(main, arguments)
    assert result.exit_code == 2, result.output
    assert meant in result.stderr
    assert result.stdout == ""
    printed = CliRunner(env={"CELLSYNC_PROFILE": str(tmp_path)}).invoke(main, ["--json", *arguments])
    assert printed.exit_code == 2
    said = json.loads(printed.stdout)["error"]
    assert said["exit"] == 2
    assert said["hint"]


def test_the_version_is_one_line() -> None:
    for arguments in (["--version"], ["--version", "fly"]):
        assert CliRunner().invoke(main, arguments).output.count("\n") == 1


# --- completion ----------------------------------------------------------------------------------------------


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["sta"], ["status"]),
        (["case", "im"], ["import"]),
        (["case", "edit", "--re"], ["--retract"]),
        (["init", "x", "--lan", "a"], ["asked", "announce"]),
    ],
)
def test_bash_completes(words: list[str], wanted: list[str], tmp_path: Path) -> None:
    """As bash does it: the printed script is read, then its function is called."""
    bash = shutil.which("bash")
    assert bash
    program = tmp_path / "cellsync"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m cellsync "$@"\n')
    program.chmod(0o755)
    script = (
        'script=$(cellsync completion bash) && bash -n <<<"$script" && eval "$script" && COMP_WORDS=(cellsync "$@")'
        ' && COMP_CWORD=$# && _cellsync_completion cellsync && printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        [bash, "-c", script, "-", *words], capture_output=True, text=True, timeout=WITHIN, check=False,
        env=environment(PATH=f"{tmp_path}:{os.environ['PATH']}"),
    )  # fmt: skip
    assert (done.stdout.split(), done.stderr) == (wanted, "")


# --- what it costs -------------------------------------------------------------------------------------------

LOOK: Final = f"""
import sys
from cellsync.cli.main import main
try:
    main(prog_name="cellsync")
finally:
    heavy = [name for name in {HEAVY!r} if name in sys.modules]
    print(*heavy, file=open(sys.argv[0] + ".imported", "w"))
"""


def imported(tmp_path: Path, *arguments: str) -> tuple[int, str]:
    """The exit code, and which heavy modules were imported."""
    look = tmp_path / "look.py"
    look.write_text(LOOK)
    done = subprocess.run(
        [sys.executable, str(look), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=WITHIN, check=False, env=environment(), cwd=ROOT,
    )  # fmt: skip
    return done.returncode, Path(f"{look}.imported").read_text().strip()


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), ("case", "edit", "--help"), ("fly",), ("daemon", "run", "--help")],
    ids=" ".join,
)  # fmt: skip
def test_help_imports_nothing_heavy(arguments: tuple[str, ...], tmp_path: Path) -> None:
    _, heavy = imported(tmp_path, *arguments)
    assert heavy == ""


@pytest.mark.e2e
def test_asking_a_daemon_imports_nothing_heavy(profiles: Profiles, tmp_path: Path) -> None:
    ana = profiles.cell()
    process = subprocess.Popen(
        command("--profile", ana, "-q", "daemon", "run", *HERE), stdin=subprocess.DEVNULL, env=environment()
    )
    try:
        wait_until(lambda: answers(Path(ana)), "the daemon answers")
        assert imported(tmp_path, "--profile", ana, "status") == (3, "")
        assert imported(tmp_path, "--profile", ana, "lock") == (0, "")
        assert imported(tmp_path, "--profile", ana, "daemon", "stop") == (0, "")
    finally:
        process.terminate()
        process.wait(WITHIN)
