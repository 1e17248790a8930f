"""Histories of circles under attack, held against the goal itself: whoever attacks is out in the end, and nobody else.

Hostile members see everything and choose their parents: they fork, backdate, strike, demote, make puppets and devices,
endorse, leave, anchor in private, stay silent, and move last. Between their moves the honest go on with their work,
knowing what they were shown. Then one honest coordinator removes those who attack, with what they brought in, and the
others second it.

`python -m tests.searches.membership 1500` prints how often each row is broken; the figures are in
protocol/40-membership.md.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from random import Random
from typing import Any, Final

from tests.core.deeds import arrivals, judged
from tests.histories.forms import Device, Entry, Id, Kind, Label, Member, Role, Status
from tests.histories.reader import assignments
from tests.models.facts import Held, is_grant, is_strike
from tests.models.membership import Membership
from tests.searches.circles import Circle, Row

HOSTILE: Final = "a hostile device is active"
SUSPENDED: Final = "a hostile device is suspended"  # it gets no keys, and goes with one more removal
LOST: Final = "an honest device is not active, or has lost its role"
PLANTED: Final = "somebody struck from where one alone had a word (T9)"  # a trade-off: the paper settles it
LEFT: Final = "who left is active"
UNAPPLIED: Final = "a final removal was un-applied"
SECRET: Final = "an inactive device holds the epoch's secret"
DENIED: Final = "no epoch is usable"
SHUT_OUT: Final = "the epoch shuts out two members who said so"
GAINED: Final = "a hostile writer did what needs a coordinator"
PAPER: Final = "the recovery key does not restore the circle"
IDS: Final = "the result depends on ids"
RULES: Final = "the rules say something else than the model"

NEVER: Final = frozenset({PAPER, IDS, RULES})
BY_THE_PLANTED: Final = frozenset({HOSTILE, SUSPENDED, LOST, UNAPPLIED})  # what T9 costs
NOT_BY_ONE: Final = NEVER | {HOSTILE, LOST, LEFT, UNAPPLIED, SECRET, DENIED, SHUT_OUT, GAINED}


ROWS: Final = (
    Row("a hostile writer", (1, 3), 1, Role.WRITER, forbidden=NOT_BY_ONE),
    Row("a hostile writer with a copy of the paper", (2, 3), 1, Role.WRITER, True, NOT_BY_ONE),
    Row("one hostile of three", (2, 2), 1, forbidden=NOT_BY_ONE),
    Row("one hostile of four or five", (3, 4), 1, forbidden=NOT_BY_ONE),
    Row("two hostile of five", (3, 3), 2, forbidden=NEVER),
)


def histories(seed: int) -> int:
    """One of each row. Raises with the whole history, as a file for `tests/histories`."""
    for row in ROWS:
        play = Play(Random(f"membership {row.name} {seed}"), row)
        if broken := play.broken() & row.forbidden:
            raise AssertionError(f"{row.name}: {', '.join(sorted(broken))}\n{play.told()}")
    return len(ROWS)


class Play(Circle):
    """One history, from founding to the last hostile move."""

    def __init__(self, random: Random, row: Row) -> None:
        super().__init__(random, row)
        self.model = Membership(self.history)
        self._found()
        for _ in range(random.randrange(3, 10)):
            self._work() if random.random() < 0.4 else self._attack()
        self._respond()
        for _ in range(random.randrange(5)):
            self._attack()
        self._meet()

    # --- attacks ---

    def _attack(self) -> None:
        """Something drawn, mostly; or what has broken simpler rules."""
        if self.row.paper and self.random.random() < 0.4:
            return self._forge()
        self.random.choice([self._anything] * 7 + [self._backdate, self._anchor, self._multiply, self._plant])()

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

    def _plant(self) -> None:
        """A puppet that was admitted in the past, by an incarnation, strikes there; who admitted it votes for that."""
        random, entries = self.random, self.draft.entries
        device = random.choice(self._devices(self.hostile))
        early = random.choice(list(entries)[: random.randint(1, 12)])
        if self.draft.introductions[device] not in entries[early].past:
            return
        name = f"P{len(self.lines)}"
        told = {"device": f"{name}.1", "member": name, "role": "coordinator"}
        newest = self.draft.newest.get(device)
        self.write("admit", device, {early}, previous=None, **told)
        self.hostile.add(Member(name))
        puppet = Device(f"{name}.1")
        strikes = len(self.lines)
        self._add(puppet, set(), {}, "remove")
        if len(self.lines) > strikes:
            strike = self.lines[-1]["id"]
            self.write(
                "endorse",
                device,
                {strike} | (self._all() if random.random() < 0.5 else set()),
                of=[strike],
                previous=newest,
            )

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
        if entry.kind is Kind.ROTATE and random.random() < 0.5:
            shut_out = [each for each in self.known if each in self.holders[entry.id] and random.random() < 0.5]
            self.shut_out[entry.id].update(shut_out)
            self.holders[entry.id].difference_update(shut_out)
        if random.random() < 0.5 and entry.id in self._shown():
            self.known[random.choice(self.coordinators)].update(entry.past | {entry.id})

    def _forge(self) -> None:
        """Something signed with the copy of the paper, or with a key that replaced it; for now nobody is shown it."""
        random, entries = self.random, self.draft.entries
        founded, *_ = entries
        key = random.choice([founded, *(each for each in sorted(self.forged) if entries[each].kind is Kind.RECOVERY)])
        by = "recovery" if key == founded else f"recovery:{key}"
        cited = self._all() if random.random() < 0.5 else set(random.sample(sorted(entries), random.choice((0, 1, 2))))
        more = {"previous": None} if random.random() < 0.2 else {}
        before = None if more else self.draft.newest.get(key)
        roots = cited | {before or key} | {key}
        seen = [entries[each] for each in sorted(roots.union(*(entries[each].past for each in roots)))]
        members = sorted({each.member for each in seen if each.member is not None})
        own = [each for each in members if each in self.hostile]
        others = [each for each in members if each not in self.hostile]
        strikes = [each.id for each in seen if is_strike(each) and self._is_hostile(each)]
        name = f"P{len(self.lines)}"
        told: dict[str, Any] = random.choice(
            [
                {"kind": "remove", "of": others},
                {"kind": "remove", "of": random.sample(others, 1), "rotates_to": own or random.sample(others, 1)},
                {"kind": "admit", "device": f"{name}.1", "member": name, "role": "coordinator"},
                {"kind": "set_role", "of": random.choice(own or others), "role": "coordinator"},
                {"kind": "recovery", "replaces": [key], "signed": True},
                *({"kind": "endorse", "of": [each]} for each in random.sample(strikes, min(1, len(strikes)))),
            ]
        )
        entry = self.write(told.pop("kind"), by, cited | {key}, **more, **told)
        self.forged.add(entry.id)
        if entry.member is not None:
            self.hostile.add(entry.member)

    def _move(self, device: Device, seen: list[Entry], kind: str | None) -> dict[str, Any] | None:
        random = self.random
        members = sorted({each.member for each in seen if each.member is not None})
        others = [each for each in members if each not in self.hostile]
        votes = [each.id for each in seen if (is_strike(each) or is_grant(each)) and each.kind is not Kind.FOUND]
        honest = [each.introduces for each in seen if each.introduces in self.known]
        rotations = [each.id for each in seen if each.to is not None]
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
            {"kind": "rotate", "to": sorted(self.rules.decide(each.id for each in seen).active)},
            *({"kind": "reject", "of": each} for each in random.sample(rotations, min(1, len(rotations)))),
            {"kind": "remove", "of": [random.choice(honest)]} if honest else {"kind": "write"},
            *([{"kind": "leave"}] if random.random() < 0.3 else []),
            {"kind": "write"},
        ]
        possible = [each for each in moves if each.get("of", True) and each["kind"] == (kind or each["kind"])]
        return random.choice(possible) if possible else None

    # --- the goal ---

    def broken(self) -> set[str]:
        """What is not as it should be when all have seen everything.

        What T9 costs is told as such: where the goal is met but for strikes by those who were planted.
        """
        held = frozenset(self.draft.entries)
        found = self.missed(self.model, held)
        last = list(assignments(self.history, 3))[-1]
        if judged(self.history, last, arrivals(self.history, held, self.random)) != self.model.verdict(held, last):
            found.add(RULES)
        if self.row.role is Role.WRITER and any(self._gained(each, held) for each in self.draft.entries.values()):
            found.add(GAINED)
        if found & BY_THE_PLANTED and not self.missed(self._without_the_planted(held), held) & BY_THE_PLANTED:
            found = found - BY_THE_PLANTED | {PLANTED}
        if self._misplaced(self.model, self._recovered()):
            found.add(PAPER)
        return found

    def missed(self, model: Membership, held: Held) -> set[str]:
        """As a model says of what is held."""
        first, *others = [model.verdict(held, ids) for ids in assignments(self.history, 3)]
        found = self._misplaced(model, held)
        if any(other._replace(epoch=None) != first._replace(epoch=None) for other in others):
            found.add(IDS)
        if any(first.labels[each] is not Label.IN for each in self.final):
            found.add(UNAPPLIED)
        for verdict in (first, *others):
            holders = self.holders[verdict.epoch] if verdict.epoch is not None else set()
            if any(verdict.devices[each] is not Status.ACTIVE for each in holders):
                found.add(SECRET)
            shut_out = self.shut_out[verdict.epoch] if verdict.epoch is not None else set()
            if len({self.draft.owners[each] for each in shut_out if verdict.devices[each] is Status.ACTIVE}) > 1:
                found.add(SHUT_OUT)
            if verdict.epoch is None:
                found.add(DENIED)
        return found

    def _without_the_planted(self, held: Held) -> Membership:
        """As if they had written to a case where they struck: a branch of who alone had a word there admitted them."""
        facts = self.model.facts

        def is_planted(strike: Entry) -> bool:
            return (
                self._is_hostile(strike)
                and strike.device is not None
                and any(
                    self.model.electors(each.past) == {facts.author(each)} and facts.branches(each, held)
                    for each in facts.ancestors(strike.device)
                )
            )

        instead = {
            each.id: Entry(each.id, Kind.WRITE, each.device, None, each.previous, each.parents, each.past, each.height)
            for each in facts.strikes(held)
            if is_planted(each)
        }
        return Membership(self.history._replace(entries={**self.draft.entries, **instead}))

    def _gained(self, entry: Entry, held: Held) -> bool:
        needed = self.model.facts.needed(entry) is Role.COORDINATOR
        return needed and self._is_hostile(entry) and self.model.state(held).labels[entry.id] is Label.IN

    def _misplaced(self, model: Membership, held: Held) -> set[str]:
        state = model.state(held)
        found = set()
        for device, status in state.statuses.items():
            member = self.draft.owners[device]
            if member in self.hostile:
                found |= {HOSTILE} if status is Status.ACTIVE else {SUSPENDED} if status is Status.SUSPENDED else set()
            elif member in self.gone:
                found |= {LEFT} if status is Status.ACTIVE else set()
            else:
                role = Role.COORDINATOR if device in self.coordinators else Role.WRITER
                found |= {LOST} if status is not Status.ACTIVE or (state.roles[member] or 0) < role else set()
        return found

    def _recovered(self) -> Held:
        """The recovery key removes the hostile, naming every strike of theirs as disputed."""
        strikes = [each.id for each in self.draft.entries.values() if is_strike(each) and self._is_hostile(each)]
        self.write("remove", self.paper, self._all(), of=sorted(self.hostile), disputes=sorted(strikes))
        return frozenset(self.draft.entries)

    def as_file(self) -> dict[str, Any]:
        """The history as a file, to which what it expects is to be added."""
        return {"name": "", "from": "a search", "story": "", "entries": self.lines, "expect": {}}

    def told(self) -> str:
        return json.dumps(self.as_file()).replace('{"id"', '\n  {"id"')


def figures(seeds: int) -> None:
    for row in ROWS:
        counted: Counter[str] = Counter()
        for seed in range(seeds):
            counted.update(Play(Random(f"membership {row.name} {seed}"), row).broken())
        told = "; ".join(f"{name}: {number}" for name, number in sorted(counted.items())) or "nothing broken"
        print(f"{row.name}, {seeds:,} histories: {told}", flush=True)


if __name__ == "__main__":
    figures(int(sys.argv[1]))
