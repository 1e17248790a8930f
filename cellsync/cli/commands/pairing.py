"""invite and join: one device comes in, and two people compare words."""

from __future__ import annotations

import os
from contextlib import suppress
from shlex import quote
from typing import Any, Final

import click

from cellsync.cli.commands.cell import lan_mode, lan_options
from cellsync.cli.commands.edits import usage_error
from cellsync.cli.interrupts import see_through
from cellsync.cli.options import Command, circle_option
from cellsync.cli.terminal import NoTerminal, Terminal, read_line, terminal_of
from cellsync.cli.words import circle_names, line, many
from cellsync.core.errors import Interrupted
from cellsync.core.plain import apart

_NO_YES: Final = "--words-fd N, with the words that the other device shows"


def words_option(command: Any) -> Any:
    return click.option(
        "--words-fd", type=int, metavar="N",
        help="For scripts: read from this descriptor the words that the other device shows, and compare.",
    )(command)  # fmt: skip


def code_options(command: Any) -> Any:
    """The options of what shows a code."""
    for option in (
        words_option,
        click.option("--code-fd", type=int, metavar="N", help="For scripts: write the code to this descriptor."),
        click.option("--no-short-code", is_flag=True, help="Only the long code and the QR, at which nobody can guess."),
        circle_option("Into this circle; needed if there are several."),
    ):
        command = option(command)
    return command


@click.command(cls=Command, short_help="Invite one device.")
@click.option("--role", type=click.Choice(["reader", "writer", "coordinator"]), help="writer, if you say nothing.")
@click.option("--after-custody", default="", metavar="NAME", help="Somebody who was removed, and comes back.")
@code_options
@click.pass_context
def invite(
    context: click.Context, role: str | None, after_custody: str, circle: str, no_short_code: bool,
    code_fd: int | None, words_fd: int | None,
) -> None:  # fmt: skip
    """Invite one device: shows a QR and a code, waits for it, and lets you compare the words.

    The code is good for one use and ten minutes. Ctrl-C takes it back.

    --after-custody: with a new vault there, under the name that they had, and as a reader. A second coordinator has to
    have agreed to their removal before, and gives them more afterwards.
    """
    from cellsync.cli.reach import opened

    if after_custody and role not in (None, "reader"):
        raise usage_error("Who comes back is a reader first.", "cellsync invite --after-custody NAME")
    terminal = terminal_of(context)
    with opened(context, online=True) as client:
        given = (
            {"after_custody": after_custody, "role": role or "reader"} if after_custody else {"role": role or "writer"}
        )
        job = client.call("invite", **given, circle=circle, short_code=not no_short_code)
        job = come_in(terminal, client, job, code_fd, words_fd)
        who, into, all_of = line(job["name"], 40), "", ""
        circles = client.call("circles")["circles"]
        if len(circles) > 1:
            into = f" {circle_names(circles).get(job['circle'], '')}"
            all_of = " of this circle"
        terminal.result(f"✓ {who} joined{into} as {job['role']}.")
        terminal.say(f"They receive all cases and all history{all_of} now. Ctrl-C leaves that for later.")
        with suppress(KeyboardInterrupt):
            bring_up(terminal, client, f"{who} receives", job["device"])
    if after_custody:
        terminal.next(f"a second coordinator: cellsync members role {quote(who)} writer")
    else:
        terminal.next("cellsync status")
    terminal.answer(job)


def come_in(terminal: Terminal, client: Any, job: Any, code_fd: int | None, words_fd: int | None) -> Any:
    """Show the code, wait for the device, and let the words be compared. Returns the job, when it has joined."""
    from cellsync.cli.waits import after, finished

    try:
        _show(terminal, job, code_fd)
        job = after(client, "invite.show", job, "waiting")
        if job["state"] == "verify_words":
            who = "The new device" if job["link"] else f'"{line(job["name"], 24)}"'
            clock = "The new device's clock" if job["link"] else f"{line(job['name'], 24)}'s clock"
            ask = "Read the words on its screen." if job["link"] else "Ask them to read their words aloud."
            terminal.need(f"{who} is here. {ask}")
            _say_namesakes(terminal, job)
            _say_clocks(terminal, clock, job["clock_ahead"])
            job = _compare(terminal, client, "invite", job, words_fd)
        finished(_worded(job, _LINKING if job["link"] else _INVITING))
    except BaseException:
        with suppress(Exception):
            client.call("invite.cancel", job=job["job"])
        raise
    return job


def _show(terminal: Terminal, job: Any, code_fd: int | None) -> None:
    code = job["short_code"] or job["code"]
    if job["hidden_by"] is not None:
        terminal.need(_hidden(job))
    if code_fd is not None:
        os.write(code_fd, code.encode() + b"\n")
        return
    drawn = job["qr"].rstrip("\n")
    if terminal.draws and terminal.width > max(map(len, drawn.splitlines())):
        terminal.say(drawn)
    elif terminal.draws:
        terminal.say("(This window is too narrow for the QR.)")
    join = "cellsync join" if job["hidden_by"] is None else "as above"
    terminal.need(f"Other device: {join}      Code: {code}\none use · 10 min · Ctrl-C cancels it")


def _hidden(job: Any) -> str:
    """How this device is found that is shown on no network."""
    why = _BY_MEMBERS if job["hidden_by"] == "members" else _BY_DEVICE
    if not job["listens"]:
        return f"⚠ {why} And it is on no network now."
    first, *others = (line(address) for address in job["listens"])
    also = f"  (or {', '.join(others)})" if others else ""
    return f"⚠ {why} Other device:\n  cellsync join --address {first}{also}"


def _introduce(terminal: Terminal, client: Any, name: str | None, job: Any) -> tuple[str | None, Any]:
    """Ask who joins, unless the other side leaves first. Returns the name, and the job after that."""
    from cellsync.cli.waits import Overtaken, after, asking

    terminal.say("It is here, and the code is right.")
    try:
        with asking(client, "join.show", job):
            name = terminal.own_name(name)
            passphrase, made = terminal.new_passphrase(name)
        if made:
            terminal.need(f"Yours: {passphrase}\nWrite it down. Nobody can recover it.")
        job = client.call("join.introduce", job=job["job"], name=name, passphrase=passphrase)
    except Overtaken:
        terminal.need("")  # the question's line ends
    return name, after(client, "join.show", after(client, "join.show", job, "matched"), "connecting")


def _compare(terminal: Terminal, client: Any, kind: str, job: Any, words_fd: int | None) -> Any:
    """Let a person compare the words, unless the other side leaves first. Returns the job after that."""
    from cellsync.cli.waits import Overtaken, after, asking

    try:
        with asking(client, f"{kind}.show", job):
            same = _same(terminal, job["words"], words_fd)
        client.call(f"{kind}.confirm", job=job["job"], same=same)
    except Overtaken:
        terminal.need("")  # the question's line ends
    return after(client, f"{kind}.show", job, "verify_words")


def _same(terminal: Terminal, words: list[str], words_fd: int | None) -> bool:
    """Whether a person says that the words are the same; for scripts, whether they equal those read from `words_fd`."""
    terminal.need(f"Yours: {' '.join(words)}")
    if words_fd is not None:
        return read_line(words_fd).split() == words
    return terminal.ask_yes("Same words?", _NO_YES)


@click.command(cls=Command, short_help="Join a cell with a code.")
@click.option("--name", help="What the others will call you.")
@click.option("--code-fd", type=int, metavar="N", help="For scripts: read the code from this descriptor.")
@words_option
@click.option(
    "--address", metavar="HOST:PORT", help="Where the inviting device listens, for networks without multicast."
)
@click.option("--timeout", type=click.FloatRange(1, 600), default=60, show_default=True, help="Seconds to look for it.")
@lan_options
@click.pass_context
def join(
    context: click.Context, name: str | None, code_fd: int | None, words_fd: int | None, address: str | None,
    timeout: float, lan: str | None, no_lan: bool, interfaces: tuple[str, ...], port: int,
) -> None:  # fmt: skip
    """Join a cell with the code on another device's screen; or, with a cell here, one more circle.

    Asks for the code, which is never given as an argument: other people on this machine could read it. Every word is
    checked here first, so a slip of the finger sends nothing. When the code has matched, asks for your name and a
    passphrase; a device that is in a circle already joins under the name that it has.
    """
    from cellsync.cli.commands.people import host_and_port
    from cellsync.cli.reach import empty, profile_of

    terminal = terminal_of(context)
    host, to_port = host_and_port(address) if address else (None, None)
    if profile_of(context).exists:
        if name is not None or lan or no_lan or interfaces or port:
            raise usage_error(
                "This device has a name and a place on its networks already.", "For one more circle: cellsync join"
            )
        _join_as_well(context, code_fd, words_fd, {"timeout": timeout, "host": host, "to_port": to_port})
        return
    if name is not None:
        name = terminal.own_name(name)  # an invalid name is refused before the code is used up
    with empty(context) as client:
        code = _code(terminal, code_fd)
        if not (terminal.asks or (name and terminal.gives_passphrase)):
            raise NoTerminal(hint="Give them: --name NAME --passphrase-fd N")
        given = {"interfaces": list(interfaces), "port": port, "lan": lan_mode(lan, no_lan) or "asked"}
        given |= {"timeout": timeout, "host": host, "to_port": to_port}
        name, job = _joined(terminal, client, {"code": code, **given}, name, words_fd)
        see_through(context, terminal)
        status = client.call("status")
    me = status["name"] if status["role"] or name is None else name  # whoever let it in may have said its name
    if status["cell"]:
        terminal.result(f"✓ Joined {line(status['cell'])} as {line(me, 40)}. {many(status['cases'], 'case')} here.")
    else:
        terminal.result(f"✓ Joined as {line(me, 40)}. {_NAMELESS}")
    if name is not None and me != name:
        terminal.need(f"Whoever let it in has named it so. Circles that come later call it {line(name, 40)}.")
    terminal.next("cellsync case list" if status["cell"] else "cellsync sync")
    terminal.answer(job)


def _join_as_well(context: click.Context, code_fd: int | None, words_fd: int | None, given: dict[str, Any]) -> None:
    """Join one more circle. What it is called comes with its history."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context, online=True) as client:
        me = line(client.call("status")["name"], 40)
        terminal.say(f"This device joins one more circle, as {me}. Nothing is said there of those that it is in.")
        if client.call("roster")["removed"] is not None:
            terminal.need(_NEVER_BACK)
        _, job = _joined(terminal, client, {"code": _code(terminal, code_fd), **given}, me, words_fd)
        see_through(context, terminal)
        circles = client.call("circles")["circles"]
        known = client.call("members", circle=job["circle"])["members"]
    me = next((line(one["name"], 40) for one in known if one["me"]), me)  # whoever let it in may have said its name
    found = next(one for one in circles if one["id"] == job["circle"])
    if found["name"]:
        name = circle_names(circles)[found["id"]]
        terminal.result(f"✓ Joined {name} as {me}. {many(found['cases'], 'case')} of it here.")
        terminal.next(f"cellsync case list --circle {quote(line(found['name']))}")
    else:
        terminal.result(f"✓ Joined one more circle ({found['short']}) as {me}. {_NAMELESS}")
        terminal.next("cellsync sync")
    terminal.answer(job)


def _joined(
    terminal: Terminal, client: Any, given: dict[str, Any], name: str | None, words_fd: int | None
) -> tuple[str | None, Any]:
    """Join, and receive what is there. Returns the name, and the job."""
    from cellsync.cli.waits import after, finished

    job = client.call("join", **given)
    try:
        terminal.say("Looking for the other device …")
        job = after(client, "join.show", job, "connecting")
        if job["state"] == "matched":
            name, job = _introduce(terminal, client, name, job)
        if job["state"] == "verify_words":
            terminal.say("Compare your words with the other device's: aloud, if another person has it.")
            _say_clocks(terminal, "The other device's clock", job["clock_ahead"])
            job = _compare(terminal, client, "join", job, words_fd)
        finished(_worded(job, _JOINING))
    except BaseException as ended:
        over: dict[str, Any] = {}
        with suppress(Exception):
            over = client.call("join.cancel", job=job["job"])
        if not isinstance(ended, KeyboardInterrupt) or over.get("state") != "joined":
            raise
        job = over  # Ctrl-C came too late
    with suppress(KeyboardInterrupt):
        bring_up(terminal, client, "receiving")
    return name, job


def _say_namesakes(terminal: Terminal, job: Any) -> None:
    """Warn if the guest's name could be taken for a member's: matching words do not prove what the guest is called."""
    for namesake in job["namesakes"]:
        whose = "yours" if namesake["me"] else f"that of a {namesake['role']} of this cell"
        terminal.need(f'⚠ "{line(job["name"], 24)}" could be taken for {line(namesake["name"], 40)}: {whose}.')
    for former in job["former"]:
        by = line(former["by"] or "the recovery key", 40)
        how = "has left" if former["left"] else f"was removed by {by}"
        terminal.need(f"⚠ {line(former['name'], 40)} {how}. Should they come back? Ask whoever removed them, and why.")
    if job["namesakes"]:
        terminal.need("Another device of the same person? If not, say no, and ask for another name.")


def _say_clocks(terminal: Terminal, whose: str, ahead: float | None) -> None:
    """Warn if two clocks differ by five minutes or more; which of them is wrong cannot be known."""
    if ahead is not None and apart(ahead):
        terminal.need(f"⚠ {whose} is {apart(ahead)} this device's. Set the one that is wrong.")


def _worded(job: Any, hints: dict[str, tuple[str, str]]) -> Any:
    """The job, its error reworded for the person at this side."""
    error = job["error"]
    if error is None or error["code"] not in hints:
        return job
    if error["code"] == Interrupted.code and error["hint"] != Interrupted.default_hint:
        return job  # its own hint tells that the device was added all the same
    message, hint = hints[error["code"]]
    return {**job, "error": {**error, "message": message or error["message"], "hint": hint}}


_BY_MEMBERS: Final = "The members have chosen that devices are shown on no network, so nobody finds this one."
_BY_DEVICE: Final = "This device is shown on no network (--no-lan, or --lan listen), so nobody finds it."
_NAMELESS: Final = "What the circle is called, and its cases, come once a device of it is reached again."
_NEVER_BACK: Final = (
    "⚠ This device was removed from a circle, and never comes back into that one. Who may come back makes a new\n"
    "vault, with new keys: cellsync --profile FOLDER join"
)
_SAID_NO: Final = (
    "You said that the words differ. Nobody was added.",
    "Meet and scan the code from the screen, or use another way to send it.",
)
_INVITING: Final = {
    "declined": _SAID_NO,
    "interrupted": ("", "That code is used up. Make a new one: cellsync invite"),
    "code_burnt": ("", "New code: cellsync invite (--no-short-code if somebody is guessing)"),
}
_AGAIN: Final = "That code is used up. Make a new one: cellsync device link"
_LINKING: Final = {
    "declined": _SAID_NO,
    "interrupted": ("", _AGAIN),
    "code_burnt": ("", "New code: cellsync device link (--no-short-code if somebody is guessing)"),
}
_JOINING: Final = {
    "declined": _SAID_NO,
    "interrupted": ("", "That code is used up. Ask for a new one."),
}


def _code(terminal: Terminal, code_fd: int | None) -> str:
    """A well-formed code: a person is asked until it is, a script fails. Raises MalformedCode."""
    from cellsync.core.errors import MalformedCode
    from cellsync.core.pairing import short

    while True:
        text = read_line(code_fd) if code_fd is not None else terminal.ask("Code", "--code-fd N")
        try:
            short.parse(text)
            return text
        except MalformedCode as error:
            if code_fd is not None:
                raise
            terminal.need(f"error: {error}\n  hint: {error.hint}")


def bring_up(terminal: Terminal, client: Any, what: str, device: str = "") -> None:
    """Sync for up to half a minute, or until `device` has everything. Later syncs do the rest."""
    from cellsync.cli.commands.syncing import follow
    from cellsync.core.errors import CellsyncError

    try:
        follow(terminal, client, client.call("sync", timeout=30), what, device)
    except CellsyncError as error:
        terminal.say(f"Not everything was exchanged yet ({error}). It goes on with the next cellsync sync.")
