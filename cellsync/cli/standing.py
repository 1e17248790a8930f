"""Standing: how this device itself stands in a circle, in words; and what becomes of what it writes there."""

from __future__ import annotations

from typing import Any

from cellsync.cli.terminal import Terminal
from cellsync.cli.words import clock, line


def stands(own: dict[str, Any]) -> str:
    """`You left Mill Street on 2026-03-01 09:58.`; "": as a member does."""
    circle, on = line(own["called"], 40) or "a circle", f" on {clock(own['at'])}" if own["at"] else ""
    match own["status"]:
        case "removed" if own["left"]:
            return f"You left {circle}{on}."
        case "removed":
            by = line(own["by"], 40) or "whoever has its recovery key"
            return f"This device was removed from {circle}{on}, by {by}."
        case "suspended" if own["left"]:
            return f"You want to leave {circle}. That counts once {decides(own)}, and until then you are suspended."
        case "suspended":
            return f"This device is suspended in {circle}, until {decides(own)}."
    return ""


def of_own(own: dict[str, Any]) -> list[str]:
    """What a device says of itself that was removed, has left, or is suspended."""
    said = [f"⚠ {text}" for text in [stands(own)] if text]
    if own["status"] == "suspended":
        waits = "is listed here alone" if own.get("listed") else "waits: cellsync quarantine show"
        said.append(f"It is told who is a member, and votes. What it writes to cases {waits}")
    if own["status"] != "removed":
        return said
    said.append("It sends and receives nothing there any more. What is here can still be read and exported.")
    if own["by"] and not own["left"]:
        said.append("A coordinator who disagrees answers: cellsync members contest")
    return said


def decides(own: dict[str, Any]) -> str:
    """What ends a suspension: whose word, or another coordinator in the place of one who leaves."""
    if own["left"]:
        return "the recovery key has made another coordinator"
    who = [line(name, 40) for name in own["settles"]] + (["the recovery key"] if own["paper"] else [])
    return f"{' or '.join(who)} has decided the dispute" if who else "a dispute is decided (cellsync members)"


def outside(own: dict[str, Any]) -> str:
    """What is said of something that a suspended device has just written."""
    if own.get("listed"):  # a daemon from before does not say
        return (
            f"⚠ It waits: no other device shows it until {decides(own)}. This one lists it until it has all of the "
            "dispute; then it is kept, and you can read it: cellsync quarantine show"
        )
    return (
        f"⚠ It waits outside: no list shows it, here or on other devices, until {decides(own)}. "
        "It is kept, and you can read it: cellsync quarantine show"
    )


def say_if_outside(terminal: Terminal, answer: dict[str, Any]) -> None:
    """Whoever writes on a suspended device learns at once that nobody is shown it."""
    if waits := answer.get("waits"):  # a daemon from before does not say
        terminal.result(outside(waits))


def place(own: dict[str, Any]) -> str:
    """For a row: `writer`, `writer, suspended`, `left`, `removed`."""
    match own["status"]:
        case "waiting":
            return "not admitted yet"
        case "removed":
            return "left" if own["left"] else "removed"
        case "suspended":
            return f"{own['role'] or 'no role'}, suspended"
    return own["role"] or "no role"
