"""What a replica holds of one circle, in memory: the heads of its chains and cases, never the entries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from cellsync.core.history.chain import Chain, name_of
from cellsync.core.history.entry import Entry, Standing
from cellsync.core.history.frontier import frontier
from cellsync.core.ids import CaseId, CircleId, EntryId
from cellsync.core.ports import Case, Commit, Store
from cellsync.core.wire.messages import ChainName
from cellsync.core.wire.tags import Kind

_PAGE: Final = 256  # entries that are read at once
_GRANTS: Final = frozenset({int(Kind.FOUND), int(Kind.ADMIT)})
OWN_CASE = 1
"""The number of the circle's own case, whose id is the circle's and to which control entries belong."""


@dataclass(slots=True)
class Holdings:
    """Heads by local number, and the numbers by name."""

    circle: CircleId
    chains: dict[int, Chain] = field(default_factory=dict)
    numbers: dict[ChainName, int] = field(default_factory=dict)
    cases: dict[CaseId, int] = field(default_factory=dict)
    case_ids: dict[int, CaseId] = field(default_factory=dict)
    heads: dict[int, int] = field(default_factory=dict)  # case number -> slot of its newest entry
    arrival: int = 0  # number of the newest arrival

    @classmethod
    def load(cls, circle: CircleId, store: Store) -> Holdings:
        held = cls(circle, arrival=store.last_arrival())
        for chain in store.chains():
            held.take_chain(chain)
        held.take_case(Case(OWN_CASE, CaseId(circle), 0, 0))
        for case in store.cases():
            held.take_case(case)
        return held

    def take_chain(self, chain: Chain) -> None:
        self.chains[chain.number] = chain
        self.numbers[name_of(chain)] = chain.number

    def take_case(self, case: Case) -> None:
        self.cases[case.id] = case.number
        self.case_ids[case.number] = case.id
        self.heads[case.number] = case.head

    def advance(self, commit: Commit) -> None:
        """Take in what the store has written."""
        for chain in commit.chains:
            self.take_chain(chain)
        for case in commit.cases:
            self.take_case(case)
        if commit.arrivals:
            self.arrival = commit.arrivals[-1].number

    def introductions(self, store: Store) -> list[Entry]:
        """The entries that introduce a device and count, in the order in which they arrived.

        Anyone may write as many other control entries as they like: they are read some at once, and not kept.
        """
        found: list[Entry] = []
        head = self.heads[OWN_CASE]
        while head:
            page = store.case_page(head, 0, _PAGE)
            found += (entry for entry in page if entry.kind in _GRANTS and entry.standing == Standing.IN)
            head = page[-1].prior
        return found[::-1]

    def frontier(self) -> dict[ChainName, tuple[int, EntryId]]:
        return frontier(self.chains.values())

    def entries(self) -> int:
        """How many entries are held."""
        return sum(chain.length for chain in self.chains.values())
