"""help: the same as --help, for those who try the word first."""

from __future__ import annotations

import click

from cellsync.cli.options import Command
from cellsync.cli.terminal import terminal_of


@click.command("help", cls=Command, short_help="Explain a command.")
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
@click.pass_context
def help_(context: click.Context, words: tuple[str, ...]) -> None:
    """Explain a command, as --help after it does: cellsync help case new. Without a command, list them all."""
    found = context.find_root()
    for word in words:
        group = found.command
        name, command = (None, None) if not isinstance(group, click.Group) else group.resolve_command(found, [word])[:2]
        if command is None:
            raise click.UsageError(f"No such command '{word}'.", found)
        found = click.Context(command, info_name=name, parent=found)
    terminal = terminal_of(context)
    text = found.get_help()
    terminal.result(text, fit=False)
    terminal.answer({"v": 1, "help": text})
