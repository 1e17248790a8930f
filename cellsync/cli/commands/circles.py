"""circle create and list: who may know what, as circles of people."""

from __future__ import annotations

from shlex import quote

import click

from cellsync.cli.interrupts import see_through
from cellsync.cli.options import Command, Group
from cellsync.cli.terminal import terminal_of
from cellsync.cli.words import circle_names, line, many, table


@click.group(cls=Group, short_help="Circles: what only some may know.")
def circle() -> None:
    """Circles: each has members, cases and a recovery key of its own, and nobody outside learns that it exists."""


@circle.command(cls=Command, short_help="Found one more circle on this device.")
@click.argument("name", metavar="NAME")
@click.pass_context
def create(context: click.Context, name: str) -> None:
    """Found one more circle, called NAME, with you as its coordinator and, so far, its only member.

    Prints its recovery key, which is kept nowhere: write it down.
    """
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context, writes=True) as client:
        see_through(context, terminal)
        answer = client.call("circle.create", name=name)
    founded = answer["circle"]
    terminal.result(
        f"✓ Circle {line(founded['name'])} created ({founded['short']}). Nobody else knows of it.\n\n"
        f"Recovery key: {answer['recovery_key']}\n"
        "Write it on paper and keep it away from this device. It is shown this once, and is that of this circle only.\n"
        "With it you remove anybody and make coordinators, whatever happens: cellsync recovery use\n"
        "It opens no device: a lost passphrase stays lost."
    )
    terminal.next(f"cellsync invite --circle {quote(line(founded['name']))}")
    terminal.answer(answer)


@circle.command("list", cls=Command)
@click.pass_context
def list_(context: click.Context) -> None:
    """The circles that this device is in. Others on the same device share its passphrase, and nothing else."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context) as client:
        answer = client.call("circles")
    names = circle_names(answer["circles"])
    for row in table(
        [
            [
                names[one["id"]], one["role"] or "not admitted yet", many(one["devices"], "device"),
                many(one["cases"], "case"), one["short"],
            ]
            for one in answer["circles"]
        ]
    ):  # fmt: skip
        terminal.result(row)
    if len(answer["circles"]) == 1:
        terminal.next("cellsync circle create NAME   for what only some may know", writes=True)
    terminal.answer(answer)
