"""The in-memory index of what a replica holds of one circle: heads of branches and cases, never entries."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from cellsync.core import caps
from cellsync.core.history.ancestry import Ancestry
from cellsync.core.history.chain import Chain, head_of
from cellsync.core.history.counting import count
from cellsync.core.history.entry import Entry, Standing, chain_of, has_effect, sequence_of, slot_of, unpack_slots
from cellsync.core.history.frontier import digest
from cellsync.core.history.store import Case, Commit, Store
from cellsync.core.ids import NO_ID, CaseId, CircleId, DeviceId, EntryId
from cellsync.core.roll import Heads, Roll
from cellsync.core.wire.places import Frontier, Head, Line
from cellsync.core.wire.tags import Kind

_PAGE: Final = 256  # entries per read
_LOOKED_THROUGH: Final = 2 * caps.BRANCHES  # branches of a chain
INTRODUCTIONS: Final = frozenset({int(Kind.FOUND), int(Kind.ADMIT), int(Kind.LINK)})
OWN_CASE = 1
"""The number of the circle's own case, which has the circle's id and holds its control entries."""


@dataclass(slots=True)
class Holdings:
    """Heads by local number, and the numbers by id."""

    circle: CircleId
    chains: dict[int, Chain] = field(default_factory=dict)
    newest: dict[EntryId, int] = field(default_factory=dict)  # the head of each branch -> its number
    lines: dict[Line, list[int]] = field(default_factory=dict)  # numbers of the branches of each chain
    off: dict[int, list[int]] = field(default_factory=dict)  # number -> numbers of the branches that leave it
    ancestry: Ancestry = field(default_factory=Ancestry)
    by_device: dict[DeviceId, list[int]] = field(default_factory=dict)  # numbers of the branches of each device
    uncited: dict[DeviceId, set[int]] = field(default_factory=dict)  # numbers of its branches whose head nothing cites
    counted: dict[int, Head] = field(default_factory=dict)  # an equivocator's branch -> the last entry that counts
    _equivocators: frozenset[DeviceId] = frozenset()
    beyond: int = 0  # branches that are not among the first caps.BRANCHES + 1 of their device
    cases: Roll = field(default_factory=Roll)
    arrival: int = 0  # number of the newest arrival

    @classmethod
    def load(cls, circle: CircleId, store: Store) -> Holdings:
        held = cls(circle, arrival=store.last_arrival())
        for chain in store.chains():
            held.take_chain(chain)
        held.take_cases([Case(OWN_CASE, CaseId(circle), 0, 0)])
        cases = iter(store.cases())
        held.take_cases(islice(cases, 1))  # the circle's own, as far as it has entries
        held.cases.fill((case.number, case.id, case.head) for case in cases)
        return held

    def take_chain(self, chain: Chain) -> None:
        if chain.number not in self.chains:
            self.lines.setdefault(chain.line, []).append(chain.number)
            of_device = self.by_device.setdefault(chain.device, [])
            of_device.append(chain.number)
            if len(of_device) == caps.BRANCHES + 1:
                self._equivocators |= {chain.device}
            self.beyond += len(of_device) > caps.BRANCHES + 1
            if chain.base:
                self.off.setdefault(chain.base, []).append(chain.number)
                self.ancestry.add(chain.number, chain.base, chain.first)
        else:
            self.newest.pop(self.chains[chain.number].head, None)
        self.chains[chain.number] = chain
        self.newest[chain.head] = chain.number
        uncited = self.uncited.setdefault(chain.device, set())
        if chain.cited:
            uncited.discard(chain.number)
        else:
            uncited.add(chain.number)

    @property
    def case_ids(self) -> Mapping[int, CaseId]:
        return self.cases.ids

    @property
    def heads(self) -> Heads:
        """Case number -> slot of its newest entry."""
        return self.cases.heads

    def take_cases(self, cases: Iterable[Case]) -> None:
        for case in cases:
            self.cases.take(case.number, case.id, case.head)

    def advance(self, commit: Commit) -> None:
        """Take in what the store has written, except the cases: `take_cases` comes next, and may take long."""
        for chain in commit.chains:
            self.take_chain(chain)
        if commit.arrivals:
            self.arrival = commit.arrivals[-1].number

    def controls(self, store: Store, kinds: Container[int], *, void: bool = False) -> Iterator[Entry]:
        """The entries of these kinds, in order of arrival; without the void ones unless asked.

        Includes equivocators' entries that do not count now, and entries that are not IN: both may change.
        Any member can write any number of control entries, so they are read in pages and not kept.
        """
        found: list[int] = []
        head = self.heads[OWN_CASE]
        while head:
            page = store.case_page(head, 0, _PAGE)
            found += (entry.slot for entry in page if entry.kind in kinds and (void or entry.standing != Standing.VOID))
            head = page[-1].prior
        entries = map(store.entry_at, reversed(found))
        return (entry for entry in entries if entry is not None)

    # --- places in chains --------------------------------------------------------------------------

    def branches(self, device: DeviceId) -> int:
        """How many branches a device has, over all its incarnations."""
        return len(self.by_device.get(device, ()))

    def of_device(self, device: DeviceId) -> list[Chain]:
        """The branches of a device."""
        return [self.chains[number] for number in self.by_device.get(device, ())]

    def of_line(self, line: Line) -> list[Chain]:
        """The branches of a chain."""
        return [self.chains[number] for number in self.lines.get(line, ())]

    def find(self, store: Store, line: Line, sequence: int, entry: EntryId) -> int | None:
        """The number of the branch that holds this entry, None if it is not held.

        Of an equivocator's many branches only the oldest are searched; of the rest, only the heads.
        """
        number = self.newest.get(entry)
        if number is not None:
            chain = self.chains[number]
            return number if chain.line == line and chain.length == sequence else None
        beside = map(self.chains.__getitem__, self.lines.get(line, ())[:_LOOKED_THROUGH])
        slots = [slot_of(chain.number, sequence) for chain in beside if chain.first <= sequence < chain.length]
        found = store.ids_at(slots) if slots else []  # without what else the entries are: that may be long
        return next((chain_of(slot) for slot, identity in found if identity == entry), None)

    def slot_on(self, number: int, sequence: int) -> int:
        """The slot of the entry at `sequence` on the way to a branch: it may lie before the fork."""
        return slot_of(self.ancestry.at(number, sequence), sequence)

    def sibling(self, chain: Chain) -> Chain | None:
        """Another branch with an entry in the place where this one begins, after the same entry; None if none."""
        if chain.base and self.chains[chain.base].length >= chain.first:
            return self.chains[chain.base]
        for number in self.off[chain.base] if chain.base else self.lines[chain.line]:
            branch = self.chains[number]
            if number != chain.number and branch.base == chain.base and branch.first == chain.first:
                return branch
        return None

    # --- what counts -------------------------------------------------------------------------------

    @property
    def equivocators(self) -> frozenset[DeviceId]:
        """Devices that wrote more than caps.BRANCHES branches: only those of their entries count that others cite."""
        return self._equivocators

    def count_anew(self, store: Store) -> None:
        """Determine what counts of equivocators, from everything held."""
        equivocators, chains = self.equivocators, self.chains
        if not equivocators:
            return
        cited = [
            slot
            for author, parents in store.citations()
            if chains[chain_of(author)].device not in equivocators
            for slot in unpack_slots(parents)
        ]
        nothing = {chain.number: chain.first - 1 for chain in chains.values() if chain.device in equivocators}
        grown = count(nothing.get, chains.__getitem__, equivocators, cited, store.entry_at)
        for number, sequence in {**nothing, **grown}.items():
            entry = store.entry_at(slot_of(number, sequence))
            self.counted[number] = Head(*chains[number].line, sequence, EntryId(NO_ID) if entry is None else entry.id)

    def counts(self, slot: int) -> bool:
        """Whether an entry's place lets it count: all do except an equivocator's uncited ones."""
        if not self.counted:
            return True
        last = self.counted.get(chain_of(slot))
        return last is None or sequence_of(slot) <= last.sequence

    def shows(self, entry: Entry) -> bool:
        """Whether a case entry is folded: it is IN or released, and its place lets it count."""
        return not entry.kind and has_effect(entry.standing) and self.counts(entry.slot)

    def counted_end(self, chain: Chain) -> int:
        """The sequence of a branch's last entry that counts, below its first if none does."""
        last = self.counted.get(chain.number)
        return chain.length if last is None else last.sequence

    def counted_lengths(self) -> Iterator[tuple[int, int]]:
        """Up to which sequence each branch counts, if anything on it does."""
        for number, chain in self.chains.items():
            end = self.counted_end(chain)
            if end >= chain.first:
                yield number, end

    def counted_heads(self) -> Iterator[Head]:
        """For each branch with entries of its own that count, the newest of them."""
        for chain in self.chains.values():
            last = self.counted.get(chain.number)
            if last is None:
                yield head_of(chain)
            elif last.sequence >= chain.first and not any(
                self._goes_on(leaving, last.sequence) for leaving in self.off.get(chain.number, ())
            ):
                yield last

    def _goes_on(self, number: int, sequence: int) -> bool:
        """Whether the branch `number` counts and begins right behind `sequence`."""
        chain = self.chains[number]
        return chain.first == sequence + 1 and self.counted[number].sequence >= chain.first

    def frontier(self) -> Frontier:
        return Frontier(frozenset(map(head_of, self.chains.values())), self.equivocators, frozenset())

    def digest(self, equivocators: Iterable[DeviceId]) -> bytes:
        """32 bytes that say which entries count, and of which devices not all do."""
        return digest(self.counted_heads(), equivocators, ())

    def entries(self) -> int:
        """How many entries are held."""
        return sum(chain.length - chain.first + 1 for chain in self.chains.values())

    def counted_entries(self) -> int:
        """How many of them count: the same number on every device that holds the same."""
        return sum(self.counted_end(chain) - chain.first + 1 for chain in self.chains.values())


def id_at(store: Store, chain: Chain, sequence: int) -> EntryId | None:
    """The id of an entry of this branch."""
    if sequence == chain.length:
        return chain.head
    entry = store.entry_at(slot_of(chain.number, sequence))
    return None if entry is None else entry.id
