"""The reach of a command: its profile's daemon if one runs, else the profile itself, opened for one command."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from shlex import quote
from typing import TYPE_CHECKING, Final

import click

from cellsync import __version__
from cellsync.api.client import Answer, Client, NoDaemon, SocketClient
from cellsync.api.contract.problems import Locked, problem_of
from cellsync.cli.options import options_of
from cellsync.cli.terminal import Terminal, terminal_of
from cellsync.cli.words import clock
from cellsync.core.errors import CellsyncError, VaultExists, VaultMissing
from cellsync.core.plain import plain_line
from cellsync.profile.holder import Busy, HeldBy, held_by, since
from cellsync.profile.profile import Profile, chosen
from cellsync.store.files import ReadOnlyDisk
from cellsync.store.wipe import VaultWiped

if TYPE_CHECKING:
    from cellsync.api.direct import DirectClient

STARTS_WITHIN: Final = 10.0  # seconds for a running daemon to open its socket
APPEARS_WITHIN: Final = 2.0  # seconds for a daemon to appear that was only just started
_AGAIN: Final = 0.05


def profile_of(context: click.Context) -> Profile:
    return chosen(options_of(context).profile)


def daemon_of(
    profile: Profile, within: float = 0.0, say: Callable[[str], object] = lambda text: None
) -> SocketClient | None:
    """The daemon, if one runs. Says at the start for which other command this one waits, and whether the daemon was
    started before cellsync was updated, in which case it may not understand the request.

    Raises Busy if the other command does not end in time, DaemonSilent.
    """
    client = SocketClient(profile)
    began = time.monotonic()
    told = False
    while True:
        try:
            version = client.health()["version"]
            if version != __version__:
                say(_OTHER_VERSION.format(theirs=plain_line(version, 20), ours=__version__))
            return client
        except NoDaemon:
            held = held_by(profile)
            if time.monotonic() - began > (within if held is None else STARTS_WITHIN):
                if held is not None:
                    raise Busy(f"Another cellsync is working with this profile: {_holder(profile, held)}.") from None
                return None
            if held is not None and held.command and not told:
                say(f"Waiting for another command, {STARTS_WITHIN:.0f} s at most: {_holder(profile, held)}.")
                told = True
        time.sleep(_AGAIN)


def _holder(profile: Profile, held: HeldBy) -> str:
    """The process that holds the profile, and since when; `ps` can tell more about it."""
    return f"process {held.pid}, since {datetime.fromtimestamp(since(profile)):%H:%M:%S}"  # noqa: DTZ006


def the_daemon(context: click.Context) -> SocketClient:
    """The daemon, for commands that only a daemon can carry out. Raises NoDaemon."""
    client = daemon_of(profile_of(context), APPEARS_WITHIN, terminal_of(context).say)
    if client is None:
        profile = profile_of(context)
        raise read_only(profile) if profile.exists and profile.is_read_only else NoDaemon
    return client


def the_open_daemon(context: click.Context, without: NoDaemon | None = None) -> SocketClient:
    """The same for what is done to an open cell that stays open, before a passphrase is asked for.

    Raises NoDaemon (`without`, which says more), VaultMissing, Locked.
    """
    profile = profile_of(context)
    if not profile.exists:
        raise missing(profile)
    try:
        client = the_daemon(context)
    except NoDaemon:
        if without is None:
            raise
        raise without from None
    if client.health()["state"] != "open":
        raise Locked
    return client


@contextmanager
def opened(
    context: click.Context, *, online: bool = False, writes: bool = False, asked: Callable[[str], object] = len
) -> Iterator[Client]:
    """The cell, open; without a daemon it is on a network only if `online`. On a read-only disk, a copy for reading.

    `asked` is told the passphrase, if it had to be asked for. With a daemon it has not.

    Raises Locked if a daemon runs and is locked, VaultMissing, WrongPassphrase; and ReadOnlyDisk, before asking for a
    passphrase, if the command is `online` or `writes`.
    """
    profile = profile_of(context)
    daemon = daemon_of(profile, say=terminal_of(context).say)
    if daemon is not None:
        with daemon:
            try:
                _say_standing(daemon.health(), daemon, terminal_of(context))
                yield daemon
            except CellsyncError as error:
                if problem_of(error).code == VaultMissing.code:  # the daemon cannot say how people name this folder
                    raise missing(profile) from None
                raise
        return
    if not profile.exists:
        raise missing(profile)
    looks = profile.is_read_only
    if looks and (online or writes):
        raise read_only(profile)
    terminal = terminal_of(context)
    if not terminal.gives_passphrase:
        raise NoDaemon(hint=_UNATTENDED)
    passphrase = terminal.passphrase()
    asked(passphrase)
    _be_quiet()
    with _look(profile, terminal) if looks else _here(profile, online) as client:
        _say_wiped(client.call("unlock", passphrase=passphrase)["wiped"], terminal, looks=looks)
        _say_standing(client.call("health"), client, terminal)
        yield client


def _say_standing(health: Answer, client: Client, terminal: Terminal) -> None:
    """Every command says that this device does not belong any more, or is suspended: nobody hears what is done here, or
    nobody is shown it; and that each circle is locked: there is nothing to be shown."""
    if health.get("bare"):  # a daemon from before does not say
        from cellsync.cli.words import all_locked

        terminal.need(all_locked(health["locked"]))
    if health["removed"] or health["suspended"]:
        from cellsync.cli.standing import stands

        for own in client.call("roster")["own"]:
            more = f" {_GONE}" if own["status"] == "removed" else ""
            if said := stands(own):
                terminal.need(f"⚠ {said}{more}")


def _say_wiped(circles: int, terminal: Terminal, *, looks: bool) -> None:
    """Whoever finds a circle missing learns why."""
    if circles:
        from cellsync.cli.words import has_wiped, hides_wiped

        terminal.need(hides_wiped(circles) if looks else has_wiped(circles))


@contextmanager
def at_rest(context: click.Context) -> Iterator[Client]:
    """The vault as it is, open or locked, for what asks for passphrases itself. Raises VaultMissing, ReadOnlyDisk."""
    profile = profile_of(context)
    daemon = daemon_of(profile, say=terminal_of(context).say)
    if not profile.exists:
        raise missing(profile)
    if profile.is_read_only:
        raise read_only(profile)
    if daemon is not None:
        with daemon:
            yield daemon
        return
    _be_quiet()
    with _here(profile, online=False) as client:
        yield client


@contextmanager
def empty(context: click.Context, *, online: bool = True) -> Iterator[Client]:
    """A profile that has no vault yet; without a daemon it is on a network if `online`. Raises VaultExists."""
    profile = profile_of(context)
    if profile.exists:
        raise VaultExists(f"There is a cell in {_named(profile)} already; nothing was changed.", hint=_ANOTHER)
    if isinstance(profile.missing(), VaultWiped):
        terminal_of(context).need(f"The cell that was in {_named(profile)} has been wiped: {_WHY_WIPED}.")
    daemon = daemon_of(profile, say=terminal_of(context).say)
    if daemon is not None:
        with daemon:
            yield daemon
        return
    _be_quiet()
    with _here(profile, online) as client:
        yield client


def _here(profile: Profile, online: bool) -> DirectClient:
    with _imports():
        from cellsync.api.direct import DirectClient  # only without a daemon
    return DirectClient(profile, online=online)


def _imports() -> AbstractContextManager[None]:
    """Spare the garbage collector imported objects: they stay, and scanning them again and again finds nothing."""
    from cellsync.ledger.pause import collector_paused

    return collector_paused()


@contextmanager
def _look(profile: Profile, terminal: Terminal) -> Iterator[Client]:
    with _imports():
        from cellsync.api.look import looking
    terminal.options.only_read = True
    with looking(profile) as (client, as_of):
        terminal.need(f"⚠ This disk is read-only: you read a copy of the cell as of {clock(as_of.isoformat())}.")
        yield client


def read_only(profile: Profile) -> ReadOnlyDisk:
    """The error of a command that a cell on a read-only disk cannot carry out."""
    return ReadOnlyDisk(
        "This cell is on a read-only disk. It can be read there; nothing can be written, sent or received.",
        hint=f"Put a copy on another disk, and work with that: cellsync --profile NEW restore {_quoted(profile)}",
    )


def _quoted(profile: Profile) -> str:
    return quote(_named(profile))


def missing(profile: Profile) -> VaultMissing:
    """The error names the folder, so that a wrong one is noticed."""
    found = profile.missing()
    if isinstance(found, VaultWiped):
        return VaultWiped(f"The cell in {_named(profile)} has been wiped: {_WHY_WIPED}.")
    return VaultMissing(f"There is no cell in {_named(profile)}.", hint=_NOWHERE)


def _named(profile: Profile) -> str:
    return plain_line(str(profile.folder), 200)


def _be_quiet() -> None:
    """Silence the log, which is for the daemon: a command says in its own words what went wrong."""
    import logging

    logging.getLogger("cellsync").addHandler(logging.NullHandler())


_GONE: Final = "Nothing is sent or received there. What is here can be read and exported. More: cellsync members"
_WHY_WIPED: Final = "this device had been removed from it, and it had chosen that"
_NOWHERE: Final = (
    "cellsync init CELL founds one there, cellsync join enters one. If yours is elsewhere: cellsync --profile DIR …"
)
_UNATTENDED: Final = (
    "Start it (cellsync daemon run) and open the cell (cellsync unlock); or give the passphrase: --passphrase-fd N"
)
_OTHER_VERSION: Final = (
    "⚠ The daemon is still cellsync {theirs}, and this is {ours}. End it and start it again: cellsync daemon stop, "
    "then cellsync daemon run"
)
_ANOTHER: Final = "Use it (cellsync status), or another folder: cellsync --profile DIR …"
