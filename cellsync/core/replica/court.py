"""The court: what the rules of membership mean for the entries of a replica, step by step.

    labels      of deeds, from `Circle.deliberate`: a pure function of the set of deeds that count
    standings   of all entries. Of one on which no other's label depends the label follows from its place (`place`):
                from the grants in its control past, and from how much of its chain the strikes at its author's device
                saw (`sight`)

So a step costs what it brings. Only with a deed, or when equivocators' entries begin or cease to count, is anything
decided anew. Then only those devices are gone through whose situation has changed, and on their chains only what some
strike at them had not seen. (protocol/40-membership.md)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Final

from cellsync.core.history.entry import Entry, Judgement, Standing, chain_of, sequence_of, slot_of, unpack_slots
from cellsync.core.history.holdings import Holdings
from cellsync.core.history.store import StandingRow, Store
from cellsync.core.ids import DeviceId, EntryId
from cellsync.core.membership.circle import Circle
from cellsync.core.membership.deeds import Bit, Deed
from cellsync.core.membership.label import IN, OUT, UNDECIDED, Label
from cellsync.core.membership.place import Situation
from cellsync.core.replica.ruling import Ruling, rule
from cellsync.core.replica.sight import sight
from cellsync.core.replica.stage import Stage

STANDINGS: Final = {IN: Standing.IN, OUT: Standing.OUT, UNDECIDED: Standing.UNDECIDED}
_CITING: Final = 256  # entries per read


class Court:
    """The rules at work on one replica. `ruling`: what they say of what is held."""

    def __init__(self, circle: Circle, held: Holdings, store: Store, slots: Mapping[Bit, int]) -> None:
        self._circle, self._held, self._store = circle, held, store
        self.slots = dict(slots)  # of deeds
        self._needs = circle.edition.needs
        self._sought: frozenset[EntryId] = frozenset()  # heads that were looked for among what was held
        self._head_slots: dict[EntryId, int] = {}
        self._sights: dict[int, dict[int, int]] = {}  # of strikes, by slot
        self.ruling = rule(circle.deliberate(within(self.slots, held.counts)))
        circle.decide(self.ruling.decision)

    def advance(self, ruling: Ruling | None, slots: Mapping[Bit, int], entries: Iterable[Entry]) -> None:
        """Take in what a step that is now durable has changed."""
        self.slots.update(slots)
        if self._sought:
            self._head_slots |= {entry.id: entry.slot for entry in entries if entry.id in self._sought}
        if ruling is not None:
            self.ruling = ruling
            self._circle.decide(ruling.decision)

    def deeds(self) -> Iterator[Deed]:
        """What the rules look at, in order of arrival."""
        return map(self._circle.deed, sorted(self.slots))

    def judge(self, stage: Stage) -> Iterator[Judgement]:
        """Verdicts on the entries of a step, and on earlier ones. See `Judge`."""
        slots = {bit: entry.slot for entry in stage.controls if (bit := stage.circle.bit(entry.id)) is not None}
        ruling, before = self.ruling, self.ruling
        if slots or stage.recounts:
            slots |= self.slots
            stage.ruling = ruling = rule(stage.circle.deliberate(within(slots, stage.counts)))
            yield from self._on_deeds(ruling, before, slots)
            yield from self._on_earlier(stage, ruling, before, slots)
        yield from self._on_new(stage, ruling, slots or self.slots)

    def judge_all(self, stage: Stage, placed: Iterable[StandingRow]) -> Iterator[Judgement]:
        """Verdicts on all of these, which are held."""
        for bit, label in self.ruling.labels.items():
            yield Judgement(self.slots[bit], STANDINGS[label], released=False)
        for one in placed:
            device = self._held.chains[chain_of(one.slot)].device
            if device in self.ruling.situations or one.id in self.ruling.released:
                yield from self._judgement(stage, self.ruling, self.slots, device, one)

    # --- the entries on which others' labels depend ----------------------------------------------------

    def _on_deeds(self, ruling: Ruling, before: Ruling, slots: Mapping[Bit, int]) -> Iterator[Judgement]:
        for bit, label in ruling.labels.items():
            if before.labels.get(bit, IN) != label:
                yield Judgement(slots[bit], STANDINGS[label], released=False)

    # --- all others --------------------------------------------------------------------------------------

    def _on_earlier(
        self, stage: Stage, ruling: Ruling, before: Ruling, slots: Mapping[Bit, int]
    ) -> Iterator[Judgement]:
        """On entries held before this step."""
        devices = ruling.situations.keys() | before.situations.keys()
        changed = [one for one in devices if ruling.situations.get(one) != before.situations.get(one)]
        for device in changed:
            for chain in self._held.of_device(device):
                first = self._first_concerned(stage, ruling, before, slots, device, chain.number)
                for one in self._store.standings(chain.number, first, chain.length):
                    yield from self._judgement(stage, ruling, slots, device, one)
        if (ruling.released, ruling.heads) != (before.released, before.heads):
            for chain in self._held.chains.values():
                for one in self._store.standings(chain.number, chain.first, chain.length, aside=True):
                    yield from self._judgement(stage, ruling, slots, chain.device, one)

    def _first_concerned(
        self, stage: Stage, ruling: Ruling, before: Ruling, slots: Mapping[Bit, int], device: DeviceId, number: int
    ) -> int:
        """The first entry of a branch whose label may be another now. What all strikes have seen is IN either way."""
        was, now = before.situations.get(device), ruling.situations.get(device)
        if _wanting(was) != _wanting(now):
            return 1
        strikes = {strike for situation in (was, now) if situation is not None for strike, _ in situation.strikes}
        return 1 + min((self._saw(stage, slots[strike]).get(number, 0) for strike in strikes), default=0)

    def _on_new(self, stage: Stage, ruling: Ruling, slots: Mapping[Bit, int]) -> Iterator[Judgement]:
        """On entries of this step."""
        if not ruling.situations and not ruling.releases:
            return
        for entry in stage.entries:
            device = stage.branch(chain_of(entry.slot)).device
            if device in ruling.situations or entry.standing != Standing.IN:
                one = StandingRow(entry.slot, entry.id, entry.kind, entry.past, entry.standing)
                yield from self._judgement(stage, ruling, slots, device, one)
            if entry.id in ruling.heads:
                yield from self._on_the_way(stage, ruling, slots, entry)

    def _on_the_way(self, stage: Stage, ruling: Ruling, slots: Mapping[Bit, int], head: Entry) -> Iterator[Judgement]:
        """On what was held of a chain before a head came with which all of it is released."""
        number, last = chain_of(head.slot), sequence_of(head.slot)
        while number:
            chain = stage.branch(number)
            for one in self._store.standings(number, chain.first, last, aside=True):
                yield from self._judgement(stage, ruling, slots, chain.device, one)
            number, last = chain.base, chain.first - 1

    def _judgement(
        self, stage: Stage, ruling: Ruling, slots: Mapping[Bit, int], device: DeviceId, one: StandingRow
    ) -> Iterator[Judgement]:
        if one.kind and stage.circle.bit(one.id) in ruling.labels:
            return
        label = IN
        if device in ruling.situations:

            def seen_by(strike: Bit) -> bool:
                return self._saw(stage, slots[strike]).get(chain_of(one.slot), 0) >= sequence_of(one.slot)

            past = stage.circle.pasts.bits(one.past)
            label = ruling.decision.label_of_place(device, self._needs[one.kind], past, seen_by)
        yield Judgement(one.slot, STANDINGS[label], self._is_released(stage, ruling, one))

    def _is_released(self, stage: Stage, ruling: Ruling, one: StandingRow) -> bool:
        return one.id in ruling.released or any(
            stage.is_on_the_way(one.slot, head) for head in self._heads(stage, ruling)
        )

    def _heads(self, stage: Stage, ruling: Ruling) -> Iterator[int]:
        """The slots of those heads that are here. Those that were released before they came are few."""
        missing = ruling.heads - self._sought
        if missing:
            for chain in self._held.chains.values():
                for one in self._store.standings(chain.number, chain.first, chain.length):
                    if one.id in missing:
                        self._head_slots[one.id] = one.slot
            self._sought |= missing
        for head in ruling.heads:
            slot = stage.slot_of(head) or self._head_slots.get(head)
            if slot is not None:
                yield slot

    # --- what strikes saw ----------------------------------------------------------------------------------

    def _saw(self, stage: Stage, strike: int) -> Mapping[int, int]:
        """By branch, up to where the strike in this slot has seen it."""
        found = self._sights.get(strike)
        if found is None:
            found = sight(strike, stage.branch, partial(self._cited, stage))
            if stage.staged(strike) is None:  # else it may never become durable, and another entry have the slot
                self._sights[strike] = found
        return found

    def _cited(self, stage: Stage, number: int, first: int, last: int) -> Iterator[int]:
        """The slots that the entries of a branch name as parents, from one sequence to another."""
        chain = self._held.chains.get(number)
        held = 0 if chain is None else min(last, chain.length)
        while first <= held:
            page = self._store.citing(number, first, held, _CITING)
            for _, _, parents in page:
                yield from unpack_slots(parents)
            if len(page) < _CITING:
                break
            first = sequence_of(page[-1][0]) + 1
        for sequence in range(max(first, held + 1), last + 1):
            entry = stage.staged(slot_of(number, sequence))
            yield from () if entry is None else unpack_slots(entry.parents)


def within(slots: Mapping[Bit, int], counts: Callable[[int], bool]) -> int:
    """The deeds that count."""
    return sum(1 << bit for bit, slot in slots.items() if counts(slot))


def _wanting(situation: Situation | None) -> set[tuple[Bit, Label]]:
    """What is not IN of that which a device's rights rest on."""
    return set() if situation is None else {rests for rests in situation.rests if rests[1] != IN}
