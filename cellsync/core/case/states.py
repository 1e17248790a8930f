"""The states of cases, folded as entries arrive and kept for as long as there is room.

A state is a cache of what the entries say: it is folded from a snapshot and the entries since, at any time. So
nothing here has to be durable, and snapshots are written when there is leisure: a snapshot names the entry up to
which it is folded, and one that lags, or cannot be read, only costs the folding.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cellsync.core.case.fold import CaseState, Stamp
from cellsync.core.errors import VaultDamaged
from cellsync.core.history.entry import Entry, Standing
from cellsync.core.holdings import OWN_CASE, Holdings
from cellsync.core.ids import DeviceId, Millis
from cellsync.core.ports import Store
from cellsync.core.wire import operations
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind

KEPT: Final = 8_192  # states in memory; about 4 kB each for a case of ten registers


def stamp_of(entry: Entry, device: DeviceId) -> Stamp:
    return Stamp(entry.id, device, Millis(entry.clock), entry.height)


class States:
    """States without the items of logs, by case number; the list of a case's entries is its log."""

    def __init__(self, held: Holdings, store: Store) -> None:
        self._held = held
        self._store = store
        self._states: dict[int, CaseState] = {}
        self._dirty: set[int] = set()

    def apply(self, changes: Iterable[tuple[Entry, DeviceId, list[Operation]]]) -> None:
        """Fold entries that have just been stored, in the order of the commit."""
        states, dirty = self._states, self._dirty
        complete: set[int] = set()  # loaded below, hence with all of these changes in them
        for entry, device, operations_ in changes:
            number = entry.case
            state = states.get(number)
            if state is None:
                if entry.prior:
                    self.get(number)
                    complete.add(number)
                    continue
                state = states[number] = CaseState()
            elif number in complete:
                continue
            state.apply((entry.id, device, entry.clock, entry.height), operations_)  # type: ignore[arg-type]
            dirty.add(number)

    def get(self, number: int) -> CaseState:
        """The state of a case without its logs. Do not change it."""
        state = self._states.get(number)
        if state is None:
            state = self._states[number] = self._load(number)
        return state

    def read(self, number: int) -> CaseState:
        """The whole state of a case, logs included, folded anew: the caller may keep it."""
        return self._fold(CaseState(logs=True), number, 0)

    def _load(self, number: int) -> CaseState:
        folded, snapshot = self._store.snapshot(number) or (0, b"")
        if snapshot:
            try:
                state = CaseState.decode(snapshot)
            except VaultDamaged:
                folded = 0  # a snapshot is a cache: what cannot be read is folded anew
            else:
                return self._fold(state, number, folded)
        return self._fold(CaseState(), number, 0)

    def _fold(self, state: CaseState, number: int, folded: int) -> CaseState:
        entries = self._store.case_entries(self._held.heads.get(number, 0), folded)
        for entry in reversed(entries):
            if entry.kind == Kind.CASE and entry.standing == Standing.IN:
                device = self._held.chains[entry.slot >> 40].device
                state.apply(stamp_of(entry, device), operations.decode(entry.shape, entry.content))
        if entries:
            self._dirty.add(number)
        return state

    def crowded(self) -> bool:
        return len(self._states) > KEPT

    def snapshots(self) -> list[tuple[int, int, bytes]]:
        """(case number, slot folded up to, snapshot) of every state that changed; then there is room again."""
        saved = [
            (number, self._held.heads[number], self._states[number].encode())
            for number in self._dirty
            if number in self._states and number != OWN_CASE
        ]
        self._dirty.clear()
        if self.crowded():
            self._states.clear()
        return saved
