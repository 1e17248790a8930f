"""Staging one step over what is held: new entries, advanced heads, members; and the `Plan` that comes of it.

Nothing here changes what is held. The replica takes a plan in only after the store has made it durable.
"""

from __future__ import annotations

from typing import NamedTuple

from cellsync.core import caps
from cellsync.core.errors import CapExceeded, WrongLink
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import Entry, slot_of
from cellsync.core.holdings import Holdings
from cellsync.core.ids import NO_ID, CaseId, DeviceId, EntryId, Millis, Signature
from cellsync.core.membership import control
from cellsync.core.membership.circle import EMPTY_PAST, Circle
from cellsync.core.ports import Arrival, Case, Commit
from cellsync.core.wire import operations
from cellsync.core.wire.messages import ChainName
from cellsync.core.wire.operations import Operation


class Change(NamedTuple):
    """A case entry that counts, with its operations decoded."""

    entry: Entry
    device: DeviceId
    operations: list[Operation]


class Plan(NamedTuple):
    """What one step does: `commit` is for the store, the rest for the replica once that is durable."""

    commit: Commit
    circle: Circle
    changes: list[Change]
    controls: list[Entry]  # new control entries
    void: list[Entry]  # new entries that do not count: their author lacked the role
    skewed: list[Entry]  # new entries dated more than 24 hours ahead
    refused: list[ChainName]  # slices that did not attach: gaps, or forks


class Stage:
    """One step in the making. Use once."""

    def __init__(self, held: Holdings, circle: Circle, now: Millis) -> None:
        self.held = held
        self.circle = circle
        self.entries: list[Entry] = []
        self.heads: dict[int, int] = {}  # case number -> slot of its newest entry, for every case touched
        self.cited: set[int] = set()  # slots that new entries name as parents
        self._before = circle
        self._latest = now + caps.CLOCK_SKEW
        self._chains: dict[int, Chain] = {}
        self._new_chains: dict[ChainName, int] = {}
        self._cases: dict[int, CaseId] = {}
        self._new_cases: dict[CaseId, int] = {}
        self._arrivals: list[tuple[int, int, int]] = []
        self._changes: list[Change] = []
        self._controls: list[Entry] = []
        self._void: list[Entry] = []
        self._skewed: list[Entry] = []

    # --- numbers ---------------------------------------------------------------------------------

    def find_chain(self, name: ChainName) -> Chain | None:
        number = self.held.numbers.get(name) or self._new_chains.get(name)
        if number is None:
            return None
        return self._chains.get(number) or self.held.chains[number]

    def chain(self, name: ChainName) -> Chain:
        """The chain of this name, numbered if it is new. Raises CapExceeded at a device's 17th.

        Every chain that is numbered must be advanced: numbers are counted, so none may be left out.
        """
        chain = self.find_chain(name)
        if chain is None:
            if sum(name[0] == other[0] for other in (*self.held.numbers, *self._new_chains)) >= caps.INCARNATIONS:
                raise CapExceeded("incarnations")
            number = len(self.held.chains) + len(self._new_chains) + 1
            if number > caps.CHAINS:
                raise CapExceeded("chains")
            chain = Chain(number, *name, 0, EntryId(NO_ID), 0, EMPTY_PAST, False)
            self._new_chains[name] = number
            self._chains[number] = chain
        return chain

    def case_number(self, case: CaseId) -> int:
        """The number of a case that an entry belongs to. As with chains, none may be left without an entry."""
        number = self.held.cases.get(case) or self._new_cases.get(case)
        if number is None:
            number = self._new_cases[case] = len(self.held.cases) + len(self._new_cases) + 1
        self._cases[number] = case
        self.heads.setdefault(number, self.held.heads.get(number, 0))
        return number

    def open_heads(self, besides: Chain) -> list[Chain]:
        """The heads of the history on other chains, highest first, at most as many as an entry may cite."""
        chains = {**self.held.chains, **self._chains}.values()
        heads = [
            chain
            for chain in chains
            if chain.length
            and not chain.cited
            and chain.number != besides.number
            and slot_of(chain.number, chain.length) not in self.cited
        ]
        heads.sort(key=lambda chain: chain.height, reverse=True)
        return heads[: caps.PARENTS]

    # --- members ---------------------------------------------------------------------------------

    def union(self, one: int, other: int) -> int:
        """The number of the union of two control pasts."""
        known = self.circle.known_union(one, other)
        return self._own_circle().union(one, other) if known is None else known

    def control(
        self, entry: EntryId, kind: int, past: int, author: DeviceId, shape: bytes, content: bytes
    ) -> tuple[int, bool]:
        """Take in a control entry: (its control past, whether it counts). Raises Malformed, CapExceeded, WrongLink."""
        operation = control.decode(kind, shape, content)
        if isinstance(operation, control.Found) and not bytes(entry) == bytes(author) == self.held.circle:
            # The author as well: a `found` names no device, so another one could put a copy into its own chain.
            raise WrongLink("a `found` entry of another circle, or in another device's chain")
        return self._own_circle().add(entry, kind, past, author, operation)

    def _own_circle(self) -> Circle:
        # The circle as held stays as it is until this step is durable.
        if self.circle is self._before:
            self.circle = self._before.copy()
        return self.circle

    # --- entries ---------------------------------------------------------------------------------

    def add(self, entry: Entry, author: DeviceId, counts: bool) -> None:
        """Stage one entry. Raises Malformed or CapExceeded if its operations are not in the agreed form."""
        self.entries.append(entry)
        self.heads[entry.case] = entry.slot
        if entry.kind:
            self._controls.append(entry)
        else:  # decoded also if it does not count: what is held is in the agreed form
            decoded = operations.decode(entry.shape, entry.content)
            if counts:
                self._changes.append(Change(entry, author, decoded))
        if not counts:
            self._void.append(entry)
        if entry.clock > self._latest:
            self._skewed.append(entry)

    def advance(self, chain: Chain, newest: Entry, size: int) -> None:
        """A chain now ends at `newest`, whose signature is held; `size` counts what it grew by."""
        length = newest.slot - slot_of(chain.number, 0)
        self._chains[chain.number] = chain._replace(
            length=length, head=newest.id, height=newest.height, past=newest.past, cited=False
        )
        self._arrivals.append((chain.number, length, size))

    def sign_at(self, index: int, signature: Signature) -> Entry:
        """Put its signature to a staged entry."""
        self.entries[index] = entry = self.entries[index]._replace(signature=signature)
        return entry

    def plan(self, refused: list[ChainName] | None = None, *, each_ends: bool = False) -> Plan:
        """The step. `each_ends`: every arrival is signed and has its parents before it, so a batch may end there."""
        for chain in [*self.held.chains.values(), *self._chains.values()]:
            current = self._chains.get(chain.number, chain)
            if not current.cited and slot_of(current.number, current.length) in self.cited:
                self._chains[chain.number] = current._replace(cited=True)
        number = self.held.arrival
        commit = Commit(
            entries=self.entries,
            chains=list(self._chains.values()),
            cases=[
                Case(case, self._cases[case], head, 0)
                for case, head in self.heads.items()
                if head != self.held.heads.get(case)
            ],
            pasts=self.circle.pasts_after(self._before.past_count),
            arrivals=[
                Arrival(number + at, *arrival, each_ends or at == len(self._arrivals))
                for at, arrival in enumerate(self._arrivals, start=1)
            ],
        )
        changes, controls, void, skewed = self._changes, self._controls, self._void, self._skewed
        return Plan(commit, self.circle, changes, controls, void, skewed, refused or [])
