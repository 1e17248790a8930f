"""The stage of one step, layered over what is held: new entries, advanced heads, members; and the resulting `Plan`.

Nothing here changes what is held. The replica takes in a plan only after the store has made it durable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import NamedTuple

from cellsync.core import caps
from cellsync.core.case.changes import Changes, DecodedEntry, Tally
from cellsync.core.errors import CapExceeded, WrongLink
from cellsync.core.history.ancestry import Ancestry
from cellsync.core.history.chain import Chain
from cellsync.core.history.counting import Counted, count
from cellsync.core.history.entry import (
    SLOT_BITS,
    Entry,
    Judgement,
    Restanding,
    chain_of,
    sequence_of,
    slot_of,
    unpack_slots,
)
from cellsync.core.history.holdings import Holdings, id_at
from cellsync.core.history.store import Arrival, Case, Commit, Store
from cellsync.core.ids import NO_ID, CaseId, DeviceId, EntryId, Signature
from cellsync.core.membership import control
from cellsync.core.membership.circle import EMPTY_PAST, Circle
from cellsync.core.replica.ruling import Ruling
from cellsync.core.replica.slices import Tip
from cellsync.core.rule import Rule
from cellsync.core.wire import operations
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.places import Gap, Head, Line


class NewFork(NamedTuple):
    """Two entries with the same `previous`: one more branch of a chain."""

    line: Line
    sequence: int  # of both entries
    number: int  # of the new branch


class Plan(NamedTuple):
    """What one step does: `commit` is for the store, the rest for the replica once that is durable."""

    commit: Commit
    circle: Circle
    changes: Changes
    controls: list[Entry]  # new control entries
    void: list[Entry]  # new entries that do not count: their author lacked the role, or they their kind's form
    unknown: list[Entry]  # new entries of a kind that a later edition knows
    forks: list[NewFork]
    gaps: list[Gap]  # of slices that did not attach
    refused: list[int]  # rows of the batch that were not taken
    reached: list[tuple[int, int] | None]  # by row of the batch: (number, sequence) up to which it is now held
    counted: dict[int, Head]  # what counts of equivocators after this step; the same object if nothing changes
    surplus: list[int]  # new branches of equivocators that nothing cites
    refold: list[int]  # cases in which earlier entries no longer count, or now do
    restanding: list[Restanding]  # earlier entries whose standing changes, whether or not that changes what counts
    newer: bool  # whether an entry of the batch has a version that this build does not know: it has to be updated
    ruling: Ruling | None  # what the rules say now, if that is not what they said before


Judge = Callable[["Stage"], Iterable[Judgement]]
"""Rules that look at more than an entry's own past. Asked once per step that brings entries, when all are staged.

They give verdicts on entries of the step itself and on earlier ones; entries without a verdict keep their standing.
A step without entries changes nothing: standing is a pure function of what is held.
"""


class Stage:
    """One step in the making. Use once."""

    def __init__(
        self, held: Holdings, circle: Circle, store: Store, judge: Judge | None = None, *, told: bool = False
    ) -> None:
        self.told = told  # whether entries may lack their content: nothing of it is committed then
        self.held = held
        self.circle = circle
        self.store = store
        self._judge = judge
        self.entries: list[Entry] = []
        self.heads: dict[int, int] = {}  # case number -> slot of its newest entry, for every case touched
        self.cited: set[int] = set()  # slots that new entries name as parents
        self.forks: list[NewFork] = []
        self._before = circle
        self._ancestry = Ancestry(held.ancestry)
        self._tips: dict[int, Tip] = {}
        self._at: dict[tuple[Line, int], dict[EntryId, int]] = {}  # place -> {entry there: its held branch}
        self._begun: dict[tuple[Line | int, int], dict[EntryId, int]] = {}  # place -> {first entry: its held branch}
        self._places: dict[int, int] = {}  # slot of a staged entry -> its index in `entries`
        self._slots: dict[EntryId, int] = {}  # id of a staged entry -> its slot
        self._new_lines: dict[Line, list[int]] = {}
        self._new = 0  # number of new branches
        self._beyond = 0  # how many of them are as in `Holdings.beyond`
        self._branches: Counter[DeviceId] = Counter()  # new branches by device
        self._chains: dict[int, Chain] = {}  # new or advanced
        self._cases: dict[int, CaseId] = {}
        self._new_cases: dict[CaseId, int] = {}
        self._arrivals: list[tuple[int, int, int]] = []
        self._unsigned = 0  # bytes of our own entries since the last signature
        self.said: list[DecodedEntry] = []  # entries that count, except those in the tallies
        self.tallies: dict[int, Tally] = {}  # by case number
        self._controls: list[Entry] = []
        self._void: list[Entry] = []
        self._unknown: list[Entry] = []
        self._counted: Counted = {}  # as `count` says, once all is staged
        self.ruling: Ruling | None = None

    # --- branches --------------------------------------------------------------------------------

    def tip(self, number: int) -> Tip:
        """A branch, held or new."""
        tip = self._tips.get(number)
        if tip is None:
            chain = self.held.chains[number]
            off: dict[int, list[int]] = {}
            for leaving in self.held.off.get(number, ()):
                off.setdefault(self.held.chains[leaving].first, []).append(leaving)
            tip = self._tips[number] = Tip(number, chain.line, chain.base, chain.first, chain.length, off)
        return tip

    def numbers(self, line: Line) -> list[int]:
        """The branches of a chain, held or new."""
        return [*self.held.lines.get(line, ()), *self._new_lines.get(line, ())]

    def branch(self, number: int) -> Chain:
        """A branch as this step has left it so far."""
        return self._chains.get(number) or self.held.chains[number]

    def branches_of(self, device: DeviceId) -> int:
        return self.held.branches(device) + self._branches[device]

    def open_branch(self, line: Line, base: Tip | None, first: int, entry: EntryId | None = None) -> Tip:
        """A new branch of a chain, or a new chain. Raises CapExceeded if the circle has as many as it may.

        `entry`: its first entry, if known. Every branch that is opened must also be advanced, since branch numbers
        have no gaps.
        """
        number = len(self.held.chains) + self._new + 1
        beyond = self.branches_of(line[0]) > caps.BRANCHES
        if number > caps.CHAINS or (beyond and self.held.beyond + self._beyond >= caps.CHAINS - caps.RESERVED):
            raise CapExceeded(Rule.CAP_CHAINS)
        self._beyond += beyond
        if self.numbers(line):
            self.forks.append(NewFork(line, first, number))
        tip = self._tips[number] = Tip(number, line, base.number if base else 0, first, first - 1, {})
        if entry is not None:
            self._leaving(line, base, first)[entry] = number
        if base is not None:
            base.off.setdefault(first, []).append(number)
            base.stop()
            self._ancestry.add(number, base.number, first)
        self._new += 1
        self._new_lines.setdefault(line, []).append(number)
        self._branches[line[0]] += 1
        self._chains[number] = Chain(
            number, *line, tip.base, first, first - 1, EntryId(NO_ID), 0, EMPTY_PAST, False
        )  # fmt: skip
        return tip

    def holder(self, tip: Tip, sequence: int) -> Tip:
        """The branch that holds a place on the way to this one; the place may lie before a fork."""
        return tip if sequence >= tip.first else self.tip(self._ancestry.at(tip.number, sequence))

    def entry_at(self, slot: int) -> Entry | None:
        """An entry, held or new."""
        return self.staged(slot) or self.store.entry_at(slot)

    def footing(self, tip: Tip, sequence: int) -> tuple[EntryId, int, int] | None:
        """What an entry needs of one that it builds on: id, height, control past. None if that is not held.

        For the newest entry of a held branch they are known without a read, and nearly all entries build on such a one.
        """
        chain = self.held.chains.get(tip.number)
        if chain is not None and chain.length == sequence:
            return chain.head, chain.height, chain.past
        entry = self.entry_at(slot_of(tip.number, sequence))
        return None if entry is None else (entry.id, entry.height, entry.past)

    def staged(self, slot: int) -> Entry | None:
        """An entry that is new in this step."""
        at = self._index().get(slot)
        return None if at is None else self.entries[at]

    def slot_of(self, entry: EntryId) -> int | None:
        """Where an entry is that is new in this step."""
        self._index()
        return self._slots.get(entry)

    def is_on_the_way(self, slot: int, head: int) -> bool:
        """Whether an entry is another one, or before it in its chain."""
        sequence = sequence_of(slot)
        return sequence <= sequence_of(head) and self._ancestry.at(chain_of(head), sequence) == chain_of(slot)

    def _index(self) -> dict[int, int]:
        """Where in `entries` each staged entry is. Entries staged since the last call are indexed only now, because
        most steps never need the index."""
        places, slots = self._places, self._slots
        for at in range(len(places), len(self.entries)):
            entry = self.entries[at]
            places[entry.slot], slots[entry.id] = at, entry.slot
        return places

    def find(self, line: Line, sequence: int, entry: EntryId) -> Tip | None:
        """The branch that holds an entry, or receives it in this step."""
        self._index()
        slot = self._slots.get(entry)
        if slot is not None:
            tip = self.tip(chain_of(slot))
            return tip if tip.line == line and sequence_of(slot) == sequence else None
        number = self.held.newest.get(entry)
        if number is not None:
            chain = self.held.chains[number]
            return self.tip(number) if chain.line == line and chain.length == sequence else None
        place = line, sequence
        if place not in self._at:  # once per place: every row of a batch may ask for the same one
            beside = (chain for chain in self.held.of_line(line) if chain.first <= sequence < chain.length)
            self._at[place] = self._by_id(slot_of(chain.number, sequence) for chain in beside)
        number = self._at[place].get(entry)
        return None if number is None else self.tip(number)

    def _by_id(self, slots: Iterable[int]) -> dict[EntryId, int]:
        """The branches that hold these slots, by the ids of the entries there."""
        return {entry: chain_of(slot) for slot, entry in self.store.ids_at(list(slots))}

    def successor(self, line: Line, place: Tip | None, sequence: int, entry: EntryId) -> Tip | None:
        """The branch in which this very entry follows `sequence - 1` of `place` (None: at the chain's beginning)."""
        if place is not None and place.length >= sequence and self._id_at(place, sequence) == entry:
            return place
        number = self._leaving(line, place, sequence).get(entry) if place is None or place.off else None
        return None if number is None else self.tip(number)

    def _leaving(self, line: Line, place: Tip | None, sequence: int) -> dict[EntryId, int]:
        """The branches that begin after `sequence - 1` of `place`, by the ids of their first entries."""
        begins = line if place is None else place.number, sequence
        if begins not in self._begun:
            if place is None:
                held = [chain.number for chain in self.held.of_line(line) if chain.first == 1]
            else:
                held = [number for number in place.off.get(sequence, ()) if number in self.held.chains]
            self._begun[begins] = self._by_id(slot_of(number, sequence) for number in held)
        return self._begun[begins]

    def _id_at(self, tip: Tip, sequence: int) -> EntryId | None:
        staged = self.staged(slot_of(tip.number, sequence))
        if staged is not None:
            return staged.id
        chain = self.held.chains.get(tip.number)
        return None if chain is None else id_at(self.store, chain, sequence)

    def own(self, line: Line) -> Chain:
        """The only branch of a chain that this device writes, new if it has none."""
        numbers = self.numbers(line)
        number = numbers[0] if numbers else self.open_branch(line, None, 1).number
        return self.branch(number)

    # --- numbers ---------------------------------------------------------------------------------

    def case_number(self, case: CaseId) -> int:
        """The number of a case to which an entry belongs. As with branches, each number must get an entry."""
        number = self.held.cases.find(case) or self._new_cases.get(case)
        if number is None:
            number = self._new_cases[case] = len(self.held.cases) + len(self._new_cases) + 1
        self._cases[number] = case
        self.heads.setdefault(number, self.held.heads.of(number))
        return number

    def cite(self, slot: int, author: DeviceId) -> None:
        """A new entry of this device names a slot as a parent. A head that only an equivocator cites remains a head.

        Otherwise it would drop out of the pasts of honest writers, who do not cite an equivocator's entries, but need
        in their past everything that they build on: their own admission, say.
        """
        if author not in self.held.equivocators:
            self.cited.add(slot)

    def open_heads(self, besides: Chain) -> list[Chain]:
        """The heads of the history on other branches, highest first, at most as many as an entry may cite.

        Entries that do not count are not cited: an honest device does not make an equivocator's branches count.
        """
        equivocators = self.held.equivocators  # their entries that count are cited already
        held = (
            self.held.chains[number]
            for device, numbers in self.held.uncited.items()
            if device not in equivocators
            for number in numbers
            if number not in self._chains
        )
        heads = [
            chain
            for chain in (*held, *self._chains.values())
            if chain.length >= chain.first
            and not chain.cited
            and chain.number != besides.number
            and slot_of(chain.number, chain.length) not in self.cited
            and self.held.counts(slot_of(chain.number, chain.length))
        ]
        heads.sort(key=lambda chain: (-chain.height, chain.number))
        return heads[: caps.PARENTS]

    # --- members ---------------------------------------------------------------------------------

    def union(self, one: int, other: int) -> int:
        """The number of the union of two control pasts."""
        if one == other:
            return one
        known = self.circle.pasts.known_union(one, other)
        return self._own_circle().pasts.union(one, other) if known is None else known

    def saw_introduction(self, device: DeviceId, past: int) -> bool:
        """Whether the introduction of a device is in a control past.

        If it is not, nothing that travels with the device's entries introduces it. Suppose an equivocator wrote the
        introduction and nothing cites it: one replica could hold such an entry and cite it, and all others would refuse
        what cites it.
        """
        return self.circle.introduces(past, device)

    def control(
        self, entry: EntryId, kind: int, past: int, author: DeviceId, height: int, shape: bytes, content: bytes
    ) -> tuple[int, bool]:
        """Take in a control entry: (its control past, whether it counts). Raises Malformed, CapExceeded, WrongLink."""
        operation = self.circle.edition.decode(kind, shape, content)
        if isinstance(operation, control.Found) and not bytes(entry) == bytes(author) == self.held.circle:
            # Check the author too: a `found` names no device, so another device could put a copy into its own chain.
            raise WrongLink(Rule.ENTRY_FOUND)
        return self._own_circle().add(entry, kind, past, author, operation, height)

    def _own_circle(self) -> Circle:
        # The held circle stays unchanged until this step is durable.
        if self.circle is self._before:
            self.circle = self._before.over()
        return self.circle

    # --- entries ---------------------------------------------------------------------------------

    def add(self, entry: Entry, author: DeviceId, counts: bool, said: list[Operation] | None = None) -> None:
        """Stage one entry. `said`: its operations, if already decoded.

        Raises Malformed or CapExceeded if its operations are not in the agreed form.
        """
        self.entries.append(entry)
        self.heads[entry.case] = entry.slot
        if entry.kind:
            self._controls.append(entry)
        else:  # decoded even if it does not count, so that everything held can be parsed
            decoded = operations.decode(entry.shape, entry.content) if said is None else said
            if counts:
                self.said.append(DecodedEntry(entry, author, decoded))
        if not counts:
            known = not entry.kind or self.circle.edition.knows(entry.kind)
            (self._void if known else self._unknown).append(entry)

    def advance(self, number: int, newest: Entry, size: int) -> None:
        """A branch now ends at `newest`, whose signature is held. `size`: by how much it grew."""
        self.end(number, newest)
        self.arrived(number, sequence_of(newest.slot), size)

    def end(self, number: int, newest: Entry) -> None:
        """A branch now ends at `newest`. Of consecutive entries, only the last has to be given."""
        self._chains[number] = self.branch(number)._replace(
            length=sequence_of(newest.slot), head=newest.id, height=newest.height, past=newest.past, cited=False
        )

    def arrived(self, number: int, sequence: int, size: int) -> None:
        """A branch was held up to a signed entry. `size`: by how much it grew."""
        self._arrivals.append((number, sequence, size))

    def grew(self, number: int, sequence: int, size: int, *, signed: bool) -> None:
        """Our own branch grew by an entry; one without a signature arrives with the next that has one."""
        self._unsigned += size
        if signed:
            self.arrived(number, sequence, self._unsigned)
            self._unsigned = 0

    def sign_at(self, index: int, signature: Signature) -> Entry:
        """Add the signature to a staged entry."""
        self.entries[index] = entry = self.entries[index]._replace(signature=signature)
        return entry

    def index_of(self, slot: int) -> int:
        """Where in `entries` a staged entry is."""
        return self._index()[slot]

    # --- what counts -----------------------------------------------------------------------------

    def equivocators(self) -> frozenset[DeviceId]:
        """The equivocators known before, and the devices of which this step brings too many branches."""
        new = {device for device in self._branches if self.branches_of(device) > caps.BRANCHES}
        return self.held.equivocators | new if new else self.held.equivocators

    def count(self) -> Counted:
        """What counts of equivocators after this step: for new branches, and for those where it changes."""
        equivocators = self.equivocators()
        if not equivocators:
            return {}
        before: Mapping[int, Head] = self.held.counted
        chains: Mapping[int, Chain] = self._chains
        entries: Iterable[tuple[int, bytes]] = ((entry.slot, entry.parents) for entry in self.entries)
        if equivocators != self.held.equivocators:  # at most once per equivocator: go through all that others wrote
            before, chains = {}, {**self.held.chains, **self._chains}
            entries = [*self.store.citations(), *entries]
        cited = [
            slot
            for author, parents in entries
            if parents and self.branch(chain_of(author)).device not in equivocators
            for slot in unpack_slots(parents)
        ]
        nothing = {
            chain.number: chain.first - 1
            for chain in chains.values()
            if chain.device in equivocators and chain.number not in before
        }
        grown = count(lambda number: _sequence(before.get(number)), self.branch, equivocators, cited, self.entry_at)
        return {**nothing, **grown}

    def _reopen_heads(self) -> None:
        """Entries that only a new equivocator cites become heads again."""
        equivocators = self.equivocators()
        entries = [*self.store.citations(), *((entry.slot, entry.parents) for entry in self.entries)]
        honest = (parents for slot, parents in entries if self.branch(chain_of(slot)).device not in equivocators)
        cited = {slot for parents in honest for slot in unpack_slots(parents)}
        self.cited &= cited
        for chain in [*self.held.chains.values()]:
            staged = self.branch(chain.number)
            if staged.cited and slot_of(staged.number, staged.length) not in cited:
                self._chains[chain.number] = staged._replace(cited=False)

    def counts(self, slot: int) -> bool:
        """Whether an entry counts after this step, judged by its place in its chain alone."""
        number = chain_of(slot)
        last = self._counted.get(number, _sequence(self.held.counted.get(number)))
        return last is None or sequence_of(slot) <= last

    @property
    def recounts(self) -> bool:
        """Whether equivocators' entries begin or cease to count in this step."""
        return bool(self._changed(self._counted))

    @property
    def controls(self) -> list[Entry]:
        """The new control entries."""
        return self._controls

    def _changed(self, counted: Counted) -> Counted:
        """The part of `counted` that this step changes."""
        before = self.held.counted
        return {
            number: sequence
            for number, sequence in counted.items()
            if number not in before or before[number].sequence != sequence
        }

    def _refolded(self, counted: Counted) -> list[int]:
        """Cases with earlier entries that no longer count, or now do."""
        cases: set[int] = set()
        for number, sequence in counted.items():
            chain = self.held.chains.get(number)
            if chain is None:
                continue
            before = self.held.counted.get(number)
            was = chain.length if before is None else before.sequence
            low, high = min(was, sequence), min(max(was, sequence), chain.length)
            if low < high:
                cases.update(self.store.cases_between(slot_of(number, low + 1), slot_of(number, high)))
        return sorted(cases)

    # --- standing --------------------------------------------------------------------------------

    def _restand(self, judge: Judge) -> list[Restanding]:
        """Apply the verdicts on entries of this step; return the changes of standing of earlier ones."""
        earlier: list[Restanding] = []
        restaged = False
        for verdict in judge(self):
            entry = self.entry_at(verdict.slot)
            standing = None if entry is None else verdict.standing(entry.kind, entry.standing)
            if entry is None or standing is None or standing == entry.standing:
                continue
            if self.staged(entry.slot) is not None:
                self.entries[self.index_of(entry.slot)] = entry._replace(standing=standing)
                restaged = True
            else:
                earlier.append(Restanding(entry.slot, entry.case, entry.kind, entry.standing, standing))
        if restaged:
            self._controls = [entry for entry in self.entries if entry.kind]
            self.said, self.tallies = list(self._decoded()), {}
        return earlier

    def tally(self, number: int) -> Tally:
        """The tally of a case in this step."""
        tally = self.tallies.get(number)
        if tally is None:
            tally = self.tallies[number] = Tally(begins=not self.held.heads.of(number))
        return tally

    def _decoded(self, cases: Container[int] | None = None) -> Iterator[DecodedEntry]:
        """Decode again the staged entries that count by their standing, of these cases or of all."""
        for entry in self.entries:
            if not entry.kind and entry.has_effect and (cases is None or entry.case in cases):
                device = self.branch(chain_of(entry.slot)).device
                yield DecodedEntry(entry, device, operations.decode(entry.shape, entry.content))

    # --- the plan --------------------------------------------------------------------------------

    def plan(
        self, gaps: Iterable[Gap] = (), refused: Iterable[int] = (),
        reached: Iterable[tuple[int, int] | None] = (), surplus: Iterable[int] = (), *, each_ends: bool = False,
        newer: bool = False,
    ) -> Plan:  # fmt: skip
        """The plan of this step. `each_ends`: each arrival is signed, its parents earlier, so a batch may end there."""
        if self.equivocators() != self.held.equivocators:
            self._reopen_heads()
        for number in {slot >> SLOT_BITS for slot in self.cited}:
            current = self.branch(number)
            if not current.cited and slot_of(number, current.length) in self.cited:
                self._chains[number] = current._replace(cited=True)
        counted = self._counted = self.count()
        changed = self._changed(counted)
        restanding = self._restand(self._judge) if self._judge is not None and self.entries else []
        refold = self._refolded(changed)
        if restanding:
            refold = sorted({*refold, *(moved.case for moved in restanding if moved.changes_case)})
        number = self.held.arrival
        commit = Commit(
            entries=self.entries,
            chains=list(self._chains.values()),
            cases=[
                Case(case, self._cases[case], head, 0)
                for case, head in self.heads.items()
                if head != self.held.heads.of(case)
            ],
            pasts=list(self.circle.pasts.after(self._before.pasts.count)),
            arrivals=[
                Arrival(number + at, *arrival, each_ends or at == len(self._arrivals))
                for at, arrival in enumerate(self._arrivals, start=1)
            ],
            refolded=refold,
            restanding=restanding,
        )
        changes = Changes(self.said, self.tallies, self._decoded)
        if refold or counted or self.held.counted:
            again = set(refold)  # these cases are folded from the beginning, new entries included
            said = [change for change in changes if change.entry.case not in again and self.counts(change.entry.slot)]
            changes = Changes(said, {}, self._decoded)
        new = self._heads_of(changed)
        return Plan(
            commit, self.circle, changes, self._controls, self._void, self._unknown, self.forks, list(gaps),
            list(refused), list(reached), {**self.held.counted, **new} if new else self.held.counted, list(surplus),
            refold, restanding, newer, self.ruling,
        )  # fmt: skip

    def _heads_of(self, counted: Counted) -> dict[int, Head]:
        heads: dict[int, Head] = {}
        for number, sequence in counted.items():
            tip = self.tip(number)
            identity = self._id_at(tip, sequence) if sequence >= tip.first else None
            heads[number] = Head(*tip.line, sequence, identity or EntryId(NO_ID))
        return heads


def _sequence(head: Head | None) -> int | None:
    return None if head is None else head.sequence
