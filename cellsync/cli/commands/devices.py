"""device link, list and remove: one's own devices. None of it needs a coordinator."""

from __future__ import annotations

from contextlib import suppress
from shlex import quote
from typing import Any

import click

from cellsync.cli.commands.pairing import bring_up, code_options, come_in
from cellsync.cli.interrupts import see_through
from cellsync.cli.options import Command, Group, circle_option
from cellsync.cli.removal import outcome, previewed
from cellsync.cli.terminal import terminal_of
from cellsync.cli.words import circle_names, line, seen, table


@click.group(cls=Group, short_help="Your own devices: link, list, remove.")
def device() -> None:
    """Your own devices, at most four in a circle. None of it needs a coordinator; every coordinator is shown it."""


@device.command(cls=Command, short_help="Link a further device of yours.")
@click.option("--name", help="What that device is called, behind your name: Phone, Laptop at work.")
@code_options
@click.pass_context
def link(
    context: click.Context, name: str | None, circle: str, no_short_code: bool, code_fd: int | None,
    words_fd: int | None,
) -> None:  # fmt: skip
    """Link a further device of yours: shows a QR and a code for it, as an invitation does, and lets you compare the
    words. There: cellsync join.

    It reads and writes as you do, in this one circle. For a further circle link it once more, with --circle.
    """
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context, online=True) as client:
        client.call("permission", deed="link", circle=circle)
        called = terminal.name_for("What is the new device called? (Phone, say)", name)
        job = client.call("link", name=called, circle=circle, short_code=not no_short_code)
        job = come_in(terminal, client, job, code_fd, words_fd)
        circles = client.call("circles")["circles"]
        names = circle_names(circles)
        into = f" into {names[job['circle']]}" if len(circles) > 1 else ""
        terminal.result(f"✓ {line(job['name'], 60)} is linked{into}. Every coordinator is shown it.")
        for one in job["not_in"]:
            again = f"cellsync device link --name {quote(called)} --circle {quote(names[one])}"
            terminal.result(f"  It is not in {names[one]}: {again}")
        terminal.say("It receives all that is in the circle now. Ctrl-C leaves that for later.")
        with suppress(KeyboardInterrupt):
            bring_up(terminal, client, f"{line(job['name'], 40)} receives", job["device"])
    terminal.next("cellsync device list")
    terminal.answer(job)


@device.command("list", cls=Command, short_help="Your devices, and where they are.")
@click.pass_context
def list_(context: click.Context) -> None:
    """Your devices, the circles in which each of them is, and when it was last seen."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context) as client:
        answer = client.call("devices")
        circles = client.call("circles")["circles"]
    names = circle_names(circles)
    for row in table([_row(one, names) for one in answer["devices"]]):
        terminal.result(row)
    if len(answer["devices"]) < 2:
        terminal.next("cellsync device link   for a further device of yours", writes=True)
    terminal.answer(answer)


def _row(own: dict[str, Any], circles: dict[str, str]) -> list[str]:
    here = "this one" if own["me"] else "connected" if own["connected"] else seen(own)
    places = [circles.get(one["circle"], "") + (" (suspended)" if one["suspended"] else "") for one in own["circles"]]
    return [line(own["name"], 60), here, own["circles"][0]["device"][:8], ", ".join(places)]


@device.command(cls=Command, short_help="Remove a device of yours.")
@click.argument("name", metavar="NAME")
@click.option("--confirm", metavar="NAME", help="For scripts: the name as it is shown.")
@circle_option("Only from this circle; else from all in which it is.")
@click.pass_context
def remove(context: click.Context, name: str, confirm: str | None, circle: str) -> None:
    """Remove a device of yours that is lost, sold or was out of your hands, from all circles in which it is.

    At once, also offline, and for good: that device never comes back, and those that it has linked go with it. It keeps
    what it has. NAME is as in `cellsync device list`, or the beginning of an id.
    """
    from cellsync.cli.reach import opened
    from cellsync.core.errors import NotFound

    terminal = terminal_of(context)
    with opened(context, writes=True) as client:
        meant = _named(client.call("devices")["devices"], name)
        places = meant["circles"]
        if circle:
            there = {one["circle"] for one in client.call("members", circle=circle)["members"]}
            places = [place for place in places if place["circle"] in there]
            if not places:
                raise NotFound("That device is not in this circle.", hint="cellsync device list")
        given = {"member": places[0]["device"], "device": places[0]["device"], "circle": circle}
        shown = line(places[0]["name"], 200)
        for sentence in previewed(client.call("removal.preview", **given), with_admitted=False, only=shown):
            terminal.need(sentence)
        typed = confirm if confirm is not None else terminal.ask(f'Type "{shown}" to remove', "--confirm NAME")
        see_through(context, terminal)
        answer = client.call("removal", **given, confirm=typed)
    for removed in answer["circles"]:
        terminal.result(outcome(removed, shown, several=len(answer["circles"]) > 1))
    terminal.next("cellsync sync   so that the others hear of it")
    terminal.answer(answer)
    failed = [removed["error"]["exit"] for removed in answer["circles"] if removed["error"] is not None]
    if failed:
        context.exit(failed[0])


def _named(own: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The device that is called so: `Phone` is enough for `Ben / Phone`. Raises NotFound, Ambiguous, InvalidValue."""
    from cellsync.api.contract.problems import Ambiguous
    from cellsync.core.errors import InvalidValue, NotFound
    from cellsync.core.folded import folded
    from cellsync.core.membership.link import own_name

    def is_called(one: dict[str, Any]) -> bool:
        names = [place["name"] for place in one["circles"]]
        return folded(name) in {folded(part) for of in names for part in (of, own_name(of))}

    found = [one for one in own if is_called(one)]
    found = found or [one for one in own if any(each["device"].startswith(name.lower()) for each in one["circles"])]
    if not found:
        raise NotFound("You have no device of that name.", hint="cellsync device list")
    if len(found) > 1:
        some = ", ".join(one["circles"][0]["device"][:8] for one in found)
        raise Ambiguous(hint=f"Give the beginning of its id: {some}")
    if found[0]["me"]:
        raise InvalidValue(
            "That is the device that you are using.",
            hint="Remove it from another one of yours; or leave with all of them: cellsync members leave",
        )
    return found[0]
