"""A circle of honest members while a search draws what befalls it: what they write, knowing what they were shown.

They go by what the rules say of what each has seen; when a history is complete, the model has to agree.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any, NamedTuple

from cellsync.core.ids import EntryId
from cellsync.core.membership.deliberation import Decision, Deliberation
from cellsync.core.membership.label import IN
from cellsync.core.membership.standing import DeviceStatus
from tests.core.deeds import Told
from tests.histories.forms import Device, Entry, History, Id, Kind, Member, Role
from tests.histories.reader import Draft, assignments
from tests.models.facts import Held, is_strike


class Row(NamedTuple):
    """What one search is about."""

    name: str
    coordinators: tuple[int, int]  # honest ones, from and to
    hostile: int
    role: Role = Role.COORDINATOR  # of the hostile
    paper: bool = False  # whether they have a copy of the recovery key
    forbidden: frozenset[str] = frozenset()


class Rules:
    """What the honest go by while a history grows; when it is complete, the model has to agree."""

    def __init__(self, history: History) -> None:
        self.history = history
        self._deliberation = Deliberation()
        self._bits: dict[Id, int] = {}

    def add(self, entry: Entry) -> None:
        self._deliberation.add(self._told().deed(entry, self._bits))
        self._bits[entry.id] = 1 << len(self._bits)

    def decide(self, held: Iterable[Id]) -> Decided:
        """What is so where these entries are held."""
        return Decided(self._told(), self._deliberation.decide(sum(self._bits[name] for name in held)))

    def _told(self) -> Told:
        return Told(self.history, next(assignments(self.history, 1)))


class Decided:
    """A decision in the names of the history."""

    def __init__(self, told: Told, decision: Decision) -> None:
        self._told, self._decision = told, decision
        self._names = {entry: name for name, entry in told.ids.items()}
        devices = {EntryId(each): device for device, each in told.devices.items()}
        statuses = decision.statuses.items()
        self.active = {devices[EntryId(each)] for each, status in statuses if status is DeviceStatus.ACTIVE}

    @property
    def epoch(self) -> Id | None:
        return None if self._decision.epoch is None else self._names[self._decision.epoch]

    @property
    def final(self) -> set[Id]:
        return {self._names[entry] for entry in self._decision.labels if self._decision.is_final(entry)}

    def is_in(self, entry: Id) -> bool:
        return self._decision.label(self._told.ids[entry]) == IN


class Circle:
    """A history that grows, and what each honest device knows of it."""

    def __init__(self, random: Random, row: Row) -> None:
        self.random, self.row = random, row
        self.draft = Draft()
        self.lines: list[dict[str, Any]] = []
        self.history = History("", "", "", "", self.draft.entries, self.draft.owners, self.draft.introductions, ())
        self.rules = Rules(self.history)
        self.known: dict[Device, set[Id]] = {}  # to each honest device
        self.coordinators: list[Device] = []  # of honest ones
        self.hostile: set[Member] = set()  # and their puppets
        self.gone: set[Member] = set()  # honest ones who left
        self.holders: dict[Id, set[Device]] = {}  # of the secret of each rotation
        self.shut_out: dict[Id, set[Device]] = {}  # of a rotation: for whom it does not open
        self.final: set[Id] = set()
        self.forged: set[Id] = set()  # signed with a stolen paper
        self.paper = "recovery"  # the honest one

    # --- writing ---

    def write(self, kind: str, by: str | None, parents: set[Id] | Held = frozenset(), /, **more: Any) -> Entry:
        told = {"id": f"{kind[0]}{len(self.lines)}", "kind": kind, **({} if by is None else {"by": by}), **more}
        if parents:
            told["parents"] = sorted(parents)
        self.draft.add(told)
        self.lines.append(told)
        entry = self.draft.entries[told["id"]]
        self.rules.add(entry)
        if by in self.known:
            self.known[Device(by)] |= entry.past | {entry.id}
        if entry.to is not None:
            self.holders[entry.id] = set(entry.to) | ({entry.device} if entry.device else set())
            self.shut_out[entry.id] = set()
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
        decided = self.rules.decide(self.known[device])
        if decided.epoch is not None and device in self.holders[decided.epoch]:
            self.holders[decided.epoch] |= decided.active

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
        self._reject(device)
        match random.choice([*["seal_key"] * 10, "admit", "admit", "link", "write", "promote", "promote", "leave"]):
            case "admit":
                name = f"N{len(self.lines)}"
                self.say(device, "admit", device=f"{name}.1", member=name, role="writer")
                self.known[Device(f"{name}.1")] = set(self.known[device])
            case "link":
                other = Device(f"L{len(self.lines)}")
                self.say(device, "link", device=other)
                self.known[other] = set(self.known[device])
                self.coordinators.append(other)
            case "promote":
                self._promote(device)
            case "leave":
                self._leave()
            case kind:
                self.say(device, kind)

    def _promote(self, device: Device) -> None:
        """An honest writer becomes a coordinator, mostly with another one's word."""
        random, owners = self.random, self.draft.owners
        writers = [each for each in self.known if each not in self.coordinators]
        here = [each for each in writers if self.draft.introductions[each] in self.known[device]]
        if not here:
            return
        new, second = random.choice(here), random.choice(self.coordinators)
        grant = self.say(device, "set_role", of=owners[new], role="coordinator")
        if owners[second] != owners[device] and random.random() < 0.8:
            self.known[second] |= self.known[device]
            if self._is_active(second):
                self.say(second, "endorse", of=[grant.id])
        self.known[new] |= self.known[device] | self.known[second]
        self.coordinators.append(new)

    def _leave(self) -> None:
        """One who came later goes."""
        late = [each for each in self.known if self.draft.owners[each].startswith("N")]
        if not late or not self._is_active(device := self.random.choice(late)):
            return
        self.say(device, "leave")
        member = self.draft.owners[device]
        self.gone.add(member)
        for each in self._devices({member}):
            del self.known[each]
        self.coordinators = [each for each in self.coordinators if each in self.known]

    def _reject(self, device: Device) -> None:
        """Who cannot open the epoch that is chosen says so."""
        epoch = self.rules.decide(self.known[device]).epoch
        if epoch is not None and device in self.shut_out[epoch]:
            said = (each for each in self.draft.entries.values() if each.device == device)
            if not any(each.kind is Kind.REJECT and epoch in each.entries for each in said):
                self.say(device, "reject", of=epoch)

    def _shown(self) -> set[Id]:
        """All that rests on nothing forged: what was signed with a stolen paper comes to light last."""
        return {each.id for each in self.draft.entries.values() if not self.forged & (each.past | {each.id})}

    def _is_active(self, device: Device) -> bool:
        return device in self.rules.decide(self.known[device]).active

    # --- the answer ---

    def _respond(self) -> None:
        """One honest coordinator removes them, naming every strike of theirs as disputed; the others second it.

        While it is not in force, another says it again: the first may have been introduced by what is in dispute.
        """
        random = self.random
        order = random.sample(self.coordinators, len(self.coordinators))
        if self.row.paper:
            self._replace_paper(order)
        for first in order:
            for known in self.known.values():
                self.known[first] |= known
            if random.random() < 0.6:
                self.known[first] |= self._shown()
            removal = self._remove(first)
            for device in order:
                if device != first:
                    self.known[device] |= self.known[first]
                    self.say(device, "endorse", of=[removal.id])
                    self.known[first] |= self.known[device]
            if self.rules.decide(self.known[first]).is_in(removal.id):
                break
        if (written := [each for each in self.known[first] if self._is_testimony(each)]) and random.random() < 0.5:
            self.say(first, "release", of=[min(written)])
        if random.random() < 0.3:
            self._readmit(first, random.choice(order))
        self.say(first, "seal_key")
        self.final = self.rules.decide(self.known[first]).final

    def _replace_paper(self, order: list[Device]) -> None:
        """Who hears that the paper was copied replaces it, and the others second that."""
        (founded, *_) = self.draft.entries
        first, *others = order
        new = self.say(first, "recovery", replaces=[founded], signed=True)
        self.paper = f"recovery:{new.id}"
        for device in others:
            self.known[device] |= self.known[first]
            self.say(device, "endorse", of=[new.id])
            self.known[first] |= self.known[device]

    def _readmit(self, device: Device, second: Device) -> None:
        """One of those removed comes back: another device, and for the rules another member."""
        role = self.random.choice(["writer", "coordinator"])
        grant = self.say(device, "admit", device="Again.1", member="Again", role=role)
        self.known[Device("Again.1")] = set(self.known[device])
        if role == "coordinator":
            self.coordinators.append(Device("Again.1"))
        if second != device:
            self.known[second] |= self.known[device]
            self.say(second, "endorse", of=[grant.id])
            self.known[device] |= self.known[second]

    def _remove(self, device: Device) -> Entry:
        known = [self.draft.entries[each] for each in self.known[device]]
        targets = {each.member for each in known if each.member in self.hostile}
        strikes = {each.id for each in known if is_strike(each) and self._is_hostile(each)}
        rest = sorted(self.rules.decide(self.known[device]).active - set(self._devices(self.hostile)))
        return self.say(device, "remove", of=sorted(targets), disputes=sorted(strikes), rotates_to=rest)

    def _is_testimony(self, name: Id) -> bool:
        entry = self.draft.entries[name]
        return entry.kind is Kind.WRITE and self._is_hostile(entry)

    def _is_hostile(self, entry: Entry) -> bool:
        return entry.device is not None and self.draft.owners[entry.device] in self.hostile

    def _meet(self) -> None:
        """All honest devices show each other all that there is, reject what shuts them out, and rotate if need be."""
        for device in self.known:
            self.known[device] = set(self.draft.entries)
            if self._is_active(device):
                self._reject(device)
        for device in self.coordinators:
            self.known[device] = set(self.draft.entries)
            decided = self.rules.decide(self.known[device])
            if device in decided.active and decided.epoch is None:
                self.say(device, "rotate", to=sorted(decided.active))
