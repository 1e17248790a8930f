"""init, unlock, lock, panic, status."""

from __future__ import annotations

import re
from typing import Any, Final

import click

from cellsync.cli.commands.edits import usage_error
from cellsync.cli.interrupts import see_through
from cellsync.cli.options import Command, circle_option
from cellsync.cli.standing import place, stands
from cellsync.cli.terminal import terminal_of
from cellsync.cli.words import (
    all_locked,
    circle_names,
    clock,
    clocks,
    duration,
    has_wiped,
    line,
    little_memory,
    locks_sooner,
    many,
    presence,
    put_back,
    secrecy,
    table,
    to_update,
    wipe_ahead,
)


class Duration(click.ParamType[float]):
    """`90s`, `15m`, `8h`, or `off`; in seconds, 0 for off."""

    name = "duration"
    _FORM = re.compile(r"(\d{1,6})\s*(s|m|min|h|d)?")
    _UNITS = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, None: 60}  # noqa: RUF012

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        if value.lower() in ("off", "never"):
            return 0.0
        found = self._FORM.fullmatch(value.lower().strip())
        if found is None or not int(found[1]):
            self.fail("write 90s, 15m, 8h or off", parameter, context)
        seconds = float(int(found[1]) * self._UNITS[found[2]])
        if seconds > 604_800:
            self.fail("at most 7d", parameter, context)
        return seconds


_LAN_HELP = "Show this device to the network: off, listen, asked (while inviting or syncing) or announce (always)."
_ANNOUNCING = (
    "y: devices find each other by themselves; others nearby can see cellsync.\n"
    "N: only while inviting or syncing; on a new network, say cellsync sync."
)


def lan_options(command: Any) -> Any:
    """The options for how a new device shows itself on networks."""
    for option in (
        click.option("--lan", type=click.Choice(["off", "listen", "asked", "announce"]), help=_LAN_HELP),
        click.option("--no-lan", is_flag=True, help="The same as --lan off: no multicast, known addresses only."),
        click.option(
            "--interface", "interfaces", multiple=True, metavar="ADDRESS",
            help="Use this address of this device only; may be given several times.",
        ),
        click.option("--port", type=click.IntRange(0, 65535), default=0, help="Listen here; 0 is any free port."),
    ):  # fmt: skip
        command = option(command)
    return command


def lan_mode(lan: str | None, no_lan: bool) -> str | None:
    return "off" if no_lan else lan


@click.command(cls=Command, short_help="Found a cell on this device.")
@click.argument("name_of_cell", metavar="CELL")
@click.option("--name", help="What the others will call you.")
@lan_options
@click.pass_context
def init(
    context: click.Context, name_of_cell: str, name: str | None, lan: str | None, no_lan: bool,
    interfaces: tuple[str, ...], port: int,
) -> None:  # fmt: skip
    """Found a cell named CELL on this device.

    Asks for a passphrase, and prints the recovery key, which is kept nowhere: write it down.
    """
    from cellsync.cli.reach import empty

    terminal = terminal_of(context)
    with empty(context) as client:
        _check_cell(name_of_cell)
        name = terminal.own_name(name)
        passphrase, made = terminal.new_passphrase(name_of_cell, name)
        if made:
            terminal.need(f"Yours: {passphrase}\nWrite it down. Nobody can recover it.")
        mode = lan_mode(lan, no_lan)
        if mode is None and terminal.asks:
            terminal.need(_ANNOUNCING)
            mode = "announce" if terminal.ask_yes("Announce on Wi-Fi always?") else None
        given = {"interfaces": list(interfaces), "port": port, "lan": mode or "asked"}
        see_through(context, terminal)
        answer = client.call("init", cell=name_of_cell, name=name, passphrase=passphrase, **given)
        warnings = little_memory(client.call("status"))
    terminal.result(
        f"✓ Cell and device key created.\n\nRecovery key: {answer['recovery_key']}\n"
        "Write it on paper and keep it away from this device. It is shown this once.\n"
        "With it you remove anybody and make coordinators, whatever happens: cellsync recovery use\n"
        "It opens no device: a lost passphrase stays lost."
    )
    for warning in warnings:
        terminal.need(warning)
    terminal.next("cellsync invite")
    terminal.answer(answer)


def _check_cell(name: str) -> None:
    """Check the name of a new cell, before any question. Raises Refusal."""
    from cellsync.core.errors import InvalidValue
    from cellsync.core.membership.control import checked_name

    try:
        checked_name(name)
    except InvalidValue as error:
        raise usage_error(f"That cannot be the name of a cell: {error}.", "cellsync init --help") from None


@click.command(cls=Command, short_help="Open the cell in the daemon.")
@click.option("--for", "idle", type=Duration(), help="Lock after so long without a command: 15m, 8h, off.")
@click.pass_context
def unlock(context: click.Context, idle: float | None) -> None:
    """Open the cell in the daemon, until it is locked or left alone."""
    from cellsync.cli.reach import missing, profile_of, the_daemon

    terminal = terminal_of(context)
    client = the_daemon(context)
    if client.health()["state"] == "empty":
        raise missing(profile_of(context))
    answer = client.call("unlock", passphrase=terminal.passphrase(), idle=idle)
    locks = f"locks in {duration(answer['locks_in'])} without a command" if answer["locks_in"] else "stays open"
    terminal.result(f"✓ {line(answer['cell']) or 'The cell'} is open; {locks}.")
    if sooner := locks_sooner(idle, answer["locks_in"]):
        terminal.result(sooner)
    if (health := client.health()).get("bare"):
        terminal.result(all_locked(health["locked"]))
    if answer.get("wiped"):  # a daemon from before does not say
        terminal.result(has_wiped(answer["wiped"]))
    if answer["copied"]:
        terminal.result(put_back(answer["copied"]))
    for one in answer["wipes"]:
        terminal.result(wipe_ahead(one["name"], one["seconds"]))
    terminal.next("cellsync circle unlock" if health.get("bare") else "cellsync status")
    terminal.answer(answer)


@click.command(cls=Command)
@click.pass_context
def lock(context: click.Context) -> None:
    """Close the cell. It stays closed until somebody unlocks it."""
    from cellsync.cli.reach import daemon_of, profile_of

    terminal = terminal_of(context)
    client = daemon_of(profile_of(context))
    if client is not None:
        client.call("lock")
    terminal.result("✓ Locked." if client is not None else "✓ Locked: no daemon is running.")
    terminal.answer({"v": 1})


@click.command(cls=Command)
@click.pass_context
def panic(context: click.Context) -> None:
    """Keys gone, connections closed, now. Asks nothing, and ends a daemon that does not answer.

    Nothing that was confirmed is lost. It wipes nothing: the vault is locked.
    """
    from cellsync.api.panic import panic as drop_everything
    from cellsync.cli.reach import profile_of

    drop_everything(profile_of(context))
    terminal = terminal_of(context)
    terminal.result("Locked.")
    terminal.answer({"v": 1})


_IN_THE_WAY: Final = frozenset({"outdated", "removal_ahead"})  # flags that --carry-on sets aside


@click.command(cls=Command, short_help="The cell at a glance.")
@click.option("--seen", is_flag=True, help="The warnings have been read. What is still so stays.")
@click.option("--carry-on", is_flag=True, help="Write and hand out in spite of what coordinators require or announce.")
@circle_option("With --carry-on: in this circle; needed if there are several.")
@click.pass_context
def status(context: click.Context, seen: bool, carry_on: bool, circle: str) -> None:
    """The cell at a glance: who is connected, and what exists on no other device."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context, writes=seen or carry_on) as client:
        daemon = type(client).__name__ == "SocketClient"
        if carry_on:
            if not _IN_THE_WAY.intersection(flag["reason"] for flag in client.call("status")["flags"]):
                terminal.say("Nothing is required or announced here that stands in the way.")
            client.call("carry_on", circle=circle)
        answer = client.call("status")
        if seen:
            client.call("flags.dismiss")
    locks = f", locks in {duration(answer['locks_in'])}" if answer["locks_in"] is not None else ""
    runs = f"unlocked{locks} · daemon running" if daemon else "no daemon: opened for this command only"
    runs = runs if answer["as_of"] is None else f"read-only, as of {clock(answer['as_of'])}"
    several = circle_names(answer["circles"]) if len(answer["circles"]) > 1 else {}
    cell = many(len(several), "circle") if several else line(answer["cell"])
    if not answer["circles"]:
        cell = "No circle is open"
    terminal.result(f"{cell or 'The history of this cell has not come yet'} · {runs}")
    if answer["copied"]:
        terminal.result(put_back(answer["copied"]))
    for one in answer["circles"]:
        if one["wipes_in"] is not None:
            terminal.result(wipe_ahead(one["name"], one["wipes_in"]))
    only_here = answer["only_here"]
    where = _elsewhere(only_here)
    for one in answer["circles"]:
        role, indent = place(one["standing"]), ""
        if several:
            terminal.result(f"{several[one['id']]} · {many(one['devices'], 'device')}, {many(one['cases'], 'case')}")
            where, indent = _elsewhere(one["only_here"]), "  "
        is_gone = one["standing"]["status"] == "removed"  # what only this device has goes nowhere any more
        rows = [[f"{line(answer['name'], 24)} (you, {role})", stands(one["standing"]) if is_gone else where]]
        rows += [[line(peer["name"], 24), presence(peer)] for peer in answer["peers"] if peer["circle"] == one["id"]]
        for row in table(rows):
            terminal.result(indent + row)
    if answer["locked"]:
        terminal.result(f"{many(len(answer['locked']), 'locked circle')}, not kept in step: cellsync circle unlock")
    beside = f" and {many(answer['beside'], 'document')} beside them" if answer["beside"] else ""
    terminal.result(f"{many(answer['cases'], 'case')}{beside}, {many(answer['changes'], 'change')}")
    for one in answer["circles"]:
        if one["window"] is not None:
            of = f"{several[one['id']]}: " if several else ""
            terminal.result(f"{of}{secrecy(one['window'])}")
    for case in answer["only_here_cases"][:10]:
        terminal.result(
            f"  only here: {case['case'][:8]}  {line(case['title']) or '(no title)'}"
            f"  ({many(case['changes'], 'change')})"
        )
    if answer["conflicts"]:
        terminal.result(f"⚠ {many(answer['conflicts'], 'case')} with a conflict: cellsync case list --conflicts")
    for peer in answer["peers"]:
        if peer["version"]:
            terminal.result(f"⚠ {to_update(peer)}")
    for said in clocks(answer["peers"], answer["others_ahead"]):
        terminal.result(f"⚠ {said}")
    for said in little_memory(answer):
        terminal.result(said)
    for flag in answer["flags"]:
        text = flag["text"] if flag["text"].endswith("?") else f"{flag['text']}."
        of = f"{several[flag['circle']]}: " if flag["circle"] in several else ""
        terminal.result(f"⚠ {of}{line(flag['author'], 24)} {text}")
    if not seen and not all(flag["lasting"] for flag in answer["flags"]):
        terminal.next("cellsync status --seen   when you have dealt with these", writes=True)
    elif not answer["circles"]:
        terminal.next("cellsync circle unlock")
    elif all(one["standing"]["status"] == "removed" for one in answer["circles"]):
        terminal.next("cellsync case export")
    elif not answer["peers"]:
        terminal.next("cellsync invite", writes=True)
    elif only_here and not any(peer["connected"] for peer in answer["peers"]):
        terminal.next("cellsync sync", writes=True)
    terminal.answer(answer)


def _elsewhere(only_here: int) -> str:
    if not only_here:
        return "all of mine is elsewhere too"
    return f"{many(only_here, 'CHANGE', 'CHANGES')} ON NO OTHER DEVICE"
