"""Removal: what is said of one before anybody decides, and after it."""

from __future__ import annotations

from shlex import quote
from typing import Any

from cellsync.cli.words import ago, clock, line, many


def gone(name: str, strike: dict[str, Any] | None) -> str:
    """Of somebody who is to be removed, and is not there any more."""
    on = f" on {clock(strike['at'])}" if strike is not None and strike["at"] else ""
    if strike is not None and strike["kind"] == "leave":
        return f"{name} left already{on}: nothing was written."
    by = "" if strike is None else f", by {line(strike['by'], 40) or 'the recovery key'}"
    agree = strike is not None and strike["lacks"] is not None and strike["lacks"]["of"]
    more = f" To agree to it: cellsync members endorse {quote(name)}" if agree else ""
    return f"{name} was removed already{on}{by}: nothing was written.{more}"


def outcome(there: dict[str, Any], what: str, *, several: bool) -> str:
    """What was done in one circle."""
    where = f" from {line(there['called'], 40)}" if several else ""
    if there["error"] is None:
        return f"✓ Removed{where}: {what}. {heard(there)}"
    again = f"cellsync members remove … --circle {quote(line(there['called'], 200))}"
    return f"✗ Not removed{where}: {line(there['error']['message'], 200)} Once that is well: {again}"


def previewed(seen: dict[str, Any], *, with_admitted: bool, only: str = "") -> list[str]:
    """What a removal does in each circle. `only`: the name of the device, if only one is removed."""
    several, said = len(seen["circles"]) > 1, []
    for there in seen["circles"]:
        name, called = line(there["name"], 40), line(there["called"], 40)
        if several:
            said.append(f"{called}:")
        if there["covered"]:
            said += _done_there(there, only or name, with_admitted=with_admitted)
        elif not there["alike"]:
            said.append(f"  Somebody called {name} has the same keys there. They stay: a key that was entered proves")
            said.append(f"  nothing. If it is the same person: {_in(there, name)}")
        else:
            said += _left_there(there, name)
    return said


def _in(there: dict[str, Any], name: str) -> str:
    return f"cellsync members remove {quote(name)} --circle {quote(line(there['called'], 200))}"


def _left_there(there: dict[str, Any], name: str) -> list[str]:
    """Of a circle in which this member cannot remove them: who can, and whom to tell."""
    if not there["coordinators"]:
        return ["  You cannot remove anybody there, and nobody coordinates: only its recovery key can."]
    able = " or ".join(line(one, 40) for one in there["coordinators"])
    said = [f"  You cannot remove {name} there: {able} can, and nothing is written there."]
    if there["tell"]:
        whom = " and ".join(line(one, 40) for one in there["tell"])
        said.append(f"  Tell {whom}, from person to person: {_in(there, name)}")
    hears = [line(one, 40) for one in there["coordinators"] if one not in there["tell"]]
    if hears:
        said.append(f"  {' and '.join(hears)} will see it without that: their own device says so once it hears.")
    return said


def _done_there(there: dict[str, Any], name: str, *, with_admitted: bool) -> list[str]:
    said = []
    for kept in there["devices"]:
        last = "connected" if kept["connected"] else f"last seen: {ago(kept['seen'])}"
        most = "has" if kept["in_step"] else "may have"
        said.append(
            f"{line(kept['name'], 40)} ({last}) KEEPS what it {most}: up to {many(there['changes'], 'change')} in "
            f"{many(there['cases'], 'case')}. Nobody can take that back."
        )
    for other in there["unaware"]:
        said.append(f"  {line(other, 40)} is not connected, and may still send to {name} until it hears of this.")
    if there["admitted"]:
        names = ", ".join(line(each, 40) for each in there["admitted"])
        also = "They are removed as well" if with_admitted else "They stay, unless you add --with-admitted"
        said.append(f"  admitted by {name}: {len(there['admitted'])} ({names}). {also}.")
    if there["seconds"] is not None:
        said.append(f"  {name} can contest it. To make it final: {missing_words(there['seconds'], there['name'])}")
    if there["planted"]:
        said.append(
            f"  {name} made coordinators where nobody else had a word, in two histories at once. These can leave"
        )
        said.append("  even a final removal undecided. The recovery key settles it: cellsync recovery use")
    if there["last_coordinator"]:
        said.append("  No coordinator would be left: nobody could invite, remove or release any more.")
    return said


def heard(answer: dict[str, Any]) -> str:
    return f"Confirmed by {answer['confirmed']} of {many(answer['others'], 'other device')}."


def counts_not_yet(whose: str, lacks: dict[str, Any], name: str) -> str:
    """Of a coordinator, whose name this is."""
    return f"{whose} word does not count in a dispute yet. It takes {missing_words(lacks, name)}"


def missing_words(lacks: dict[str, Any], about: str) -> str:
    """Whose word, and how they say it."""
    if not lacks["of"]:
        return "the recovery key: nobody else is left whose word counts."
    of = " or ".join(line(name, 40) for name in lacks["of"])
    return f"{many(lacks['words'], 'word')} more, of {of}: cellsync members endorse {quote(line(about, 200))}"
