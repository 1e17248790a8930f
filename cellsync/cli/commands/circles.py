"""circle: who may know what, as circles of people; and what is locked with a passphrase of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from shlex import quote
from typing import TYPE_CHECKING, Final

import click

from cellsync.cli.interrupts import see_through, seen_through
from cellsync.cli.options import Command, Group
from cellsync.cli.standing import place
from cellsync.cli.terminal import Terminal, terminal_of
from cellsync.cli.words import circle_names, line, many, table
from cellsync.core.errors import CircleLocked, InvalidValue, NotFound, WrongPassphrase

if TYPE_CHECKING:
    from cellsync.api.client import Answer, Client

_STILL: Final = (
    "Copies of this folder made before, backups among them, open as they did. So does whatever is written here later, "
    "for somebody who has kept a copy of the file vault from before and copies this folder again. New keys end that: "
    "cellsync passphrase rekey"
)
_OPEN_IN_ONE: Final = (
    "No daemon is running. What a passphrase of its own has unlocked is open in a daemon, for as long as that runs: "
    "without one each such circle is locked."
)
_TO_UNLOCK: Final = "cellsync daemon run, in another terminal or in the background; cellsync unlock; then this again"
_TO_HAVE_ONE: Final = "cellsync circle passphrase set NAME   gives one to a circle that has none"


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
                names[one["id"]], place(one["standing"]), many(one["devices"], "device"),
                many(one["cases"], "case"), one["short"], "own passphrase" if one["own_passphrase"] else "",
            ]
            for one in answer["circles"]
        ]
    ):  # fmt: skip
        terminal.result(row)
    for short in answer["locked"]:
        terminal.result(f"a locked circle ({line(short)})")
    if answer["locked"]:
        terminal.next("cellsync circle unlock")
    elif len(answer["circles"]) == 1:
        terminal.next("cellsync circle create NAME   for what only some may know", writes=True)
    terminal.answer(answer)


@circle.command(cls=Command, short_help="Unlock a circle with its own passphrase.")
@click.argument("id_", metavar="[ID]", default="")
@click.pass_context
def unlock(context: click.Context, id_: str) -> None:
    """Unlock the locked circle that the passphrase opens, until the cell is locked; its daemon keeps it in step again.

    ID is the beginning of its id, if there are several; else it is tried on each of them. A locked circle has no name:
    that is inside it. It takes a running daemon: unlocking lasts as long as the process in which it was done.
    """
    from cellsync.api.client import NoDaemon
    from cellsync.cli.reach import the_open_daemon

    terminal = terminal_of(context)
    with the_open_daemon(context, NoDaemon(_OPEN_IN_ONE, hint=_TO_UNLOCK)) as client:
        if not client.call("circles")["locked"]:
            raise InvalidValue("No circle is locked here.", hint="cellsync circle list")
        secret = terminal.passphrase("Passphrase of the circle")
        answer = client.call("circle.unlock", passphrase=secret, circle=id_.lower())
    name = line(answer["circle"]["name"]) or answer["circle"]["short"]
    terminal.result(f"✓ {name} is unlocked, until the cell is locked.")
    terminal.next(f"cellsync circle lock {quote(name)}   when you are done")
    terminal.answer(answer)


@circle.command(cls=Command, short_help="Lock a circle that has a passphrase of its own.")
@click.argument("name", metavar="NAME")
@click.pass_context
def lock(context: click.Context, name: str) -> None:
    """Lock the circle NAME, which has a passphrase of its own, and leave the others open.

    It is not kept in step any more, and nothing of it is shown, not even its name. For a moment the cell is closed: an
    import or a sync that is going on ends.
    """
    from cellsync.api.client import NoDaemon
    from cellsync.cli.reach import the_open_daemon

    terminal = terminal_of(context)
    with the_open_daemon(context, NoDaemon(_OPEN_IN_ONE, hint=_TO_HAVE_ONE)) as client:
        see_through(context, terminal)
        answer = client.call("circle.lock", circle=name)
    terminal.result("✓ Locked. It is not kept in step until it is unlocked.")
    terminal.next("cellsync circle unlock")
    terminal.answer(answer)


@circle.group(cls=Group, short_help="A passphrase of its own for a circle.")
def passphrase() -> None:
    """A circle can have a passphrase of its own, besides that of the cell: both are needed to open it.

    So what only some may know stays closed on a device that is taken unlocked, or whose passphrase somebody is made to
    say.
    """


@passphrase.command("set", cls=Command, short_help="Give a circle a passphrase of its own.")
@click.argument("name", metavar="NAME")
@click.pass_context
def set_(context: click.Context, name: str) -> None:
    """Give the circle NAME a passphrase of its own. It stays unlocked until the cell, or it, is locked.

    Asks for the cell's passphrase first. With --passphrase-fd that is on the first line, and the new one on the second.
    """
    with _the_open_cell(context) as (client, terminal, known):
        client.call("permission", deed="circle.passphrase", circle=name)
        old = known or terminal.passphrase("Passphrase of the cell")
        answer = _chosen(client, terminal, name, old)
    if known:
        terminal.result("✓ It has a passphrase of its own, needed besides that of the cell. It is locked now.")
    else:
        terminal.result("✓ It has a passphrase of its own, needed besides that of the cell. It is unlocked now.")
    terminal.result(_STILL)
    terminal.next("cellsync circle list" if known else f"cellsync circle lock {quote(line(name, 200))}")
    terminal.answer(answer)


@passphrase.command(cls=Command, short_help="Choose another one.")
@click.argument("name", metavar="NAME")
@click.pass_context
def change(context: click.Context, name: str) -> None:
    """Choose another passphrase for the circle NAME, which has one of its own.

    Asks for the circle's old one first. With --passphrase-fd that is on the first line, and the new one on the second;
    without a daemon, that of the cell on a line before them. NAME can also be the beginning of its id.
    """
    with _the_open_cell(context) as (client, terminal, known):
        old = _its_own(client, terminal, name, "Old passphrase of the circle", alone=bool(known))
        answer = _chosen(client, terminal, name, old)
    terminal.result("✓ Its passphrase is changed. The old one does not open it on this device any more.")
    terminal.result(_STILL)
    terminal.next("cellsync passphrase rekey   if somebody may know the old one")
    terminal.answer(answer)


@passphrase.command(cls=Command, short_help="Let it open with the cell again.")
@click.argument("name", metavar="NAME")
@click.pass_context
def remove(context: click.Context, name: str) -> None:
    """Let the circle NAME open with the cell again, without a passphrase of its own. Asks for that one.

    NAME can also be the beginning of its id. Without a daemon it asks for the passphrase of the cell before.
    """
    with _the_open_cell(context) as (client, terminal, known):
        old = _its_own(client, terminal, name, "Passphrase of the circle", alone=bool(known))
        with seen_through(terminal):
            answer = client.call("circle.passphrase", circle=name, old=old, new=None)
    terminal.result("✓ It opens with the passphrase of the cell alone.")
    terminal.answer(answer)


def _chosen(client: Client, terminal: Terminal, name: str, old: str) -> Answer:
    new, made = terminal.new_passphrase(question="New passphrase of the circle")
    if made:
        terminal.need(f"Yours: {new}\nWrite it down. Nobody can recover it.")
    with seen_through(terminal):
        return client.call("circle.passphrase", circle=name, old=old, new=new)


def _its_own(client: Client, terminal: Terminal, name: str, question: str, *, alone: bool) -> str:
    """The passphrase of the circle NAME, which has one of its own. `alone`: there is no daemon, so it is locked; this
    unlocks it for the command."""
    try:
        client.call("permission", deed="circle.own_passphrase", circle=name)
        return terminal.passphrase(question)
    except (NotFound, CircleLocked):
        locked = client.call("circles")["locked"]
        if not alone or not locked:
            raise
    old, low = terminal.passphrase(question), name.lower()
    meant = next((short for short in locked if short.startswith(low)), "")
    with suppress(NotFound, WrongPassphrase):  # several may open with one passphrase: until none does any more
        while True:
            found = client.call("circle.unlock", passphrase=old, circle=meant)["circle"]
            if found["id"].startswith(low) or found["name"].casefold() == name.casefold():
                return old
    raise WrongPassphrase("No locked circle that is called so opens with this passphrase.")


@contextmanager
def _the_open_cell(context: click.Context) -> Iterator[tuple[Client, Terminal, str]]:
    """The open cell; and its passphrase, if it was asked for: there is no daemon then."""
    from cellsync.cli.reach import opened

    asked: list[str] = []
    with opened(context, writes=True, asked=asked.append) as client:
        yield client, terminal_of(context), "".join(asked)
