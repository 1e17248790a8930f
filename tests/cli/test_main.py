from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cellsync import __version__
from cellsync.cli import reach
from cellsync.cli.main import main
from cellsync.core.errors import InvalidValue

ROOT = Path(__file__).parent.parent.parent


def test_help_names_every_command() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert "demo" in result.output


def test_version() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.output) == (0, f"cellsync {__version__}\n")


def test_unknown_command_is_a_usage_error() -> None:
    assert CliRunner().invoke(main, ["fly"]).exit_code == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--kind", "hering"], "error: '--kind' has no such choice\n  hint: Did you mean 'hearing'?"),
        (["--date", "2024-13"], "error: '--date' is a date that no calendar has\n"),
        (["--kind", "hearing", "--date", "soon"], "error: '--date' is not a date\n  hint: Write 2024-05-03, "),
        (["--kind", "hearing", "--field", "legal_notes"], "error: --kind and --date are for the timeline.\n"),
    ],
)
def test_a_line_that_cannot_be_written_is_named_by_its_options(given: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["case", "log", "parcel", "--write", "x", *given])
    assert (result.exit_code, result.stderr[: len(message)]) == (2, message)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("Expected `str` of length >= 1 - at `$.case`", "What was given as 'case' is empty."),
        ("Expected `str` of length <= 256 - at `$.kind`", "What was given as 'kind' is longer than 256 characters."),
        (
            "Expected `str` of length <= 1 - at `$.delimiter`",
            "What was given as 'delimiter' is longer than 1 character.",
        ),
        ("Expected `int` <= 20000 - at `$.limit`", "What was given as 'limit' does not fit."),
        ("There is nothing at this path.", "Something in this command does not fit."),
    ],
)
def test_what_programs_are_told_is_said_to_people_in_words(
    told: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise InvalidValue(told, hint="GET /v1/openapi.json says what is expected.")

    monkeypatch.setattr(reach, "opened", refuse)
    result = CliRunner().invoke(main, ["--profile", "show", "case", "show", "parcel"])
    assert (result.exit_code, result.stderr) == (2, f"error: {said}\n  hint: cellsync case show --help\n")


def test_commands_import_what_they_need_only_when_they_run() -> None:
    look = "import sys, cellsync.cli.main; print(sorted({'rich', 'cellsync.casework'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", look], cwd=ROOT, check=True, capture_output=True, text=True)
    assert shown.stdout == "[]\n"


def test_module_is_the_command() -> None:
    command = [sys.executable, "-m", "cellsync", "demo", "--help"]
    shown = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert shown.stdout.startswith("Usage: cellsync demo [OPTIONS]\n")
