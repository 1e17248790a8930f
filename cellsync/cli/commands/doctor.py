"""doctor, and completion."""

from __future__ import annotations

from typing import Final

import click

from cellsync.api.contract.problems import PARTLY
from cellsync.cli.options import Command
from cellsync.cli.terminal import terminal_of
from cellsync.cli.words import many

_MARKS: Final = {"good": "✓", "warning": "⚠", "bad": "✗", "unknown": "?"}


@click.command(cls=Command, short_help="What is wrong here, and what helps.")
@click.option("--vault", is_flag=True, help="Also read every page and entry of the vault, and verify what is signed.")
@click.pass_context
def doctor(context: click.Context, vault: bool) -> None:
    """What is wrong with this machine, this profile's folder or this network, and what helps.

    Takes some seconds. With an open daemon it also looks whether the other devices can be reached. --vault takes a
    minute for 500,000 entries. Exit code 9 if something is wrong.
    """
    from cellsync.api.client import DaemonSilent
    from cellsync.cli.reach import daemon_of, profile_of
    from cellsync.profile.holder import Busy

    terminal = terminal_of(context)
    profile = profile_of(context)
    try:
        client = daemon_of(profile)
        silent = False
    except (DaemonSilent, Busy):
        client, silent = None, True
    if client is not None:
        answer = client.call("doctor")
    else:
        from cellsync.api.operations.examination import examine_here

        answer = examine_here(profile, silent=silent)
    if vault:
        answer["findings"].append(_vault(context))
    for found in answer["findings"]:
        terminal.result(f"{_MARKS[found['grade']]} {found['text']}")
        if found["hint"]:
            terminal.result(f"  try: {found['hint']}")
    terminal.answer(answer)
    if any(found["grade"] == "bad" for found in answer["findings"]):
        raise SystemExit(PARTLY)


def _vault(context: click.Context) -> dict[str, str]:
    """The finding after reading the whole vault."""
    from cellsync.api.contract.problems import problem_of
    from cellsync.cli.reach import opened
    from cellsync.core.errors import CellsyncError

    try:
        with opened(context) as client:
            audited = client.call("audit")
    except CellsyncError as error:
        problem = problem_of(error)
        if problem.code != "vault_damaged":
            raise
        return {"check": "vault_entries", "grade": "bad", "text": problem.message, "hint": problem.hint}
    entries, locked = audited["entries"], audited["locked"]
    text = f"Every page of the vault can be read, and all {entries:,} entries are what their authors signed."
    if locked:
        text += f" Left out: {many(locked, 'locked circle')}."
    return {"check": "vault_entries", "grade": "good", "text": text, "hint": ""}


@click.command(cls=Command, short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell; for bash: eval "$(cellsync completion bash)"."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError("no such shell")
    script = found(context.find_root().command, {}, "cellsync", "_CELLSYNC_COMPLETE").source()
    terminal = terminal_of(context)
    terminal.result(script, fit=False)
    terminal.answer({"v": 1, "script": script})
