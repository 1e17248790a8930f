"""passphrase change and rekey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from cellsync.cli.interrupts import seen_through
from cellsync.cli.options import Command, Group
from cellsync.cli.terminal import Terminal, terminal_of
from cellsync.cli.words import size

if TYPE_CHECKING:
    from cellsync.api.client import Answer, Client

_STILL: Final = (
    "Copies of this folder made before, backups among them, still open with the old one. So does whatever is written "
    "here later, for somebody who knows the old one, has kept a copy of the file vault and copies this folder again. "
    "New keys end that, for all that is in this folder."
)
_NEW_KEYS: Final = (
    "A copy of the file vault from before opens nothing in this folder any more, whatever the passphrase. Copies of "
    "the whole folder made before, backups among them, open as they did: delete those that you do not need."
)


@click.group(cls=Group, short_help="Change the passphrase, or make new keys.")
def passphrase() -> None:
    """The passphrase of the cell on this device, and the keys behind it."""


@passphrase.command(cls=Command, short_help="Choose another passphrase.")
@click.option("--rekey", "also_rekey", is_flag=True, help="Make new keys, too; see: cellsync passphrase rekey --help")
@click.pass_context
def change(context: click.Context, also_rekey: bool) -> None:
    """Choose another passphrase for the cell on this device.

    Asks for the old one first. With --passphrase-fd the old one is on the first line and the new one on the second. The
    cell can be open meanwhile, and stays open.

    Copies made before, backups among them, still open with the old one. Who knows it and has kept a copy of the file
    vault also opens, with them, what is written here later, if they can copy this folder again: until you make new keys
    (--rekey, or later cellsync passphrase rekey).
    """
    from cellsync.cli.reach import at_rest

    terminal = terminal_of(context)
    with at_rest(context) as client:
        old = terminal.passphrase("Old passphrase")
        names = client.call("passphrase.check", passphrase=old)
        new, made = terminal.new_passphrase(names["cell"], names["name"], question="New passphrase")
        if made:
            terminal.need(f"Yours: {new}\nWrite it down. Nobody can recover it.")
        with seen_through(terminal):
            answer = client.call("passphrase.change", old=old, new=new)
        terminal.result("✓ The passphrase is changed. The old one does not open this cell on this device any more.")
        if not also_rekey:
            terminal.result(_STILL)
            if terminal.asks and terminal.options.passphrase_fd is None and not terminal.options.json:
                also_rekey = terminal.ask_yes("Make new keys now?")
        if also_rekey:
            _rekey(client, terminal, new)
        else:
            terminal.next("cellsync passphrase rekey   if somebody may know the old one")
    terminal.answer(answer)


@passphrase.command(cls=Command, short_help="Make new keys for all that is here.")
@click.pass_context
def rekey(context: click.Context) -> None:
    """Make new keys for all of the cell that is on this device, and encrypt it with them.

    After that a copy of the file vault from before opens nothing that is here, with whatever passphrase. If somebody
    may know the passphrase, change it first: cellsync passphrase change.

    An open cell is closed meanwhile, some seconds for each 100 MB, and open again afterwards; an import or a sync that
    is going on ends. It takes as much free space as the cell has, for a while, and says so if there is less. Ctrl-C
    leaves everything as it was; so does a crash, or all is done.

    It does not change the keys by which the other devices know this one, nor copies of the whole folder made before.
    What a disk keeps of deleted files is not in cellsync's hands.
    """
    from cellsync.cli.reach import at_rest

    terminal = terminal_of(context)
    with at_rest(context) as client:
        answer = _rekey(client, terminal, terminal.passphrase())
    terminal.answer(answer)


def _rekey(client: Client, terminal: Terminal, secret: str) -> Answer:
    from cellsync.cli.waits import finished, to_its_end

    with terminal.bar("making new keys (kB)", "making new keys") as move:
        given = {"passphrase": secret}
        job = to_its_end(client, "rekey", given, lambda job: move(job["done"] // 1000, job["total"] // 1000))
    finished(job)
    terminal.result(f"✓ New keys for all that is here, {size(job['total'])}. {_NEW_KEYS}")
    terminal.next("cellsync backup FOLDER   a copy with the new keys")
    return job
