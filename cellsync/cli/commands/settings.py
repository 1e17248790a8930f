"""settings show and set: what the members of a circle choose together."""

from __future__ import annotations

from shlex import quote
from typing import Any, Final

import click

from cellsync.cli.interrupts import see_through
from cellsync.cli.options import Group, circle_option
from cellsync.cli.removal import missing_words
from cellsync.cli.terminal import terminal_of
from cellsync.cli.words import circle_names, line, many, table

_OWN: Final = "each device for itself"
_SAID: Final[dict[str, str | dict[str, str]]] = {
    "when-removed": {
        "lock": "a device that learns of its removal locks once",
        "wipe": "it also wipes this circle 72 h later, if two have agreed to the removal",
    },
    "locks-after": "minutes without use until a device locks, or fewer by its own choice",
    "kept-for": "days for which what expires is kept; nothing expires in this version",
    "shown": {
        "never": "devices do not show themselves on networks; who joins types an address",
        "asked": "devices show themselves at most while inviting or syncing",
        "always": "devices may show themselves always",
    },
}


@click.group(cls=Group, invoke_without_command=True, short_help="What a circle chooses together.")
@click.pass_context
def settings(context: click.Context) -> None:
    """What the members of a circle choose together. Harsher takes two coordinators; one of them takes it back."""
    if context.invoked_subcommand is None:
        context.invoke(show)


@settings.command(short_help="What is in force, and who says what.")
@circle_option("Only of this circle.")
@click.pass_context
def show(context: click.Context, circle: str = "") -> None:
    """What is in force, who says what, and whose word is missing."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context) as client:
        answer = client.call("settings", circle=circle)
        names = circle_names(client.call("circles")["circles"])
    several = len({one["circle"] for one in answer["settings"]}) > 1
    for row in table([_row(one, names[one["circle"]] if several else "") for one in answer["settings"]]):
        terminal.result(row)
    for one in answer["settings"]:
        if one["wanted"] is not None:
            terminal.result(f"⚠ {wanted(one)}")
    if not any(one["words"] for one in answer["settings"]):
        terminal.next("cellsync settings set NAME VALUE", writes=True)
    terminal.answer(answer)


@settings.command("set", short_help="Say what a circle is to choose.")
@click.argument("name", metavar="NAME", type=click.Choice(list(_SAID)))
@click.argument("value", metavar="VALUE")
@circle_option("Needed if there are several.")
@click.pass_context
def set_(context: click.Context, name: str, value: str, circle: str) -> None:
    """Say that setting NAME is to have VALUE. To make it harsher takes a second coordinator who says so too.

    \b
    when-removed  lock | wipe      what a device does that learns of its removal
    locks-after   MINUTES          without use, 1 to 1440
    kept-for      DAYS             for which what expires is kept
    shown         never | asked | always  at most, on networks
    """
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context, writes=True) as client:
        see_through(context, terminal)
        answer = client.call("settings.choose", name=name, value=value, circle=circle)
        lacks = answer.get("lacks")  # a daemon from before does not say
        known = client.call("members", circle=answer["setting"]["circle"])["members"] if lacks else []
    one = answer["setting"]
    heard = f"Confirmed by {answer['confirmed']} of {many(answer['others'], 'other device')}."
    in_force = one["in_force"] or _OWN
    terminal.result(f"✓ You say {name} {line(value, 12)}. In force: {in_force}. {heard}")
    if lacks:
        me = next((member["name"] for member in known if member["me"]), "")
        terminal.result(f"⚠ Your word does not count yet, so this changes nothing. It takes {missing_words(lacks, me)}")
    if one["wanted"] is not None:
        terminal.result(f"⚠ {wanted(one)}")
    if not one["obeyed"]:
        terminal.result(f"{name} is kept for a later version: nothing obeys it yet.")
    terminal.next("cellsync sync")
    terminal.answer(answer)


def _row(one: dict[str, Any], circle: str) -> list[str]:
    words = ", ".join(f"{line(word['name'], 24)}: {word['value']}" for word in one["words"])
    return [one["name"], one["in_force"] or _OWN, f"({words})" if words else "", circle]


def _meaning(one: dict[str, Any], value: str) -> str:
    known = _SAID[one["name"]]
    return known if isinstance(known, str) else known[value]


def wanted(one: dict[str, Any]) -> str:
    """What one member wants, and whose word it takes."""
    want = one["wanted"]
    said = f"{line(want['by'], 24)} wants {one['name']} {want['value']} ({_meaning(one, want['value'])})"
    of = " or ".join(line(name, 24) for name in want["lacks"]["of"])
    if not of:
        return f"{said}. It takes the recovery key: there is no other coordinator whose word counts."
    return f"{said}. It takes a second word, of {of}: cellsync settings set {one['name']} {quote(want['value'])}"
