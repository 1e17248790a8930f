"""What is so in a history of membership whoever judges it: who wrote what, whom a strike hits, who voted.

protocol/40-membership.md has the words. `held` is always a set of entries with all that they cite.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, Protocol

from tests.histories.forms import Device, Entry, History, Id, Kind, Label, Member, Role, Status

Held = frozenset[Id]
NOBODY: Final[frozenset[Member]] = frozenset()
_GRANTS: Final = frozenset({Kind.FOUND, Kind.ADMIT, Kind.LINK, Kind.SET_ROLE})
_NEEDED: Final = {Kind.WRITE: Role.WRITER} | dict.fromkeys(
    (Kind.ADMIT, Kind.SET_ROLE, Kind.ENDORSE, Kind.RELEASE, Kind.REMOVE), Role.COORDINATOR
)


class State(NamedTuple):
    """What a set of entries comes to."""

    labels: Mapping[Id, Label]
    statuses: Mapping[Device, Status]
    roles: Mapping[Member, Role | None]


class Judge(Protocol):
    """What the rules ask of smaller sets."""

    @property
    def facts(self) -> Facts: ...

    def state(self, held: Held) -> State: ...

    def electors(self, held: Held, parties: frozenset[Member] = NOBODY) -> frozenset[Member]: ...

    def papers(self, held: Held) -> Mapping[Id, Label]: ...


def all_of(*labels: Label) -> Label:
    return next((each for each in (Label.OUT, Label.UNDECIDED) if each in labels), Label.IN)


def any_of(*labels: Label) -> Label:
    return next((each for each in (Label.IN, Label.UNDECIDED) if each in labels), Label.OUT)


def opposite(label: Label) -> Label:
    return Label.IN if label is Label.OUT else Label.OUT if label is Label.IN else label


def is_removal(entry: Entry) -> bool:
    return entry.kind is Kind.REMOVE or entry.kind is Kind.LEAVE


def is_demotion(entry: Entry) -> bool:
    return entry.kind is Kind.SET_ROLE and entry.role is not Role.COORDINATOR


def is_strike(entry: Entry) -> bool:
    """strike = remove, leave, or set_role below coordinator."""
    return is_removal(entry) or is_demotion(entry)


def is_grant(entry: Entry) -> bool:
    """grant = found, admit, link, set_role."""
    return entry.kind in _GRANTS


class Facts:
    """Of a history that may grow: what is held does not change by that."""

    def __init__(self, history: History) -> None:
        self.entries: Final = history.entries
        self.owners: Final = history.owners
        self.introductions: Final = history.introductions
        self._of: dict[Held, list[Entry]] = {}
        self._strikes: dict[Held, list[Entry]] = {}
        self._endorsements: dict[Held, list[Entry]] = {}
        self._marks: dict[Held, list[Entry]] = {}
        self._rights: dict[Id, list[Entry]] = {}

    def of(self, held: Held) -> list[Entry]:
        """The entries held, parents first."""
        if held not in self._of:
            self._of[held] = [entry for name, entry in self.entries.items() if name in held]
        return self._of[held]

    def marks(self, held: Held) -> list[Entry]:
        """Control entries: nothing else is a branch, a witness, an anchor or a word."""
        if held not in self._marks:
            self._marks[held] = [each for each in self.of(held) if each.kind is not Kind.WRITE]
        return self._marks[held]

    def strikes(self, held: Held) -> list[Entry]:
        if held not in self._strikes:
            self._strikes[held] = [each for each in self.of(held) if is_strike(each)]
        return self._strikes[held]

    def rights(self, entry: Entry) -> list[Entry]:
        """The grants in its past that give its author a role."""
        if entry.id not in self._rights:
            grants = (each for each in self.of(entry.past) if is_grant(each) and each.role is not None)
            self._rights[entry.id] = [each for each in grants if self.subject(each) == self.author(entry)]
        return self._rights[entry.id]

    def author(self, entry: Entry) -> Member | None:
        """The member who wrote it; None: a recovery key."""
        return None if entry.device is None else self.owners[entry.device]

    def subject(self, grant: Entry) -> Member:
        """The member to whom it grants something."""
        if grant.member is not None:
            return grant.member
        (member,) = grant.members
        return member

    def lineage(self, device: Device) -> Iterator[Device]:
        """The device, the one that linked it, and so on."""
        yield device
        entry = self.entries[self.introductions[device]]
        while entry.kind is Kind.LINK and entry.device is not None:
            yield entry.device
            entry = self.entries[self.introductions[entry.device]]

    def chain(self, head: Id) -> Iterator[Id]:
        """The entry and those before it in its chain."""
        name: Id | None = head
        while name is not None:
            yield name
            name = self.entries[name].previous

    def hit(self, strike: Entry) -> frozenset[Member]:
        """The members whom it hits, if only one of their devices."""
        return strike.members | {self.owners[each] for each in strike.devices}

    def hits(self, strike: Entry, device: Device) -> bool:
        """It hits a member, or a device and what that device linked."""
        return self.owners[device] in strike.members or any(each in strike.devices for each in self.lineage(device))

    def hits_author(self, strike: Entry, other: Entry) -> bool:
        return other.device is not None and self.hits(strike, other.device)

    def hits_own_member_only(self, strike: Entry) -> bool:
        return self.hit(strike) == {self.author(strike)}

    def needed(self, entry: Entry) -> Role:
        """The role that its author needs: one removes one's own devices as any member."""
        if entry.kind is Kind.REMOVE and self.hits_own_member_only(entry):
            return Role.READER
        return _NEEDED.get(entry.kind, Role.READER)

    def votes(self, entry: Entry, held: Held) -> list[Entry]:
        """vote for r = r itself or endorse(r)."""
        if held not in self._endorsements:
            self._endorsements[held] = [each for each in self.of(held) if each.kind is Kind.ENDORSE]
        named = (each for each in self._endorsements[held] if entry.id in each.entries)
        return [each for each in (entry, *named) if each.id in held]

    def seconds(self, strike: Entry, held: Held) -> list[Entry]:
        """What others said for it."""
        return [each for each in self.votes(strike, held)[1:] if self.author(each) != self.author(strike)]

    def ancestors(self, device: Device) -> Iterator[Entry]:
        """The entry that admitted its member, the one that admitted the author of that, and so on."""
        entry = self.entries[self.introductions[device]]
        while entry.device is not None and entry.kind is not Kind.FOUND:
            if entry.kind is Kind.ADMIT:
                yield entry
            entry = self.entries[self.introductions[entry.device]]

    def branches(self, entry: Entry, held: Held) -> Held:
        """Entries of its device, of any incarnation, of which neither has seen the other. A key has no device.

        (And those that it has not seen beside the link of its device, or of one in that line: who links a device in
        the past backdates with it.)
        """
        if entry.device is None:
            return frozenset()
        links = [self.entries[self.introductions[device]] for device in self.lineage(entry.device)][:-1]
        return frozenset(
            each.id
            for one in (entry, *links)
            for each in self.marks(held)
            if each.device == one.device and each.id not in one.past | entry.past and one.id not in each.past
            if each.id != one.id
        )

    def demotions(self, grant: Entry, held: Held) -> Iterator[Entry]:
        """Those of its subject that it did not see."""
        for each in self.strikes(held):
            takes = is_demotion(each) and self.subject(grant) in each.members
            if takes and each.id not in grant.past and each.id != grant.id:
                yield each
