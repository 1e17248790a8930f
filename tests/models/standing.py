"""The naive standing: the last verdict on every entry; cases are folded from exactly those that are IN or released."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cellsync.core.case.fold import CaseState
from cellsync.core.case.states import stamp_of
from cellsync.core.history.entry import Entry, Judgement, Standing, chain_of
from cellsync.core.ids import EntryId
from cellsync.core.replica.stage import Stage
from cellsync.core.wire import operations
from tests.core.replicas import MemoryReplica

Opinion = tuple[int, bool]
"""A label, and whether the entry is released."""


def entries(device: MemoryReplica) -> Iterator[Entry]:
    for chain in device.replica.held.chains.values():
        yield from device.store.chain_slice(chain.number, chain.first, chain.length)


def is_void(device: MemoryReplica, entry: Entry) -> bool:
    """Whether the author of a case entry may not write, by the entry's own past."""
    author = device.replica.held.chains[chain_of(entry.slot)].device
    return not entry.kind and not device.replica.circle.counts(entry.kind, entry.past, author)


class Opinions:
    """A judge by hand: a verdict in `said` takes effect with the next step that brings entries."""

    def __init__(self) -> None:
        self.said: dict[EntryId, Opinion] = {}
        self.holds: dict[EntryId, Opinion] = {}

    def judge(self, device: MemoryReplica) -> Callable[[Stage], list[Judgement]]:
        def judged(stage: Stage) -> list[Judgement]:
            slots = {entry.id: entry.slot for entry in [*entries(device), *stage.entries]}
            return [Judgement(slots[one], *opinion) for one, opinion in self.said.items() if one in slots]

        return judged

    def taken(self) -> None:
        """A step has brought entries."""
        self.holds = dict(self.said)

    def shows(self, device: MemoryReplica, entry: Entry) -> bool:
        label, released = self.holds.get(entry.id, (Standing.IN, False))
        return not entry.kind and ((label == Standing.IN and not is_void(device, entry)) or released)

    def state(self, device: MemoryReplica, number: int, *, logs: bool) -> CaseState:
        """The state of a case, from all entries held."""
        state = CaseState(logs=logs)
        held = device.replica.held
        for entry in entries(device):
            author = held.chains[chain_of(entry.slot)].device
            if entry.case == number and held.counts(entry.slot) and self.shows(device, entry):
                state.apply(stamp_of(entry, author), operations.decode(entry.shape, entry.content))
        return state
