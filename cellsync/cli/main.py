"""`cellsync`: the commands, and how each of them ends.

Every command is a light module that declares its parameters; the code that does the work is imported when it runs, to
keep `--help` fast.
"""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import suppress
from typing import Any, Final, NoReturn

import click

from cellsync.api.contract.problems import FAILED, INTERRUPTED, USAGE, Problem, problem_of
from cellsync.cli.commands.backup import backup, restore
from cellsync.cli.commands.cases import case, graph, list_, log, show
from cellsync.cli.commands.cell import init, lock, panic, status, unlock
from cellsync.cli.commands.circles import circle
from cellsync.cli.commands.daemon import daemon
from cellsync.cli.commands.devices import device
from cellsync.cli.commands.doctor import completion, doctor
from cellsync.cli.commands.edits import edit, new
from cellsync.cli.commands.forks import fork
from cellsync.cli.commands.help import help_
from cellsync.cli.commands.members import members
from cellsync.cli.commands.moves import move
from cellsync.cli.commands.pairing import invite, join
from cellsync.cli.commands.passphrase import passphrase
from cellsync.cli.commands.people import peers
from cellsync.cli.commands.quarantine import quarantine
from cellsync.cli.commands.recovery import recovery
from cellsync.cli.commands.settings import settings
from cellsync.cli.commands.syncing import sync, watch
from cellsync.cli.commands.tables import export, import_
from cellsync.cli.demo.command import demo
from cellsync.cli.interrupts import UNKNOWN, Abandoned
from cellsync.cli.options import Group, Options
from cellsync.cli.output import Unwritable, let_go, put, say
from cellsync.cli.terminal import Terminal
from cellsync.cli.words import many
from cellsync.core.errors import CellsyncError
from cellsync.core.plain import shown

_BROKEN_PIPE: Final = 141
_AS_JSON: Final = "cellsync.as_json"


class Commands(Group):
    """The group of all commands. Every outcome becomes an exit code, a sentence, and with --json an object."""

    def main(self, args: Any = None, prog_name: str | None = None, **extra: Any) -> Any:  # type: ignore[override]
        given = list(sys.argv[1:] if args is None else args)
        as_json = "--json" in given
        if not extra.pop("standalone_mode", True):
            return super().main(args, prog_name, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name, standalone_mode=False, **extra)
            _flush()
        except CellsyncError as error:
            _end(_for_people(problem_of(error), given), as_json)
        except click.exceptions.Exit as ended:
            sys.exit(ended.exit_code)
        except (click.Abort, KeyboardInterrupt, EOFError) as ended:
            hint = UNKNOWN if isinstance(ended.__cause__, Abandoned) else ""
            _end(Problem("interrupted", "interrupted", hint, INTERRUPTED), as_json)
        except click.exceptions.NoArgsIsHelpError as error:
            if as_json:
                _end(Problem("usage", "Missing command.", _help_of(error), USAGE), as_json)
            error.show()
            sys.exit(USAGE)
        except click.ClickException as error:
            _end(Problem("usage", error.format_message(), _help_of(error), USAGE), as_json)
        except BrokenPipeError:
            _nobody_reads()
        except Exception as error:
            if "--debug" in given:
                raise
            # Print only the type: the text of the exception may contain what people wrote.
            message = f"something went wrong in cellsync itself ({type(error).__name__})"
            _end(
                Problem("internal", message, "Please report it; --debug shows where, with all texts.", FAILED), as_json
            )
        sys.exit(code if isinstance(code, int) else 0)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_AS_JSON] = "--json" in args  # for --version, which ends before later options are parsed
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # caught before click, which would make it a failure
            _nobody_reads()


def _end(problem: Problem, as_json: bool = False) -> NoReturn:
    if as_json:
        with suppress(Unwritable):
            put(json.dumps(problem.as_json()))
    message, hint = shown(problem.message), shown(problem.hint)  # a command quotes what was typed, or pasted
    say(f"error: {message}" + (f"\n  hint: {hint}" if hint else ""))
    sys.exit(problem.exit)


_FOR_PROGRAMS: Final = "GET /v1/"  # beginning of hints that refer to the description of the local API
_FITS: Final = re.compile(r"Expected `str` of length (>=|<=) (\d+)")
_TOO: Final = {">=": "is empty", "<=": "is longer than {}"}
_WHERE: Final = re.compile(r"at `\$\.(\w+)")


def _for_people(problem: Problem, given: list[str]) -> Problem:
    """Reword a problem with a parameter, which the API describes for programs, for the person who typed the command."""
    if not problem.hint.startswith(_FOR_PROGRAMS):
        return problem
    field, fits = _WHERE.search(problem.message), _FITS.match(problem.message)
    fault = "does not fit" if fits is None else _TOO[fits[1]].format(many(int(fits[2]), "character"))
    what = f"What was given as {field[1]!r} {fault}." if field else f"Something in this command {fault}."
    return problem._replace(message=what, hint=f"{_named_in(given)} --help")


def _named_in(given: list[str]) -> str:
    """The command with its groups, without options and arguments."""
    found: click.Command = main
    path = ["cellsync"]
    for word in given:
        if isinstance(found, click.Group) and word in found.commands:
            found = found.commands[word]
            path.append(word)
    return " ".join(path)


def _help_of(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{context.command_path if context is not None else 'cellsync'} --help"


def _nobody_reads() -> NoReturn:
    """The reader of our output has gone away: `| head`."""
    let_go(sys.stdout)
    sys.exit(_BROKEN_PIPE)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from cellsync import __version__

        terminal = Terminal(Options(json=context.meta[_AS_JSON]))
        terminal.result(f"cellsync {__version__}")
        terminal.answer({"v": 1, "version": __version__})
        context.exit()


@click.group(cls=Commands, name="cellsync", context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="Show the version."
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show where an internal error happened.")
@click.pass_context
def main(context: click.Context) -> None:
    """Encrypted case logs for small cells, kept in step between trusted devices without any server.

    \b
    Exit codes: 0 ok, 1 failed, 2 usage, 3 locked or wrong passphrase,
    4 not found, 5 no peer or timeout, 6 verification failed, 7 not permitted,
    8 daemon absent or busy, 9 partly done, 130 interrupted.
    """
    if "NO_COLOR" in os.environ:
        context.color = False
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without Cyrillic is no reason to stop


for command in (
    init, invite, join, unlock, lock, panic, status, circle, members, device, quarantine, recovery, settings, case,
    graph, sync, peers, watch, backup, restore, passphrase, fork, daemon, doctor, demo, completion, help_,
):  # fmt: skip
    main.add_command(command)
for command in (new, edit, list_, show, log, move, import_, export):
    case.add_command(command)
