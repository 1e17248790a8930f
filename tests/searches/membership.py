"""Histories of circles under attack, held against the goal itself: whoever attacks is out in the end, and nobody else.

Hostile members see everything and choose their parents: they fork, backdate, strike, demote, make puppets and devices,
endorse, leave, anchor in private, stay silent, and move last. Between their moves the honest go on with their work,
knowing what they were shown. Then one honest coordinator removes those who attack, with what they brought in, and the
others second it.

`python -m tests.searches.membership 1000` prints how often each row is broken; protocol/search.md has no place for it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from random import Random
from typing import Any, Final, NamedTuple

from tests.core.deeds import arrivals, judged
from tests.histories.forms import Device, Entry, History, Id, Kind, Label, Member, Role, Status
from tests.histories.reader import Draft, assignments
from tests.models.facts import Held, is_grant, is_strike
from tests.models.membership import Membership, Verdict

HOSTILE: Final = "a hostile device is active"
SUSPENDED: Final = "a hostile device is suspended"  # it gets no keys, and goes with one more removal
LOST: Final = "an honest device is not active, or has lost its role"
UNAPPLIED: Final = "a final removal was un-applied"
SECRET: Final = "an inactive device holds the epoch's secret"
GAINED: Final = "a hostile writer did what needs a coordinator"
PAPER: Final = "the recovery key does not restore the circle"
IDS: Final = "the result depends on ids"
RULES: Final = "the rules say something else than the model"

NEVER: Final = frozenset({PAPER, IDS, RULES})
NOT_BY_ONE: Final = NEVER | {HOSTILE, LOST, UNAPPLIED, SECRET, GAINED}


class Row(NamedTuple):
    name: str
    coordinators: tuple[int, int]  # honest ones, from and to
    hostile: int
    role: Role = Role.COORDINATOR  # of the hostile
    forbidden: frozenset[str] = NOT_BY_ONE


ROWS: Final = (
    Row("a hostile writer", (1, 3), 1, Role.WRITER),
    Row("one hostile of three", (2, 2), 1),
    Row("one hostile of four or five", (3, 4), 1),
    Row("two hostile of five", (3, 3), 2, forbidden=NEVER),
)


def histories(seed: int) -> int:
    """One of each row. Raises with the whole history, as a file for `tests/histories`."""
    for row in ROWS:
        play = Play(Random(f"membership {row.name} {seed}"), row)
        if broken := play.broken() & row.forbidden:
            raise AssertionError(f"{row.name}: {', '.join(sorted(broken))}\n{play.told()}")
    return len(ROWS)


class Play:
    """One history, from founding to the last hostile move."""

    def __init__(self, random: Random, row: Row) -> None:
        self.random, self.row = random, row
        self.draft = Draft()
        self.lines: list[dict[str, Any]] = []
        self.history = History("", "", "", "", self.draft.entries, self.draft.owners, self.draft.introductions, ())
        self.model = Membership(self.history)
        self.known: dict[Device, set[Id]] = {}  # to each honest device
        self.hostile: set[Member] = set()  # and their puppets
        self.holders: dict[Id, set[Device]] = {}  # of the secret of each rotation
        self.final: set[Id] = set()
        self._found()
        for _ in range(random.randrange(3, 10)):
            self._work() if random.random() < 0.4 else self._attack()
        self._respond()
        for _ in range(random.randrange(5)):
            self._attack()
        self._meet()

    # --- writing ---

    def write(self, kind: str, by: str | None, parents: set[Id] | Held = frozenset(), /, **more: Any) -> Entry:
        told = {"id": f"{kind[0]}{len(self.lines)}", "kind": kind, **({} if by is None else {"by": by}), **more}
        if parents:
            told["parents"] = sorted(parents)
        self.draft.add(told)
        self.lines.append(told)
        entry = self.draft.entries[told["id"]]
        if by in self.known:
            self.known[Device(by)] |= entry.past | {entry.id}
        if entry.to is not None:
            self.holders[entry.id] = set(entry.to) | ({entry.device} if entry.device else set())
        return entry

    def say(self, device: Device, kind: str, /, **more: Any) -> Entry:
        """As honest devices write: on everything that they know; then they hand the epoch over to whom they know."""
        known = self.known[device]
        entry = self.write(kind, device, self._heads(known), **more)
        self._hand_over(device)
        return entry

    def _heads(self, known: set[Id] | Held) -> set[Id]:
        entries = self.draft.entries
        return set(known) - {each for name in known for each in entries[name].past}

    def _hand_over(self, device: Device) -> None:
        held = frozenset(self.known[device])
        verdict = self.model.verdict(held, _plain(self.history))
        if verdict.epoch is not None and device in self.holders[verdict.epoch]:
            active = (each for each, status in verdict.devices.items() if status is Status.ACTIVE)
            self.holders[verdict.epoch].update(active)

    def _devices(self, members: set[Member]) -> list[Device]:
        return [each for each, member in self.draft.owners.items() if member in members]

    # --- founding and work ---

    def _found(self) -> None:
        random, row = self.random, self.row
        honest = [f"H{number}" for number in range(random.randint(*row.coordinators))]
        bad = [f"M{number}" for number in range(row.hostile)]
        self.hostile = {Member(each) for each in bad}
        coordinators = honest + bad if row.role is Role.COORDINATOR else honest
        random.shuffle(coordinators)
        founder, *others = coordinators
        self.write("found", None, device=f"{founder}.1", member=founder)
        for number, name in enumerate(others, 1):
            grant = self.write(
                "admit", f"{founder}.1", self._all(), device=f"{name}.1", member=name, role="coordinator"
            )
            if number > 1:
                self.write("endorse", f"{random.choice(others[: number - 1])}.1", self._all(), of=[grant.id])
        for name in ["W", *(bad if row.role is Role.WRITER else [])]:
            self.write("admit", f"{founder}.1", self._all(), device=f"{name}.1", member=name, role="writer")
        silent = set(bad) if random.random() < 0.3 else set()
        for name in random.sample(coordinators, len(coordinators)):
            if name not in silent:
                self.write("seal_key", f"{name}.1", self._all())
        self.known = {Device(f"{each}.1"): set(self.draft.entries) for each in [*honest, "W"]}
        self.coordinators = [Device(f"{each}.1") for each in honest]
        self.say(self.coordinators[0], "rotate", to=[*coordinators, "W", *(set(bad) - set(coordinators))])

    def _all(self) -> set[Id]:
        return self._heads(frozenset(self.draft.entries))

    def _work(self) -> None:
        """An honest coordinator hears another, perhaps, and goes on working."""
        random = self.random
        device = random.choice(self.coordinators)
        if random.random() < 0.6:
            self.known[device] |= self.known[random.choice(self.coordinators)]
        if not self._is_active(device):
            return
        if random.random() < 0.7:
            self.say(device, "seal_key")
        elif random.random() < 0.4:
            name = f"N{len(self.lines)}"
            self.say(device, "admit", device=f"{name}.1", member=name, role="writer")
        elif random.random() < 0.4:
            other = Device(f"L{len(self.lines)}")
            self.say(device, "link", device=other)
            self.known[other] = set(self.known[device])
            self.coordinators.append(other)
        else:
            self.say(device, "write")

    def _is_active(self, device: Device) -> bool:
        return self.model.state(frozenset(self.known[device])).statuses[device] is Status.ACTIVE

    # --- attacks ---

    def _attack(self) -> None:
        """Something drawn, mostly; or what has broken simpler rules."""
        self.random.choice([self._anything] * 7 + [self._backdate, self._anchor, self._multiply])()

    def _anything(self) -> None:
        """One entry of a hostile device, on whatever it likes."""
        random = self.random
        device = random.choice(self._devices(self.hostile))
        cited = self._all()
        if random.random() < 0.7:
            cited = set(random.sample(sorted(self.draft.entries), random.choice((0, 1, 1, 2))))
        more: dict[str, Any] = {}
        if (own := self._own(device)) and random.random() < 0.25:
            more["previous"] = random.choice([None, *own])
        self._add(device, cited, more)

    def _backdate(self) -> None:
        """A removal by a new incarnation that has seen as little as it likes, or on the newest entry and no more."""
        random = self.random
        device = random.choice(self._devices(self.hostile))
        early = list(self.draft.entries)[: random.randint(1, 12)]
        if random.random() < 0.5:
            self._add(device, {random.choice(early)}, {"previous": None}, "remove")
        else:
            self._add(device, set(), {}, "remove")

    def _anchor(self) -> None:
        """Two rounds in private, on what an honest device knows."""
        cited = self._heads(self.random.choice(list(self.known.values())))
        for _ in range(2):
            for device in self._devices(self.hostile):
                if self.draft.introductions[device] in cited.union(*(self.draft.entries[each].past for each in cited)):
                    cited = cited | {self.write("seal_key", device, cited).id}

    def _multiply(self) -> None:
        """Two puppets, each of whom seconds the other, and a removal by one of them."""
        device = self.random.choice(self._devices(self.hostile))
        names = [f"P{len(self.lines)}a", f"P{len(self.lines)}b"]
        admitted = [
            self.write("admit", device, device=f"{name}.1", member=name, role="coordinator").id for name in names
        ]
        self.hostile.update(Member(name) for name in names)
        last = admitted[-1]
        for name, other in zip(names, admitted[::-1], strict=True):
            last = self.write("endorse", f"{name}.1", {last}, of=[other]).id
        self._add(Device(f"{names[1]}.1"), set(), {}, "remove")

    def _own(self, device: Device) -> list[Id]:
        return [each.id for each in self.draft.entries.values() if each.device == device]

    def _add(self, device: Device, cited: set[Id], more: dict[str, Any], kind: str | None = None) -> None:
        """One entry, shown to whom it likes."""
        random, entries, own = self.random, self.draft.entries, self._own(device)
        before = more.get("previous", own[-1] if own else None)
        roots = cited | {self.draft.introductions[device]} | ({before} if before else set())
        seen = roots.union(*(entries[each].past for each in roots))
        if self.draft.introductions[device] not in seen:
            return
        told = self._move(device, [entries[each] for each in sorted(seen)], kind)
        if told is None:
            return
        entry = self.write(told.pop("kind"), device, cited, **more, **told)
        if entry.introduces is not None and entry.member is not None:
            self.hostile.add(entry.member)
        if random.random() < 0.5:
            self.known[random.choice(self.coordinators)].update(entry.past | {entry.id})

    def _move(self, device: Device, seen: list[Entry], kind: str | None) -> dict[str, Any] | None:
        random = self.random
        members = sorted({each.member for each in seen if each.member is not None})
        others = [each for each in members if each not in self.hostile]
        votes = [each.id for each in seen if (is_strike(each) or is_grant(each)) and each.kind is not Kind.FOUND]
        name = f"P{len(self.lines)}"
        moves: list[dict[str, Any]] = [
            {"kind": "seal_key"},
            {"kind": "seal_key"},
            {"kind": "remove", "of": others},
            *({"kind": "remove", "of": [each]} for each in random.sample(others, min(2, len(others)))),
            *(
                {"kind": "set_role", "of": each, "role": "writer"}
                for each in random.sample(others, min(1, len(others)))
            ),
            {"kind": "set_role", "of": random.choice(members), "role": "coordinator"},
            {"kind": "admit", "device": f"{name}.1", "member": name, "role": "coordinator"},
            {"kind": "link", "device": name},
            *({"kind": "endorse", "of": [each]} for each in random.sample(votes, min(2, len(votes)))),
            {"kind": "rotate", "to": members},
            {"kind": "rotate", "to": [device]},
            *([{"kind": "leave"}] if random.random() < 0.3 else []),
            {"kind": "write"},
        ]
        possible = [each for each in moves if each.get("of", True) and each["kind"] == (kind or each["kind"])]
        return random.choice(possible) if possible else None

    # --- the answer ---

    def _respond(self) -> None:
        """One honest coordinator removes them, naming every strike of theirs as disputed; the others second it.

        While it is not in force, another says it again: the first may have been introduced by what is in dispute.
        """
        random = self.random
        order = random.sample(self.coordinators, len(self.coordinators))
        for first in order:
            for known in self.known.values():
                self.known[first] |= known
            if random.random() < 0.6:
                self.known[first] |= set(self.draft.entries)
            removal = self._remove(first)
            for device in order:
                if device != first:
                    self.known[device] |= self.known[first]
                    self.say(device, "endorse", of=[removal.id])
                    self.known[first] |= self.known[device]
            if self.model.state(frozenset(self.known[first])).labels[removal.id] is Label.IN:
                break
        if (written := [each for each in self.known[first] if self._is_testimony(each)]) and random.random() < 0.5:
            self.say(first, "release", of=[min(written)])
        if random.random() < 0.3:
            self.say(first, "admit", device="Again.1", member="Again", role="writer")
        self.say(first, "seal_key")
        self.final = set(self._verdict(frozenset(self.known[first])).final)

    def _remove(self, device: Device) -> Entry:
        known = [self.draft.entries[each] for each in self.known[device]]
        targets = {each.member for each in known if each.member in self.hostile}
        strikes = {each.id for each in known if is_strike(each) and self._is_hostile(each)}
        held = frozenset(self.known[device])
        active = {each for each, status in self.model.state(held).statuses.items() if status is Status.ACTIVE}
        rest = sorted(active - set(self._devices(self.hostile)))
        return self.say(device, "remove", of=sorted(targets), disputes=sorted(strikes), rotates_to=rest)

    def _is_testimony(self, name: Id) -> bool:
        entry = self.draft.entries[name]
        return entry.kind is Kind.WRITE and self._is_hostile(entry)

    def _is_hostile(self, entry: Entry) -> bool:
        return entry.device is not None and self.draft.owners[entry.device] in self.hostile

    def _meet(self) -> None:
        """All honest devices show each other all that there is, and rotate if they have to."""
        for device in self.coordinators:
            self.known[device] = set(self.draft.entries)
            if self._is_active(device) and self._verdict(frozenset(self.draft.entries)).epoch is None:
                statuses = self.model.state(frozenset(self.draft.entries)).statuses
                self.say(device, "rotate", to=[each for each, status in statuses.items() if status is Status.ACTIVE])

    # --- the goal ---

    def _verdict(self, held: Held) -> Verdict:
        return self.model.verdict(held, _plain(self.history))

    def broken(self) -> set[str]:
        """What is not as it should be when all have seen everything."""
        held = frozenset(self.draft.entries)
        drawn = list(assignments(self.history, 3))
        first, *others = [self.model.verdict(held, ids) for ids in drawn]
        found = self._misplaced(held)
        if judged(self.history, drawn[-1], arrivals(self.history, held, self.random)) != others[-1]:
            found.add(RULES)
        if any(other._replace(epoch=None) != first._replace(epoch=None) for other in others):
            found.add(IDS)
        if self.row.role is Role.WRITER and any(self._gained(each, first) for each in self.draft.entries.values()):
            found.add(GAINED)
        if any(first.labels[each] is not Label.IN for each in self.final):
            found.add(UNAPPLIED)
        for verdict in (first, *others):
            holders = self.holders[verdict.epoch] if verdict.epoch is not None else set()
            if any(verdict.devices[each] is not Status.ACTIVE for each in holders):
                found.add(SECRET)
        if self._misplaced(self._recovered()):
            found.add(PAPER)
        return found

    def _gained(self, entry: Entry, verdict: Verdict) -> bool:
        needed = self.model.facts.needed(entry) is Role.COORDINATOR
        return needed and self._is_hostile(entry) and verdict.labels[entry.id] is Label.IN

    def _misplaced(self, held: Held) -> set[str]:
        state = self.model.state(held)
        found = set()
        for device, status in state.statuses.items():
            member = self.draft.owners[device]
            if member in self.hostile:
                found |= {HOSTILE} if status is Status.ACTIVE else {SUSPENDED} if status is Status.SUSPENDED else set()
            else:
                role = Role.COORDINATOR if device in self.coordinators else Role.WRITER
                found |= {LOST} if status is not Status.ACTIVE or (state.roles[member] or 0) < role else set()
        return found

    def _recovered(self) -> Held:
        """The recovery key removes the hostile, naming every strike of theirs as disputed."""
        strikes = [each.id for each in self.draft.entries.values() if is_strike(each) and self._is_hostile(each)]
        self.write("remove", "recovery", self._all(), of=sorted(self.hostile), disputes=sorted(strikes))
        return frozenset(self.draft.entries)

    def as_file(self) -> dict[str, Any]:
        """The history as a file, to which what it expects is to be added."""
        return {"name": "", "from": "a search", "story": "", "entries": self.lines, "expect": {}}

    def told(self) -> str:
        return json.dumps(self.as_file()).replace('{"id"', '\n  {"id"')


def _plain(history: History) -> dict[Id, bytes]:
    (ids,) = assignments(history, 1)
    return dict(ids)


def figures(seeds: int) -> None:
    for row in ROWS:
        counted: Counter[str] = Counter()
        for seed in range(seeds):
            counted.update(Play(Random(f"membership {row.name} {seed}"), row).broken())
        told = "; ".join(f"{name}: {number}" for name, number in sorted(counted.items())) or "nothing broken"
        print(f"{row.name}, {seeds:,} histories: {told}", flush=True)


if __name__ == "__main__":
    figures(int(sys.argv[1]))
