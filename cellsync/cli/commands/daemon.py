"""daemon run, install, stop."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import click

from cellsync.api.client import NoDaemon, SocketClient
from cellsync.cli.commands.cell import Duration, lan_mode, lan_options
from cellsync.cli.options import Group, options_of
from cellsync.cli.output import in_front, is_terminal, put, say
from cellsync.cli.terminal import terminal_of
from cellsync.cli.words import clock
from cellsync.core.errors import CellsyncError
from cellsync.profile.holder import Busy, since
from cellsync.profile.profile import Profile

_UNLOCK: Final = "cellsync unlock   in another terminal"
_MAKE_ONE: Final = "cellsync init CELL, or cellsync join, in another terminal; if yours is elsewhere: --profile DIR"
_RUNNING: Final = "Use it: cellsync unlock. Or end it: cellsync daemon stop"


@click.group(cls=Group, short_help="Keep a cell in step, and open while you work.")
def daemon() -> None:
    """The daemon: keeps a cell in step, and holds it open while you work."""


@daemon.command()
@click.option("--idle-lock", type=Duration(), default="15m", show_default=True, help="Lock after so long without use.")
@lan_options
@click.pass_context
def run(
    context: click.Context, idle_lock: float, lan: str | None, no_lan: bool, interfaces: tuple[str, ...], port: int
) -> None:
    """Run until Ctrl-C. It starts locked: cellsync unlock opens it.

    Logs go to standard error, one JSON object per line, without names, texts or addresses.
    """
    from cellsync.cli.reach import profile_of, read_only
    from cellsync.daemon.start import run as run_daemon
    from cellsync.profile.profile import checked

    profile, options = profile_of(context), options_of(context)
    if profile.exists and profile.is_read_only:
        raise read_only(profile)
    settings = profile.settings()
    given: dict[str, Any] = {
        "lan": lan_mode(lan, no_lan), "interfaces": interfaces or None, "port": port or None,
    }  # fmt: skip
    settings = checked(settings._replace(**{name: value for name, value in given.items() if value is not None}))
    ready = partial(_ready, profile) if not options.quiet else lambda _: None
    try:
        run_daemon(profile, settings, idle_lock or None, options.verbose - options.quiet, ready)
    except Busy:
        raise _held(profile) from None


def _ready(profile: Profile, state: str) -> None:
    """Tell a person that the daemon runs; service managers and scripts read the log."""
    if state != "empty":
        if in_front():
            put(f"The daemon runs for {profile.folder}, {state}. Ctrl-C ends it.\n  next: {_UNLOCK}", fit=True)
        return
    ends = "; Ctrl-C ends it" if in_front() else ""
    text = f"There is no cell in {profile.folder} yet. The daemon waits for one{ends}.\n  next: {_MAKE_ONE}"
    if is_terminal(sys.stdout):  # even in the background: perhaps another folder was meant
        put(text, fit=True)
    elif is_terminal(sys.stderr):
        say(text)


def _held(profile: Profile) -> CellsyncError:
    """The error that names who already works with the profile: a daemon, or a single command."""
    try:
        SocketClient(profile).health()
        began = clock(datetime.fromtimestamp(since(profile), UTC).isoformat())
        return Busy(f"A daemon is running for this profile already, since {began}.", hint=_RUNNING)
    except NoDaemon:
        return Busy(hint="Wait until it is done, or end it: cellsync panic")
    except CellsyncError as error:
        return error


@daemon.command(short_help="Let it start when you log in.")
@click.option("--print", "only_print", is_flag=True, help="Show the file, and change nothing.")
@click.pass_context
def install(context: click.Context, only_print: bool) -> None:
    """Let the daemon start when you log in: a systemd user unit, or a launchd agent.

    It starts locked.
    """
    from cellsync.cli.reach import profile_of
    from cellsync.daemon.units import install, unit_for_this_system

    terminal = terminal_of(context)
    unit = unit_for_this_system(profile_of(context))
    if only_print:
        terminal.result(unit.content.rstrip("\n"), fit=False)
        terminal.answer({"v": 1, "path": str(unit.path), "content": unit.content, "enabled": False})
        return
    enabled = install(unit)
    terminal.result(f"✓ {unit.path}")
    if not enabled:
        terminal.say(f"It could not be started from here. Do it yourself: {unit.start}")
    terminal.next("cellsync unlock")
    terminal.answer({"v": 1, "path": str(unit.path), "content": unit.content, "enabled": enabled})


@daemon.command()
@click.pass_context
def stop(context: click.Context) -> None:
    """End the daemon, in good order."""
    from cellsync.api.stop import stop as stop_daemon
    from cellsync.cli.reach import profile_of

    terminal = terminal_of(context)
    ended = stop_daemon(profile_of(context))
    terminal.result("✓ Stopped." if ended else "No daemon is running.")
    terminal.answer({"v": 1})
