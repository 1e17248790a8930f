"""Words: counts, times and people's texts, for one line of a terminal."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from cellsync.core.plain import apart, plain_line, shown

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def many(number: int, one: str, several: str = "") -> str:
    """`1 case`, `3 cases`."""
    return f"{number} {one if number == 1 else several or one + 's'}"


def duration(seconds: float) -> str:
    """`12 min`, in its greatest unit."""
    for size, unit in _UNITS:
        if seconds >= size - 0.5:
            return f"{round(seconds / size)} {unit}"
    return "0 s"


def locks_sooner(asked: float | None, locks_in: float | None) -> str:
    """Why a cell locks sooner than somebody has asked for, 0 being never; "": it does not."""
    if asked is None or locks_in is None or 0 < asked <= locks_in + 1:
        return ""
    return "Not later: a circle has chosen that for all devices. Which one: cellsync settings"


def now() -> datetime:
    return datetime.now(UTC)


def ago(time: str | None) -> str:
    if time is None:
        return "never seen"
    seconds = (now() - datetime.fromisoformat(time)).total_seconds()
    return "just now" if seconds < 5 else f"{duration(seconds)} ago"


def seen(peer: dict[str, Any]) -> str:
    """`seen 3 d ago`, `never seen`."""
    last = ago(peer["last_seen"])
    return last if peer["last_seen"] is None else f"seen {last}"


def to_update(peer: dict[str, Any]) -> str:
    """Which side has to update before anything is exchanged with a device; "" if neither."""
    name = line(peer["name"], 24)
    match peer["version"]:
        case "older":
            return f"{name}'s cellsync is older: update it there."
        case "newer":
            return f"{name}'s cellsync is newer: update the one here."
    return ""


def other_clock(peer: dict[str, Any]) -> str:
    """`Ben's clock is 3 days ahead of this device's.`; "" if it is not known to differ by five minutes."""
    known = peer["clock"]
    if known is None or not apart(known["ahead"]):
        return ""
    verb = "is" if peer["connected"] else "was, when last met," if known["measured"] else "seems to be"
    return f"{line(peer['name'], 24)}'s clock {verb} {apart(known['ahead'])} this device's."


def clocks(peers: list[dict[str, Any]], others_ahead: float | None = None) -> list[str]:
    """Messages about clocks that differ: about this device's if two others agree that it does, else about theirs."""
    if others_ahead is not None and apart(others_ahead):
        return [f"This device's clock is {apart(-others_ahead)} the others'. Set date and time."]
    return [said for peer in peers if (said := other_clock(peer))]


def clock(time: str | None) -> str:
    """A claimed time, in the time zone of this device: `2026-03-01 09:58`."""
    if time is None:
        return ""
    read = datetime.fromisoformat(time)
    with suppress(OverflowError):  # a claimed time at the end of the calendar, which in this time zone would be past it
        read = read.astimezone()
    return f"{read:%Y-%m-%d %H:%M}"


def size(number: int) -> str:
    """The size of a file, given in bytes."""
    return f"{number / 1e6:.1f} MB"


def little_memory(status: dict[str, Any]) -> list[str]:
    """A warning if a guess at the passphrase costs less than on other devices."""
    memory = status["key_memory"] or 0  # below one MiB: a vault for tests
    if not 0 < memory < 256:
        return []
    return [
        f"⚠ This device had little memory: a guess at the passphrase takes {memory} MiB, not 256. Use a longer one."
    ]


def secrecy(window: dict[str, Any]) -> str:
    """From when on what was recorded on the network is closed also to whoever takes a device, and what sets that."""
    made = window["backup"]
    backups = "but for backups" if made is None else f"but for backups: this device made one on {clock(made)}"
    if not window["days"]:
        return f"Forward secrecy: what was recorded before today stays closed, whoever takes a device ({backups})."
    why = {
        "seal_secret": "this device's oldest key for epochs is that old",
        "unattested": "nobody else has shown that those days are over",
        "absent": f"{line(window['name'] or '', 24)} was not heard for so long",
    }[window["bound"]]
    return (
        f"Forward secrecy: what was recorded more than {many(window['days'], 'day')} ago stays closed, whoever takes a "
        f"device ({backups}): {why}."
    )


def put_back(copied: str) -> str:
    """A message about a cell that was put back from a backup made at this time."""
    return f"Put back from the backup of {clock(copied)}. What was written after it comes back from the other devices."


def wipe_ahead(name: str, seconds: float) -> str:
    """What a removed device is about to do."""
    what = line(name) or "a circle"
    return (
        f"⚠ This device wipes {what} when it has been on for {hours(seconds)} more: it was removed, "
        "and the circle has chosen that. It stops once as many coordinators speak against the removal as spoke for it, "
        "unless the recovery key did: cellsync members contest. Until then you can export: cellsync case export"
    )


def has_wiped(circles: int) -> str:
    """What was destroyed as the cell was opened."""
    them = "it, and it had" if circles == 1 else "them, and they had"
    return f"⚠ {many(circles, 'circle')} wiped just now: this device was removed from {them} chosen that."


def hides_wiped(circles: int) -> str:
    """What a read-only disk still has, and is not shown."""
    it, still = ("it", "It is") if circles == 1 else ("them", "They are")
    return (
        f"⚠ {many(circles, 'circle')} not shown: this device was removed from {it}, and is to wipe {it}: that was "
        f"chosen. {still} still on this disk, which is read-only. Make it writable and open the cell there once: that "
        f"wipes {it}."
    )


def hours(seconds: float) -> str:
    """`51 h`; below an hour in minutes."""
    return f"{round(seconds / 3_600)} h" if seconds >= 3_570 else duration(seconds)


def line(text: str, longest: int = 60) -> str:
    """A person's text, safe for a terminal, on one line."""
    return plain_line(text, longest)


def safe(text: str) -> str:
    """A person's text, safe for a terminal; all lines but the first are indented, so none looks like one of ours."""
    return shown(text.replace("\t", " ")).replace("\n", "\n    ")


def listed(names: list[str], last: str = "and") -> str:
    """`Ana, Ben and Cara`."""
    return f"{', '.join(names[:-1])} {last} {names[-1]}" if len(names) > 1 else "".join(names)


def table(rows: list[list[str]]) -> list[str]:
    """Rows as lines, their columns below one another."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)] if rows else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def circle_names(circles: list[dict[str, Any]]) -> dict[str, str]:
    """What to call each of these circles, by id; those that are called alike, or not yet, with their ids."""
    names = [line(one["name"], 40) for one in circles]
    return {
        one["id"]: name if name and names.count(name) == 1 else f"{name or '(no name yet)'} {one['short']}"
        for one, name in zip(circles, names, strict=True)
    }


def all_locked(circles: list[str]) -> str:
    """That no circle is open, and what opens one."""
    one, ids = len(circles) == 1, ", ".join(line(short) for short in circles)
    which = f"The circle here ({ids}) is" if one else f"All circles here ({ids}) are"
    return (
        f"⚠ {which} locked with {'a passphrase' if one else 'passphrases'} of {'its' if one else 'their'} own: "
        "nothing is shown, and nothing is kept in step. cellsync circle unlock"
    )


def said(values: list[dict[str, Any]]) -> str:
    """One value, or all that contradict each other, with authors and times."""
    if len(values) == 1:
        return safe(values[0]["text"])
    each = (f'{clock(value["at"])} {line(value["author"], 20)}: "{line(value["text"])}"' for value in values)
    return f"⚠ {len(values)} values   " + " | ".join(each)


def lacking(peer: dict[str, Any]) -> str:
    """What a device lacks, and how much it has that this one lacks; nothing if that is not known."""
    lacks = "lacks" if peer["connected"] else "is not known to have"  # another device may have brought it meanwhile
    parts = [f"{lacks} {many(peer['lacks'], 'change')} of yours"] if peer["lacks"] else []
    parts += [f"lacks {many(peer['lacks_of_others'], 'change')} of others"] if peer["lacks_of_others"] else []
    parts += [f"has {peer['owes']} that you lack"] if peer["owes"] else []
    return ", ".join(parts)


def presence(peer: dict[str, Any]) -> str:
    """Whether a device is connected, and whether both hold the same: only what is known, and as of when."""
    last = ago(peer["last_seen"])
    here = "LAN, connected" if peer["connected"] else seen(peer)
    lacks = lacking(peer)
    if peer["version"]:
        return f"{here} · nothing exchanged" + (f", {lacks}" if lacks else "")
    if peer["suspended"]:
        return f"{here} · suspended: told nothing of cases"
    if peer["in_step_now"]:
        return f"{here} · in step"
    if lacks:
        return f"{here} · {lacks}"
    if peer["in_step"]:
        then = f"in step when last seen, {last}"
        return f"{here} · {then}" if peer["connected"] else then
    return f"{here} · " + ("not known to be in step" if peer["in_step"] is None else "not in step")
