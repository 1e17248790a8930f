"""backup and restore."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import click

from cellsync.cli.interrupts import see_through
from cellsync.cli.options import Command
from cellsync.cli.terminal import terminal_of
from cellsync.cli.words import line, many, put_back, size


@click.command(cls=Command, short_help="Copy the cell into a folder, encrypted.")
@click.argument("to", metavar="TO")
@click.pass_context
def backup(context: click.Context, to: str) -> None:
    """Copy the cell as it is now into the new folder TO, on a stick, say.

    The copy is encrypted, opens with today's passphrase, and has been read back from end to end when this says so. The
    cell can be open and in use meanwhile. Nothing is overwritten: name a folder that is not there yet.

    \b
    cellsync backup /media/stick/mill-street-2026-12-01
    """
    from cellsync.cli.reach import opened, profile_of
    from cellsync.store.backup import free_place

    terminal = terminal_of(context)
    place = Path(to).expanduser().absolute()
    profile = profile_of(context)
    if profile.exists:  # checked before the passphrase is asked for
        free_place(place, profile.vault)
    with opened(context, writes=True) as client:
        see_through(context, terminal)
        answer = client.call("backup", to=str(place))
    terminal.result(
        f"✓ Backed up: {many(answer['changes'], 'change')}, {size(answer['size'])}, read back and whole.\n"
        "It opens with today's passphrase. Keep it like the device: whoever has both reads everything up to now."
    )
    if answer["locked"]:
        terminal.result(
            f"{many(answer['locked'], 'locked circle')} in it, not read back: what is locked opens only with its own "
            "passphrase as well."
        )
    terminal.next(f"cellsync restore {quote(line(to, 200))}   if this device is lost; never use both")
    terminal.answer(answer)


@click.command(cls=Command, short_help="Put a backup back.")
@click.argument("source", metavar="FROM")
@click.pass_context
def restore(context: click.Context, source: str) -> None:
    """Put the backup in the folder FROM back, where no cell is yet; the backup stays as it is.

    Asks for the passphrase that the cell had when it was backed up. What was written after that comes back from the
    other devices. A profile that was merely copied while it was closed can be put back in the same way.
    """
    from cellsync.cli.reach import empty
    from cellsync.profile.profile import Profile
    from cellsync.store.backup import must_hold_a_vault

    terminal = terminal_of(context)
    with empty(context, online=False) as client:
        folder = Path(source).expanduser().absolute()
        must_hold_a_vault(Profile(folder).copied_vault)  # checked before the passphrase is asked for
        passphrase = terminal.passphrase()
        see_through(context, terminal)
        answer = client.call("restore", source=str(folder), passphrase=passphrase)
    terminal.result(f"✓ {line(answer['cell']) or 'The cell'} is here again, with {many(answer['changes'], 'change')}.")
    terminal.result(put_back(answer["at"]))
    terminal.next("cellsync sync")
    terminal.answer(answer)
