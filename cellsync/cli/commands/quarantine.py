"""quarantine: what suspended devices wrote; and removed ones, if nobody had seen it who removed them."""

from __future__ import annotations

import click

from cellsync.cli.interrupts import see_through
from cellsync.cli.options import Command, Group, circle_option
from cellsync.cli.terminal import terminal_of
from cellsync.cli.words import clock, line, many, safe, table


@click.group(cls=Group, short_help="What removed devices wrote late.")
def quarantine() -> None:
    """What removed devices wrote and nobody had seen who removed them. It is kept, and shown when it is released."""


@quarantine.command("list", cls=Command, short_help="What is held, by device.")
@circle_option("Only of this circle.")
@click.pass_context
def list_(context: click.Context, circle: str) -> None:
    """By device: how many changes, in which cases. What you wrote yourself on this device is shown to you."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context) as client:
        answer = client.call("roster", circle=circle)
    held = answer["quarantine"]
    for row in table(
        [
            [
                line(one["name"], 40), many(len(one["entries"]), "change"),
                ", ".join(case["case"][:8] for case in one["cases"][:10]), one["device"][:8],
            ]
            for one in held
        ]
    ):  # fmt: skip
        terminal.result(row)
    for one in held:
        for change in one["own"] or ():  # whoever wrote it may read it
            terminal.result(f"  yours, {clock(change['at'])}, in {line(change['case'][:8])}:")
            for said in change["lines"]:
                terminal.result(f"    {safe(said)}")
    others = [one for one in held if one["own"] is None]
    if not held:
        terminal.result("Nothing is in quarantine.")
    elif others:
        trusted = f"cellsync quarantine release {others[0]['device'][:8]}   if you trust what was written"
        terminal.next(trusted, writes=True)
    terminal.answer(answer)


@quarantine.command(cls=Command, short_help="Show what a device wrote, to everybody.")
@click.argument("device", metavar="DEVICE", default="")
@click.option("--entry", "entries", multiple=True, metavar="ID", help="Only this change; may be given several times.")
@circle_option("Needed if there are several.")
@click.pass_context
def release(context: click.Context, device: str, entries: tuple[str, ...], circle: str) -> None:
    """Show all that is here of DEVICE, a name or the beginning of an id, to everybody: as if it had always been there.

    The release is signed with your name. It cannot be taken back.
    """
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context, writes=True) as client:
        see_through(context, terminal)
        answer = client.call("release", device=device, entries=[one.lower() for one in entries], circle=circle)
    terminal.result(f"✓ Released. Confirmed by {answer['confirmed']} of {many(answer['others'], 'other device')}.")
    terminal.next("cellsync case list")
    terminal.answer(answer)
