"""sync and watch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import click

from cellsync.api.contract.problems import INTERRUPTED, NO_PEER, PARTLY
from cellsync.cli.options import Command
from cellsync.cli.terminal import Terminal, terminal_of
from cellsync.cli.words import circle_names, clocks, lacking, line, presence, seen, table, to_update
from cellsync.core.errors import ClocksDiffer, PeerNewer, PeerOlder


@click.command(cls=Command)
@click.option("--wait", is_flag=True, help="Until every other device has been in step, not only those that are there.")
@click.option("--timeout", type=click.FloatRange(1, 86_400), default=30, show_default=True, help="Seconds.")
@click.pass_context
def sync(context: click.Context, wait: bool, timeout: float) -> None:
    """Look for the others, exchange, and say who is in step."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    last: dict[str, Any] = {"peers": []}
    circles: dict[str, str] = {}
    try:
        with opened(context, online=True) as client:
            circles.update(circle_names(client.call("circles")["circles"]))
            job = follow(
                terminal, client, client.call("sync", everyone=wait, timeout=timeout), "sync", seen=last.update
            )
    except BaseException:  # a timeout, or Ctrl-C: still report what was reached
        _say_how_far(terminal, [peer for peer in last["peers"] if peer["reached"] and not peer["version"]], circles)
        raise
    peers = job["peers"]
    _say_how_far(terminal, peers, circles)
    warnings = [to_update(peer) for peer in peers if peer["version"]]
    for warning in warnings:
        terminal.result(f"⚠ {warning}")
    for sentence in clocks(peers):
        terminal.result(f"⚠ {sentence}")
    terminal.answer(job)
    missed = [peer for peer in peers if not peer["came_in_step"]]
    if wait and not all(peer["reached"] or peer["version"] for peer in missed):
        terminal.say("Not everybody was reached in time.")
    if any(peer["reached"] or peer["version"] for peer in missed):
        raise SystemExit(PARTLY)
    if wait and missed:
        raise SystemExit(NO_PEER)


def _say_how_far(terminal: Terminal, peers: list[dict[str, Any]], circles: dict[str, str]) -> None:
    several = len({peer["circle"] for peer in peers}) > 1
    for row in table(
        [[line(peer["name"], 40), _how_far(peer), circles.get(peer["circle"], "") if several else ""] for peer in peers]
    ):
        terminal.result(row)


def _how_far(peer: dict[str, Any]) -> str:
    """The outcome of a sync with one device, and when it was reached."""
    lacks = lacking(peer)
    gone = f"{seen(peer)} · {lacks}" if lacks else seen(peer)
    if peer["came_in_step"]:
        at = f"✓ in step at {datetime.fromisoformat(peer['came_in_step']).astimezone():%H:%M}"
        if peer["connected"]:
            return at
        return f"✓ {presence(peer)}" if peer["in_step"] else f"{at} · {gone}"
    if peer["version"]:
        return f"nothing exchanged ({seen(peer)})"
    if peer["suspended"]:
        return "not in step: it is suspended, and told nothing of cases until that is decided"
    if peer["connected"]:
        return f"not in step: {lacks or 'not finished'}"
    if peer["reached"]:
        return f"left before it was in step · {gone}"
    return f"not reached · {presence(peer) if peer['in_step'] else gone}"


def follow(
    terminal: Terminal, client: Any, job: Any, what: str, brought: str = "",
    seen: Callable[[dict[str, Any]], object] = lambda job: None,
) -> Any:  # fmt: skip
    """Follow a sync until it is over, or until the device `brought` lacks nothing; moves a bar. Raises Refusal.

    `seen` is called with each step.
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
                seen(last)
                if any(peer["device"] == brought and not peer["lacks"] for peer in last["peers"]):
                    return last
        except BaseException:  # Ctrl-C: the daemon need not look for others any longer
            with suppress(Exception):
                client.call("sync.cancel", job=job["job"])
            raise
    return finished(_named(last))


def _named(job: Any) -> Any:
    """The job; if it failed for want of an update or a right clock, its error names the devices concerned."""
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
        except KeyboardInterrupt:  # the documented end
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
        case "member.added" if data["member"] != data["device"]:
            return f"{line(data['name'], 60)} is a further device of that member now"
        case "member.added":
            return f"{line(data['name'], 40)} is a member now, as {data['role']}"
        case "member.removed" if data["left"]:
            return f"{line(data['name'], 40)} has left: cellsync members"
        case "member.removed":
            return f"⚠ {line(data['name'], 40)} was removed: cellsync members"
        case "member.suspended" if data["left"]:
            return f"{line(data['name'], 40)} wants to leave, which needs another coordinator: cellsync members"
        case "member.suspended":
            return f"⚠ {line(data['name'], 40)} is suspended until a dispute is decided: cellsync members"
        case "member.returned":
            return f"{line(data['name'], 40)} is active again"
        case "circle.added":
            return "this device is in one more circle: cellsync circle list"
        case "settings.changed":
            wanted = f" {line(data['wanted'], 12)} is wanted" if data["wanted"] else ""
            now = line(data["in_force"] or "each device for itself", 24)
            return f"{line(data['name'], 24)} is {now} now{f';{wanted}' if wanted else ''}: cellsync settings"
        case "flag":
            return "⚠ a warning: cellsync status"
        case "reset":
            return "some changes were skipped: read anew what you look at"
        case "locked":
            return "locked"
    known = (f"{key}={line(str(value))}" for key, value in data.items() if isinstance(value, (str, int)))
    return f"{line(event)} {' '.join(known)}"
