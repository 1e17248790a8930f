"""quarantine: what suspended devices wrote; and removed ones, if nobody had seen it who removed them."""

from __future__ import annotations

from typing import Any

import click

from cellsync.cli.commands.edits import usage_error
from cellsync.cli.interrupts import see_through
from cellsync.cli.options import Command, Group, circle_option
from cellsync.cli.terminal import Terminal, terminal_of
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
            _show(terminal, change)
        if one["own"] and len(one["own"]) < len(one["entries"]):
            left = len(one["entries"]) - len(one["own"])
            terminal.need(
                f"{many(left, 'change')} of yours {'is' if left == 1 else 'are'} older: cellsync quarantine show"
            )
    others = [one for one in held if one["own"] is None]
    if not held:
        terminal.result("Nothing is in quarantine.")
    elif others:
        trusted = f"cellsync quarantine release {others[0]['device'][:8]}   if you trust what was written"
        terminal.next(trusted, writes=True)
    terminal.answer(answer)


@quarantine.command(cls=Command, short_help="Read what you wrote, and take it along.")
@click.argument("entry", metavar="ENTRY", default="")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 20_000), help="How many, the newest.")
@click.option("--after", default="", metavar="ENTRY", help="What was written before, as the end of a page says it.")
@click.option("--all", "all_", is_flag=True, help="All pages, the newest first.")
@circle_option("Needed if there are several.")
@click.pass_context
def show(context: click.Context, entry: str, limit: int, after: str, all_: bool, circle: str) -> None:
    """Read what you wrote on this device, and what waits: all of it, or only ENTRY, the beginning of an id.

    Nobody else can read it here. To take it along, write it to a file: cellsync quarantine show --all --json > FILE
    """
    from cellsync.cli.reach import opened

    if all_ and (entry or after):
        raise usage_error("--all goes with neither ENTRY nor --after.", "cellsync quarantine show --help")
    terminal = terminal_of(context)
    with opened(context) as client:
        answer = page = client.call("quarantine", circle=circle, entry=entry.lower(), after=after.lower(), limit=limit)
        for change in page["changes"]:
            _show(terminal, change)
        while all_ and page["next"]:
            page = client.call("quarantine", circle=circle, after=page["next"], limit=limit)
            for change in page["changes"]:
                _show(terminal, change)
            answer = {**page, "changes": [*page["changes"], *answer["changes"]]}
    if not answer["changes"]:
        terminal.result("Nothing of yours is in quarantine.")
    elif answer["next"]:
        _say_older(terminal, answer["older"], f"--after {answer['next']}")
    terminal.answer(answer)


def _say_older(terminal: Terminal, count: int, options: str) -> None:
    are = "is" if count == 1 else "are"
    terminal.need(f"{many(count, 'change')} of yours {are} older: cellsync quarantine show {options}")


def _show(terminal: Terminal, change: dict[str, Any]) -> None:
    terminal.result(f"  yours, {clock(change['at'])}, in {line(change['case'][:8])}:")
    for said in change["lines"]:
        terminal.result(f"    {safe(said)}")


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
