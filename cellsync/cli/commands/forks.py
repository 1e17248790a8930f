"""fork."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Final

import click

from cellsync.cli.files import new_file, replace_option
from cellsync.cli.options import Group
from cellsync.cli.terminal import terminal_of
from cellsync.cli.words import line, table

_LARGEST: Final = 8 << 20  # bytes of a proof


@click.group(cls=Group, short_help="Where a device signed two things in one place.")
def fork() -> None:
    """Where a device signed two entries in one place: its vault was copied or put back, or it tells two stories.

    Both sides are kept. A proof shows to anybody in this cell that the device signed both, and not what they say.
    """


@fork.command("list")
@click.pass_context
def list_(context: click.Context) -> None:
    """The forks that are held here, the oldest first."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context) as client:
        answer = client.call("forks")
    many = "one of too many: only what others built on counts"
    rows = [
        [fork["fork"][:8], line(fork["author"], 40), f"entry {fork['sequence']}", many if fork["equivocator"] else ""]
        for fork in answer["forks"]
    ]
    for row in table(rows):
        terminal.result(row)
    if not rows:
        terminal.result("No device signed two things in one place.")
    else:
        terminal.next(f"cellsync fork proof {rows[0][0]} FILE   to show it to others")
    terminal.answer(answer)


@fork.command()
@click.argument("fork_id", metavar="FORK")
@click.argument("to", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@replace_option
@click.pass_context
def proof(context: click.Context, fork_id: str, to: Path, replace: bool) -> None:
    """Write the proof of a fork into the new file FILE."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with new_file(to, replace=replace) as write:
        with opened(context) as client:
            answer = client.call("fork.proof", fork=fork_id.lower())
        content = base64.b64decode(answer["proof"])
        write([content])
    author = line(answer["fork"]["author"], 40)
    terminal.result(f"✓ Written: {author} signed two entries in one place. {len(content):,} bytes.")
    terminal.result("It names a device by numbers only, and says nothing of what was written.")
    terminal.next("cellsync fork check FILE   on another device")
    terminal.answer(answer)


@fork.command()
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_context
def check(context: click.Context, file: Path) -> None:
    """Whether the file FILE proves a fork of a device of this cell. Exit code 6 if it does not."""
    from cellsync.cli.reach import opened
    from cellsync.store.files import file_errors

    terminal = terminal_of(context)
    with file_errors(), file.open("rb") as opened_file:
        content = opened_file.read(_LARGEST + 1)
    with opened(context) as client:
        answer = client.call("fork.check", proof=base64.b64encode(content).decode())
    author, place = line(answer["fork"]["author"], 40), answer["fork"]["sequence"]
    terminal.result(f"✓ It holds: {author} signed two entries in one place, as entry {place}.")
    both = "Both are here, too." if answer["held"] else "Not both of them are here: sync with who gave you this."
    terminal.result(both)
    terminal.result("That vault was copied or put back, or it tells each of you another story. Ask its owner.")
    terminal.answer(answer)
