"""sync and watch."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import click

from cellsync.api.contract.problems import INTERRUPTED
from cellsync.cli.options import Command
from cellsync.cli.terminal import Terminal, terminal_of
from cellsync.cli.words import clocks, lacking, line, seen, table, to_update
from cellsync.core.errors import ClocksDiffer, PeerNewer, PeerOlder


@click.command(cls=Command)
@click.option("--wait", is_flag=True, help="Until every other device is in step, not only those that are there.")
@click.option("--timeout", type=click.FloatRange(1, 86_400), default=30, show_default=True, help="Seconds.")
@click.pass_context
def sync(context: click.Context, wait: bool, timeout: float) -> None:
    """Look for the others, exchange, and say who is in step."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    since: dict[str, datetime] = {}
    with opened(context, online=True) as client:
        job = follow(terminal, client, client.call("sync", everyone=wait, timeout=timeout), "sync", since=since)
    rows = []
    for peer in job["peers"]:
        if peer["in_step_now"]:
            state = f"✓ in step at {since[peer['device']].astimezone():%H:%M}"
        elif peer["version"]:
            state = f"nothing exchanged ({seen(peer)})"
        elif peer["connected"]:
            state = f"not in step: {lacking(peer) or 'not finished'}"
        else:
            state = f"not reached ({seen(peer)})"
        rows.append([line(peer["name"], 40), state])
    for row in table(rows):
        terminal.result(row)
    warnings = [to_update(peer) for peer in job["peers"] if peer["version"]]
    for warning in warnings:
        terminal.result(f"⚠ {warning}")
    for said in clocks(job["peers"]):
        terminal.result(f"⚠ {said}")
    terminal.answer(job)
    if warnings or any(peer["connected"] and not peer["in_step_now"] for peer in job["peers"]):
        from cellsync.api.contract.problems import PARTLY

        raise SystemExit(PARTLY)
    if wait and not all(peer["in_step_now"] for peer in job["peers"]):
        from cellsync.api.contract.problems import NO_PEER

        terminal.say("Not everybody was reached in time.")
        raise SystemExit(NO_PEER)


def follow(
    terminal: Terminal, client: Any, job: Any, what: str, brought: str = "", since: dict[str, datetime] | None = None
) -> Any:
    """A sync until it is over, or until the device `brought` holds what is here; moves a bar. Raises Refusal.

    `since`: when each device that is in step came in step, as far as it is seen.
    """
    from cellsync.cli.waits import finished, steps

    with terminal.bar(what) as move:
        first = 0
        last = job
        try:
            for last in steps(client, "sync.show", job):
                missing = sum(peer["lacks"] + (peer["owes"] or 0) for peer in last["peers"] if peer["connected"])
                first = max(first, missing)
                move(first - missing, first)
                if since is not None:
                    _note(last["peers"], since)
                if any(peer["device"] == brought and not peer["lacks"] for peer in last["peers"]):
                    return last
        except BaseException:  # Ctrl-C: the daemon need not look for others any longer
            with suppress(Exception):
                client.call("sync.cancel", job=job["job"])
            raise
    return finished(_named(last))


def _note(peers: list[dict[str, Any]], since: dict[str, datetime]) -> None:
    """The sync may wait for others long afterwards."""
    for peer in peers:
        if peer["in_step_now"]:
            since.setdefault(peer["device"], datetime.now(UTC))
        else:
            since.pop(peer["device"], None)


def _named(job: Any) -> Any:
    """The job; where it failed because an update or a clock is wanting, with the names of whom that is about."""
    error = job["error"]
    code = "" if error is None else error["code"]
    said: list[str] = []
    if code in (PeerOlder.code, PeerNewer.code):
        said = [to_update(peer) for peer in job["peers"] if peer["version"]]
    elif code == ClocksDiffer.code:
        said = clocks([peer for peer in job["peers"] if not peer["connected"]])
    return {**job, "error": {**error, "message": " ".join(said)}} if said else job


@click.command(cls=Command)
@click.option("--since", default="", metavar="CURSOR", help="Go on after this cursor, as an earlier watch showed it.")
@click.pass_context
def watch(context: click.Context, since: str) -> None:
    """What changes, as it happens, until Ctrl-C. With --json one object per line."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context, online=True) as client:
        terminal.say("Watching. Ctrl-C ends it.")
        try:
            for event in client.events(since):
                terminal.result(_told(event["event"], event["data"]))
                terminal.answer(event)
        except KeyboardInterrupt:  # as was said
            raise SystemExit(INTERRUPTED) from None


_REMOVES: Final = ("discard", "delete", "retract")


def _told(event: str, data: dict[str, Any]) -> str:
    match event:
        case "case.changed":
            how = "here" if data["local"] else line(data["author"], 24)
            text = line(data["text"], 60)
            if data.get("did") in _REMOVES:
                text = f"-{text}" if data.get("removed") else "something was removed"
            return f"{data['case'][:8]}  {how}: {line(data['field'], 40)} {text}".rstrip()
        case "case.conflict":
            fields = ", ".join(line(field, 40) for field in data["fields"])
            return f"{data['case'][:8]}  ⚠ conflict in {fields}: cellsync case show {data['case'][:8]}"
        case "peer.up":
            return f"{line(data['name'], 40)} is connected"
        case "peer.version" if data["version"]:
            return f"⚠ {to_update(data)}"
        case "peer.version":
            return f"{line(data['name'], 40)} and this device understand each other again"
        case "member.added":
            return f"{line(data['name'], 40)} is a member now, as {data['role']}"
        case "flag":
            return "⚠ a warning: cellsync status"
        case "reset":
            return "some changes were skipped: read anew what you look at"
        case "locked":
            return "locked"
    known = (f"{key}={line(str(value))}" for key, value in data.items() if isinstance(value, (str, int)))
    return f"{line(event)} {' '.join(known)}"
