"""Deliberation: what the rules of edition 2 say of a growing set of deeds.

    state(S) = 1  the states of the past of each deed, and of what the pasts of two strikes share: all smaller sets
               2  what is forked (9), what recovery keys signed (12), what is late (9b); who are electors (8)
               3  the least fixpoint of rules 2 to 6, with weights (7)
               4  rule 11
               5  on asking: status and role (10), quarantine (13), the epoch (14), what is final (15)

The state of a set never changes, so it is remembered: a deed that comes later costs what is new about the set that it
completes. Labels depend on few of the deeds, the ballots, and on what is frozen among them. A deed that is no ballot
and freezes none changes no other's label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

from cellsync.core.ids import DeviceId, EntryId, MemberId
from cellsync.core.membership.bench import Bench
from cellsync.core.membership.control import Role
from cellsync.core.membership.deeds import NOBODY, Bit, Deed, Deeds, each, has
from cellsync.core.membership.electors import rule_8_electors
from cellsync.core.membership.epoch_choice import rule_14_epoch, usable
from cellsync.core.membership.finality import rule_15_final
from cellsync.core.membership.forks import rule_9_forks
from cellsync.core.membership.grounds import Ground, grounds, promotion, seconds
from cellsync.core.membership.label import IN, Label
from cellsync.core.membership.lateness import rule_9b_late
from cellsync.core.membership.papers import papers_in_force, replaced_papers, rule_12_recovery_key
from cellsync.core.membership.place import Situation, in_trouble, label_at, situation
from cellsync.core.membership.planting import planters
from cellsync.core.membership.quarantine import Released, released, rule_13_quarantine
from cellsync.core.membership.rulings import label_of, least_fixpoint
from cellsync.core.membership.standing import DeviceStatus, rule_10_role, rule_10_status
from cellsync.core.membership.strikes import Strike, answered, strikes
from cellsync.core.membership.zero import rule_11_zero


class _Matter(NamedTuple):
    """All that the labels of a set depend on."""

    ballots: int
    frozen: int
    by_paper: frozenset[tuple[Bit, Label]]


class Decision:
    """What the rules say of one set of deeds."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._deeds = bench.deeds

    def _bit(self, entry: bytes) -> Bit:
        """Raises KeyError if it is not in the set."""
        bit = self._deeds.bit(EntryId(entry))
        if not has(self._bench.within, bit):
            raise KeyError(entry)
        return bit

    def __eq__(self, other: object) -> bool:
        """Whether it is the same of the same deeds."""
        return isinstance(other, Decision) and self._all == other._all

    def __hash__(self) -> int:
        return hash(self._bench.within)

    @property
    def _all(self) -> object:
        deeds, within = self._deeds, self._bench.within
        return [deeds[bit] for bit in each(within)], self.ballots, self._bench.frozen

    def is_in(self, entry: EntryId) -> bool:
        """Whether an entry is a deed of the set, and IN."""
        bit = self._deeds.find(entry)
        return bit is not None and has(self._bench.within, bit) and label_of(self._bench, bit) == IN

    @property
    def ballots(self) -> dict[Bit, Label]:
        """The labels on which others' depend, and of what recovery keys signed."""
        return {**self._bench.labels, **self._bench.by_paper}

    @property
    def active(self) -> frozenset[DeviceId]:
        return frozenset(device for device, status in self.statuses.items() if status == DeviceStatus.ACTIVE)

    @cached_property
    def situations(self) -> Mapping[DeviceId, Situation]:
        """Of the devices that are in trouble."""
        bench, deeds = self._bench, self._deeds
        return {DeviceId(deeds[device].id): situation(bench, device) for device in in_trouble(bench)}

    def label_of_place(self, device: DeviceId, needed: Role, past: int, seen_by: Callable[[Bit], bool]) -> Label:
        """What is decided of an entry that is no deed, and requires a role: as `label_of_case`, with bits."""
        return label_at(self._bench, self._bit(device), past, seen_by, needed)

    def label(self, entry: EntryId) -> Label:
        return label_of(self._bench, self._bit(entry))

    def label_of_case(self, device: DeviceId, past: int, seen_by: Callable[[EntryId], bool]) -> Label:
        """What is decided of a case entry that is no deed: whose it is, what it saw, and whether a strike saw it."""
        return label_at(self._bench, self._bit(device), past, lambda strike: seen_by(self._deeds[strike].id))

    @cached_property
    def troubled(self) -> frozenset[DeviceId]:
        """The devices whose case entries could be anything but IN, although their author was a writer by their past."""
        return frozenset(DeviceId(self._deeds[device].id) for device in in_trouble(self._bench))

    @cached_property
    def labels(self) -> dict[EntryId, Label]:
        return {self._deeds[bit].id: label_of(self._bench, bit) for bit in each(self._bench.within)}

    def status(self, device: DeviceId) -> DeviceStatus:
        return rule_10_status(self._bench, self._bit(device))

    @cached_property
    def statuses(self) -> Mapping[DeviceId, DeviceStatus]:
        """Of all devices that were introduced."""
        bench, deeds = self._bench, self._deeds
        devices = each(deeds.introductions & bench.within)
        return {DeviceId(deeds[device].id): rule_10_status(bench, device) for device in devices}

    def role(self, member: MemberId) -> Role | None:
        return rule_10_role(self._bench, self._bit(member))

    @cached_property
    def roles(self) -> Mapping[MemberId, Role]:
        """Of the members who have one."""
        bench, deeds = self._bench, self._deeds
        members = {deeds.owner(device) for device in each(deeds.introductions & bench.within)}
        found = {MemberId(deeds[member].id): rule_10_role(bench, member) for member in sorted(members)}
        return {member: role for member, role in found.items() if role is not None}

    @cached_property
    def quarantined(self) -> frozenset[EntryId]:
        return rule_13_quarantine(self._bench)

    @cached_property
    def _released(self) -> Released:
        return released(self._bench)

    @property
    def released(self) -> frozenset[EntryId]:
        """What releases that are IN name."""
        return self._released.entries

    @property
    def released_heads(self) -> frozenset[EntryId]:
        """What they name with all that is before it in its chain."""
        return self._released.heads

    @cached_property
    def epoch(self) -> EntryId | None:
        chosen = rule_14_epoch(self._bench)
        return None if chosen is None else self._deeds[chosen].id

    @cached_property
    def usable(self) -> frozenset[EntryId]:
        """The rotations under which something could be sealed, the chosen one among them."""
        return frozenset(self._deeds[bit].id for bit in usable(self._bench))

    def linked_by(self, devices: Iterable[DeviceId]) -> frozenset[DeviceId]:
        """These devices, and all that were linked by one of them, and so on: a removal of these hits them all."""
        roots = {self._bit(device) for device in devices}
        introduced = each(self._deeds.introductions & self._bench.within)
        return frozenset(DeviceId(self._deeds[one].id) for one in introduced if roots & set(self._deeds.line(one)))

    def is_final(self, removal: EntryId) -> bool:
        return rule_15_final(self._bench, self._bit(removal))

    def grounds(self, entry: EntryId) -> list[Ground]:
        """Why an entry has its label."""
        return grounds(self._bench, self._bit(entry))

    def seconds(self, removal: EntryId) -> Ground | None:
        """Whose word a removal lacks."""
        return seconds(self._bench, self._bit(removal))

    def promotion(self, member: MemberId) -> Ground | None:
        """Whose word it takes before that of a coordinator counts."""
        return promotion(self._bench, self._bit(member))

    @cached_property
    def strikes(self) -> Sequence[Strike]:
        """In order of arrival."""
        return list(strikes(self._bench))

    def answered(self, members: Iterable[MemberId], devices: Iterable[DeviceId], by: MemberId) -> list[EntryId]:
        """The strikes that somebody's removal of these disputes."""
        hit = {self._bit(member) for member in members}, {self._bit(device) for device in devices}
        return answered(self._bench, *hit, self._bit(by))

    @property
    def papers(self) -> frozenset[EntryId]:
        """What brought in the recovery keys that are in force."""
        bench = self._bench
        return frozenset(self._deeds[bit].id for bit in papers_in_force(bench.deeds, bench.within, bench.by_paper))

    @property
    def replaced_papers(self) -> frozenset[EntryId]:
        """What brought in the recovery keys that others have replaced."""
        return frozenset(self._deeds[bit].id for bit in replaced_papers(self._bench.deeds, self._bench.by_paper))

    @property
    def electors(self) -> frozenset[MemberId]:
        """The members whose word weighs now."""
        found = self._bench.verdicts.electors(self._bench.within)
        return frozenset(MemberId(self._deeds[member].id) for member in found)

    @property
    def planters(self) -> frozenset[MemberId]:
        """Who made coordinators where nobody else had a word, in a branch beside another one of theirs."""
        found = planters(self._deeds, self._bench.within, self._bench.verdicts)
        return frozenset(MemberId(self._deeds[member].id) for member in found)


class Deliberation:
    """The rules at work on a set that grows. `Verdicts`, for the rules themselves."""

    def __init__(self, deeds: Iterable[Deed] = ()) -> None:
        self.deeds = Deeds()
        self._forked: dict[int, int] = {}
        self._by_paper: dict[tuple[int, int], dict[Bit, Label]] = {}
        self._matters: dict[int, _Matter] = {}
        self._labels: dict[_Matter, Mapping[Bit, Label]] = {}
        self._electors: dict[tuple[_Matter, frozenset[Bit]], frozenset[Bit]] = {}
        self._asked: dict[frozenset[Bit], int] = {}  # by parties: grants and strikes whose electors are known
        self._prepared = 0  # how many deeds
        for deed in deeds:
            self.deeds.add(deed)

    def add(self, deed: Deed) -> None:
        self.deeds.add(deed)

    def put(self, bit: int, deed: Deed) -> None:
        """Take in the deed with this bit. What had it before, and all after that, was never durable."""
        if bit < len(self.deeds):
            if self.deeds[Bit(bit)] == deed:
                return
            self.withdraw(bit)
        self.deeds.add(deed)

    def withdraw(self, count: int) -> None:
        """Take back all deeds but the first `count`, and what was found out about them."""
        if count >= len(self.deeds):
            return
        self.deeds.withdraw(count)
        self._prepared = min(self._prepared, count)
        low = (1 << count) - 1
        self._forked = {within: forked for within, forked in self._forked.items() if within <= low}
        self._matters = {within: matter for within, matter in self._matters.items() if within <= low}
        self._by_paper = {key: found for key, found in self._by_paper.items() if key[0] <= low}
        self._labels = {key: found for key, found in self._labels.items() if key.ballots <= low}
        self._electors = {
            key: found
            for key, found in self._electors.items()
            if key[0].ballots <= low and max(key[1], default=0) < count
        }
        self._asked = {
            parties: asked & low for parties, asked in self._asked.items() if max(parties, default=0) < count
        }

    def decide(self, within: int | None = None) -> Decision:
        """What the rules say of all deeds so far, or of some of them with all that those saw: of what is held and does
        not count (30-history, Equivocators) nothing is known to a decision."""
        self._prepare()
        return Decision(self._bench(self.deeds.all if within is None else within))

    def _prepare(self) -> None:
        """Smaller sets first, so that no rule has to wait for a long line of others."""
        deeds = self.deeds
        while self._prepared < len(deeds):
            bit = Bit(self._prepared)
            self._prepared += 1
            if has(deeds.promotions | deeds.strikes | deeds.recoveries, bit):
                self.electors(deeds[bit].past)
            if has(deeds.strikes, bit):
                for other in each(deeds.strikes & ((1 << bit) - 1)):
                    if _may_dispute(deeds, bit, other):
                        self.electors(deeds[bit].past & deeds[other].past)
            if has(deeds.endorsements, bit):
                for strike in deeds.strikes_at(deeds.device(bit)):
                    for other in deeds.named(bit):
                        self.electors(deeds[strike].past & deeds[other].past)

    def _prepare_electors(self, within: int, parties: frozenset[Bit]) -> None:
        """The same for the electors of the pasts of grants and strikes."""
        ahead = (self.deeds.promotions | self.deeds.strikes) & within & ~self._asked.get(parties, 0)
        for bit in each(ahead):
            self._asked[parties] = self._asked.get(parties, 0) | 1 << bit
            self.electors(self.deeds[bit].past, parties)

    # --- Verdicts --------------------------------------------------------------------------------

    def electors(self, within: int, parties: frozenset[Bit] = NOBODY) -> frozenset[Bit]:
        key = self._matter(within), parties
        found = self._electors.get(key)
        if found is None:
            self._prepare_electors(within, parties)
            found = self._electors[key] = rule_8_electors(self.deeds, within, parties, self)
        return found

    def forked(self, within: int) -> int:
        found = self._forked.get(within)
        if found is None:
            found = self._forked[within] = rule_9_forks(self.deeds, within, self)
        return found

    def by_paper(self, within: int) -> Mapping[Bit, Label]:
        key = within & (self.deeds.ballots | self.deeds.by_paper), self.forked(within)
        found = self._by_paper.get(key)
        if found is None:
            found = self._by_paper[key] = rule_12_recovery_key(self.deeds, within, key[1], self)
        return found

    def frozen(self, within: int) -> int:
        return self._matter(within).frozen

    def labels(self, within: int) -> Mapping[Bit, Label]:
        return self._bench(within).labels

    def _matter(self, within: int) -> _Matter:
        found = self._matters.get(within)
        if found is None:
            by_paper = self.by_paper(within)
            frozen = self.forked(within) | rule_9b_late(self.deeds, within, by_paper, self)
            found = _Matter(within & self.deeds.ballots, frozen, frozenset(by_paper.items()))
            self._matters[within] = found
        return found

    def _bench(self, within: int) -> Bench:
        matter = self._matter(within)
        labels = self._labels.get(matter)
        bench = Bench(self.deeds, within, matter.frozen, self.by_paper(within), self, labels or {})
        if labels is None:
            bench = rule_11_zero(replace(bench, labels=least_fixpoint(bench)))
            self._labels[matter] = bench.labels
        return bench


def _may_dispute(deeds: Deeds, one: Bit, other: Bit) -> bool:
    return any(
        any(deeds.is_struck(deeds.device(said), strike) for said in (struck, *deeds.endorsements_of(struck)))
        and not (deeds.saw(strike, struck) and not _minds(deeds, strike, struck))
        for strike, struck in ((one, other), (other, one))
    )


def _minds(deeds: Deeds, strike: Bit, struck: Bit) -> bool:
    return struck in deeds.named(strike) or deeds.is_struck(deeds.device(strike), struck)
