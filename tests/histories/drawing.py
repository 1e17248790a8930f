"""Histories that are drawn: everything that a device may write, seen or unseen, forked, backdated or without a right.

`draw` asks for one number after the other. So Hypothesis draws the same histories as a search does, and shrinks them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

_T = TypeVar("_T")

Number = Callable[[int], int]
"""A number below the given one."""

KINDS = [
    *["remove"] * 5, *["endorse"] * 5, *["seal_key"] * 4, *["admit"] * 2, *["set_role"] * 3, *["rotate"] * 2,
    *["write"] * 2, "link", "leave", "release", "reject", "recovery",
]  # fmt: skip
ROLES = ["coordinator", "coordinator", "writer", "reader"]
_PAPER = {"remove", "endorse", "admit", "set_role", "rotate", "recovery", "release"}


def draw(number: Number, members: int, steps: int) -> dict[str, Any]:
    """A history as JSON tells it: some members who begin in step, and what they then write."""
    return _Drawing(number).draw(members, steps)


class _Drawing:
    def __init__(self, number: Number) -> None:
        self.number = number
        self.entries: list[dict[str, Any]] = []
        self.past: dict[str, set[str]] = {}
        self.by: dict[str, list[str]] = {}  # what each author wrote
        self.members: dict[str, str] = {}  # the entry that admitted each
        self.devices: dict[str, str] = {}  # the entry that introduced each
        self.owners: dict[str, str] = {}

    def draw(self, members: int, steps: int) -> dict[str, Any]:
        self.add({"id": "f", "kind": "found", "device": "A1", "member": "A"}, set())
        for name in "BCDEFGH"[: members - 1]:
            role = "coordinator" if self.number(4) else "writer"
            self.write(self.introducing({"kind": "admit", "by": "A1", "role": role}, name), self.heads())
            for other in list(self.devices)[1:-1]:
                if self.number(2):
                    self.write({"kind": "endorse", "by": other, "of": [self.members[name]]}, self.heads())
        for _ in range(steps):
            if self.number(12):
                self.step()
            else:
                self.rounds()
        return {"name": "drawn", "from": "drawn", "story": "drawn", "entries": self.entries, "expect": {}}

    def choose(self, among: Sequence[_T]) -> _T:
        return among[self.number(len(among))]

    def heads(self) -> set[str]:
        cited = {each for past in self.past.values() for each in past}
        return set(self.past) - cited

    def introducing(self, told: dict[str, Any], member: str | None = None) -> dict[str, Any]:
        name = member or f"N{len(self.members)}"
        return {**told, "device": f"{name}{1 + sum(owner == name for owner in self.owners.values())}", "member": name}

    def step(self) -> None:
        kind = self.choose(KINDS)
        author = self.choose(
            [*self.devices, "recovery"] if kind in _PAPER and not self.number(4) else list(self.devices)
        )
        told: dict[str, Any] = {"kind": kind, "by": author}
        origin = "f" if author == "recovery" else self.devices[author]
        before = self.by.get(author, [])[-1:] or [origin]
        fork = self.number(8) if author != "recovery" else 1
        if fork == 0:
            before = [self.choose(self.by.get(author) or [origin])]
            told["previous"] = before[0] if before[0] in self.by.get(author, []) else None
        match self.number(4):
            case 0:
                cited = set(before)
            case 1:
                cited = {*before, self.choose(list(self.past))}
            case _:
                cited = self.heads() if fork else set(before)
        cited |= {origin, *before}
        past = cited.union(*(self.past[each] for each in cited))
        if self.say(told, past):
            self.write(told, cited)

    def rounds(self) -> None:
        """Some devices anchor twice, and see each other's anchors. Another one's strike may be passed by."""
        those = [device for device in self.devices if self.number(3)]
        firsts: set[str] = set()
        for device in those:
            newest = (self.by.get(device) or [self.devices[device]])[-1]
            self.write({"kind": "seal_key", "by": device}, {newest})
            firsts.add(self.by[device][-1])
        for device in those:
            self.write({"kind": "seal_key", "by": device}, set(firsts))

    def say(self, told: dict[str, Any], past: set[str]) -> bool:
        """Draw what it is about; whether there is anything."""
        members = [member for member, grant in self.members.items() if grant in past]
        devices = [device for device, grant in self.devices.items() if grant in past]
        strikes = self.kinds(past, {"remove", "leave", "set_role"})
        match told["kind"]:
            case "remove":
                whom = [self.choose([*members, *members, *members, *devices]) for _ in range(1 + self.number(3) // 2)]
                told["of"] = sorted(set(whom))
                if strikes and self.number(2):
                    told["disputes"] = [self.choose(strikes)]
                if not self.number(2):
                    told["rotates_to"] = [each for each in devices if self.owners[each] not in told["of"]]
            case "endorse":
                about = strikes * 3 + self.kinds(past, {"admit", "link", "recovery"})
                told["of"] = [self.choose(about)] if about else []
                return bool(about)
            case "admit":
                told |= self.introducing({"role": self.choose(ROLES)})
            case "link":
                owner = self.owners[told["by"]]
                told["device"] = f"{owner}{1 + sum(each == owner for each in self.owners.values())}"
            case "set_role":
                told |= {"of": self.choose(members), "role": self.choose(ROLES)}
            case "rotate":
                told["to"] = devices if self.number(3) else devices[:1]
            case "reject":
                about = self.kinds(past, {"found", "rotate"})
                told["of"] = self.choose(about)
            case "release":
                about = self.kinds(past if self.number(2) else set(self.past), {"write"})
                told["of"] = [each for each in about if self.number(2)] or about
                if about and not self.number(3):
                    told["heads"] = [self.choose(about)]
                return bool(about)
            case "recovery":
                about = self.kinds(past, {"found", "recovery"})
                told |= {"replaces": [self.choose(about)], "signed": not self.number(3)}
        return True

    def kinds(self, past: set[str], kinds: set[str]) -> list[str]:
        return [entry["id"] for entry in self.entries if entry["id"] in past and entry["kind"] in kinds]

    def write(self, told: dict[str, Any], cited: set[str]) -> None:
        told = {"id": f"{told['kind'][:2]}{len(self.entries)}", **told}
        previous = told["previous"] if "previous" in told else self.newest(told["by"])
        self.add({**told, "parents": sorted(cited - {previous})} if cited != {previous} else told, cited)

    def newest(self, author: str) -> str | None:
        return next(reversed(self.by.get(author, [])), None)

    def add(self, told: dict[str, Any], cited: set[str]) -> None:
        name = told["id"]
        author: str = told["by"] if "by" in told else told["device"]
        past = cited.union(*(self.past[each] for each in cited)) if cited else set()
        newest = self.newest(author)
        if "previous" not in told and newest is not None:
            past |= {newest} | self.past[newest]
        self.entries.append(told)
        self.past[name] = past
        self.by.setdefault(author, []).append(name)
        if "device" in told:
            self.devices[told["device"]] = name
            member = told["member"] if "member" in told else self.owners[author]
            self.owners[told["device"]] = member
            self.members.setdefault(member, name)
