"""Deeds for the rules, made from a history as `tests/histories` tells it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random

from cellsync.core.ids import DeviceId, EntryId, MemberId
from cellsync.core.membership.control import Role
from cellsync.core.membership.deeds import Deed
from cellsync.core.membership.deliberation import Decision, Deliberation
from cellsync.core.wire.tags import Kind
from tests.histories import forms
from tests.histories.forms import Entry, History, Id
from tests.models.membership import Verdict

KINDS = {each: Kind.CASE if each is forms.Kind.WRITE else Kind[each.name] for each in forms.Kind}


class Told:
    """A history with ids: whom its names mean, and its entries as deeds."""

    def __init__(self, history: History, ids: Mapping[Id, bytes]) -> None:
        self._history = history
        self.ids = {name: EntryId(each) for name, each in ids.items()}
        self.devices = {device: DeviceId(ids[name]) for device, name in history.introductions.items()}
        self.members = {
            entry.member: MemberId(ids[entry.id])
            for entry in history.entries.values()
            if entry.member is not None and entry.kind is not forms.Kind.LINK
        }

    def deeds(self, order: Iterable[Id]) -> list[Deed]:
        """The entries in an order of arrival in which pasts come first."""
        bits: dict[Id, int] = {}
        made = []
        for name in order:
            made.append(self.deed(self._history.entries[name], bits))
            bits[name] = 1 << len(bits)
        return made

    def verdict(self, decision: Decision, held: Iterable[Id]) -> Verdict:
        """What was decided, in the names of the history."""
        entries = [self._history.entries[name] for name in held]
        names = {self.ids[entry.id]: entry.id for entry in entries}
        members = {entry.member for entry in entries if entry.member is not None}
        roles = {member: decision.role(self.members[member]) for member in members}
        return Verdict(
            {names[entry]: forms.Label[label.name] for entry, label in decision.labels.items()},
            {
                entry.introduces: forms.Status(decision.status(self.devices[entry.introduces]).value)
                for entry in entries
                if entry.introduces is not None
            },
            {member: None if role is None else forms.Role(role) for member, role in roles.items()},
            None if decision.epoch is None else names[decision.epoch],
            frozenset(names[entry] for entry in decision.quarantined),
            frozenset(entry.id for entry in entries if decision.is_final(self.ids[entry.id])),
            frozenset(names[entry] for entry in decision.papers),
            frozenset(member for member in members if self.members[member] in decision.electors),
        )

    def deed(self, entry: Entry, bits: Mapping[Id, int]) -> Deed:
        """One entry, whose past has these bits."""
        author = None if entry.device is None else self.devices[entry.device]
        return Deed(
            self.ids[entry.id],
            KINDS[entry.kind],
            author,
            sum(bits.get(each, 0) for each in entry.past),
            entry.height,
            None if entry.key is None else self.ids[entry.key],
            None if entry.role is None else Role(entry.role),
            tuple(self.members[each] for each in sorted(entry.members)),
            tuple(self.devices[each] for each in sorted(entry.devices)),
            tuple(self.ids[each] for each in sorted(entry.entries | entry.disputes | entry.replaces)),
            None
            if entry.to is None or entry.kind is forms.Kind.REWRAP
            else frozenset(self.devices[each] for each in entry.to),
            entry.signed,
            heads=tuple(self.ids[each] for each in sorted(entry.heads)),
            previous=None if entry.previous is None else self.ids[entry.previous],
        )


def judged(history: History, ids: Mapping[Id, bytes], held: Iterable[Id], step_by_step: bool = False) -> Verdict:
    """What the rules say, in the names of the history. `held`: in an order of arrival in which pasts come first."""
    told, order = Told(history, ids), list(held)
    deliberation = Deliberation()
    for deed in told.deeds(order):
        deliberation.add(deed)
        if step_by_step:
            deliberation.decide()
    return told.verdict(deliberation.decide(), order)


def arrivals(history: History, held: frozenset[Id], random: Random) -> list[Id]:
    """An order of arrival in which pasts come first."""
    left, order = set(held), list[Id]()
    while left:
        ready = sorted(name for name in left if not history.entries[name].past & left)
        order.append(random.choice(ready))
        left.remove(order[-1])
    return order
