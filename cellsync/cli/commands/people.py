"""peers."""

from __future__ import annotations

from shlex import quote

import click

from cellsync.api.contract.problems import USAGE, Problem, Refusal
from cellsync.cli.interrupts import see_through
from cellsync.cli.options import Group
from cellsync.cli.terminal import terminal_of
from cellsync.cli.words import circle_names, clocks, line, presence, table, to_update


@click.group(cls=Group, invoke_without_command=True, short_help="The other devices.")
@click.pass_context
def peers(context: click.Context) -> None:
    """The other devices: connected or not, and what has reached them."""
    if context.invoked_subcommand is not None:
        return
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context) as client:
        answer = client.call("peers")
        circles = client.call("circles")["circles"]
    rows = []
    names = circle_names(circles) if len(circles) > 1 else {}
    for peer in answer["peers"]:
        rows.append([line(peer["name"], 40), presence(peer), peer["device"][:8], names.get(peer["circle"], "")])
    for row in table(rows):
        terminal.result(row)
    for peer in answer["peers"]:
        if peer["version"]:
            terminal.result(f"⚠ {to_update(peer)}")
    for sentence in clocks(answer["peers"]):
        terminal.result(f"⚠ {sentence}")
    if not rows:
        terminal.result("No other devices yet.")
        terminal.next("cellsync invite", writes=True)
    terminal.answer(answer)


@peers.command()
@click.argument("peer", metavar="NAME")
@click.argument("address", metavar="ADDRESS:PORT")
@click.pass_context
def add(context: click.Context, peer: str, address: str) -> None:
    """Where another device listens, for networks that carry no multicast.

    The port is what `cellsync peers --json` shows there.
    """
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    host, port = host_and_port(address)
    with opened(context, writes=True) as client:
        see_through(context, terminal)
        answer = client.call("peers.add", peer=peer, host=host, port=port)
    terminal.result("✓ Noted. It is called there from now on.")
    terminal.next(f"cellsync peers ping {quote(line(peer, 200))}")
    terminal.answer(answer)


@peers.command()
@click.argument("peer", metavar="NAME")
@click.option("--timeout", type=click.FloatRange(0.1, 60), default=5, show_default=True, help="Seconds.")
@click.pass_context
def ping(context: click.Context, peer: str, timeout: float) -> None:
    """How long a round trip to another device takes."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context, online=True) as client:
        answer = client.call("peers.ping", peer=peer, timeout=timeout)
    terminal.result(f"{line(answer['name'], 40)}: {answer['seconds'] * 1000:.1f} ms")
    terminal.answer(answer)


def host_and_port(text: str) -> tuple[str, int]:
    """`192.168.1.20:51234`, `[fe80::1%3]:51234`. Raises Refusal."""
    host, _, port = text.rpartition(":")
    if not host or not (port.isdecimal() and 0 < int(port) < 1 << 16):
        raise Refusal(Problem("invalid_value", "That is not an address and a port.", _ADDRESS, USAGE))
    return host.removeprefix("[").removesuffix("]"), int(port)


_ADDRESS = "Write 192.168.1.20:51234 or [fe80::1%3]:51234; a port is a number up to 65535."
