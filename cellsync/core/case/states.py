"""The states of cases, folded as entries arrive and kept for as long as there is room.

A state is a cache derived from the entries: it can always be folded again from a snapshot and later entries. So
nothing here has to be durable, and snapshots are written at leisure: a snapshot names the entry up to which it is
folded, and a stale or unreadable one only costs the folding.

Rules:

1. The cache is bounded in approximate bytes of memory, not in cases: a member may write a case as heavy as a thousand
   others. A state heavier than `HEAVY` is not kept: it is folded on demand.
2. Arrivals are folded into the states that are in memory, and no other is loaded for them: the work of a step does not
   grow with the size of a case, nor with the number of cases.
3. Eviction is least recently used, one by one. A snapshot of an evicted state is worth its bytes only if it saves
   folding `WORTH` entries; most cases never have as many, and are just dropped.
4. A corrected or retracted item of a log is searched for in the case's list of entries when the state is asked for,
   once: the state then has the same conflicts as the case read whole.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from heapq import merge
from types import MappingProxyType
from typing import Any, Final

from cellsync.core import caps
from cellsync.core.case.changes import Changes, DecodedEntry
from cellsync.core.case.fold import CaseState, Stamp, size_of
from cellsync.core.crdt.cells import LiveValue
from cellsync.core.crdt.log import Appending, Logs
from cellsync.core.errors import VaultDamaged
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import Entry, chain_of, sequence_of
from cellsync.core.history.holdings import OWN_CASE, Holdings
from cellsync.core.history.store import Store
from cellsync.core.ids import ID_BYTES, DeviceId, EntryId, Incarnation, Millis, Ref
from cellsync.core.wire import operations
from cellsync.core.wire.operations import Operation, ref
from cellsync.core.wire.tags import Op

KEPT: Final = 12 << 20  # approximate bytes of memory of all states together
BEYOND: Final = 4 << 20  # further bytes while a step is folded; cases that begin after these are folded on demand
HEAVY: Final = 2 << 20  # bytes from which a state is not kept
WORTH: Final = 16  # the fewest entries that a snapshot must save folding
UNSAVED: Final = 1 << 20  # bytes of snapshots waiting to be written
DIGITS: Final = 16  # of an entry's id, in every ref to its operations
STRETCH: Final = 4_096  # operations folded before the folding may breathe
_PAGE: Final = 64  # entries per read: 4 MiB at most
_WEIGH: Final = 64 << 10  # bytes added to a state, besides half of its weight, after which it is weighed again


class _Wrote(Iterable[tuple[Incarnation, int, EntryId, int, int]]):
    """The entries of one chain in one case: (incarnation, sequence, id, chain, operations), by sequence.

    Packed: there may be any number of them.
    """

    def __init__(self, chain: Chain) -> None:
        self.total = 0
        self._chain = chain
        self._sequences = array("Q")
        self._counts = array("I")
        self._ids = bytearray()

    def note(self, entry: Entry) -> None:
        """Add one entry; they come newest first."""
        count = operations.count(entry.shape, entry.content)
        self.total += count
        self._sequences.append(sequence_of(entry.slot))
        self._counts.append(count)
        self._ids += entry.id

    def __iter__(self) -> Iterator[tuple[Incarnation, int, EntryId, int, int]]:
        for at in reversed(range(len(self._counts))):
            identity = EntryId(bytes(self._ids[ID_BYTES * at : ID_BYTES * (at + 1)]))
            yield self._chain.incarnation, self._sequences[at], identity, self._chain.number, self._counts[at]


def stamp_of(entry: Entry, device: DeviceId) -> Stamp:
    return Stamp(entry.id, device, Millis(entry.clock), entry.height)


class States:
    """States without the items of logs, by case number; the list of a case's entries is its log."""

    def __init__(self, held: Holdings, store: Store) -> None:
        self._held = held
        self._store = store
        self._states: dict[int, CaseState] = {}
        self._weights: dict[int, int] = {}  # of each, when it was last weighed
        self._weight = 0  # of all
        self._behind: dict[int, int] = {}  # how many entries a state has beyond its snapshot
        # Cases in which a device has written more than is shown: the newest entry, and the room there was then.
        self._rooms: dict[int, tuple[int, dict[int, int]]] = {}
        self._unsaved: dict[int, tuple[int, bytes]] = {}  # snapshots of evicted states: folded up to, snapshot
        self._unsaved_bytes = 0
        self.breathe: Callable[[], None] = lambda: None  # called in long folding, after each `STRETCH` of operations

    def apply(self, changes: Changes, *, begin: bool = True) -> None:
        """Fold entries that have just been stored, case by case, and evict what there is no room for.

        `begin`: also into cases that begin with them. Otherwise these are folded on demand: an import would evict what
        people are reading, in favour of thousands of new cases.
        """
        self.fold(changes, begin=begin)
        self.evict()

    def evict(self) -> None:
        """Evict states until there is room. Their snapshots name the heads of the cases, so these must be current."""
        self._shrink(KEPT)

    def unfold(self, changes: Changes) -> None:
        """Entries that were folded have not become durable: drop the states they are in."""
        self.forget({*changes.tallies, *(change.entry.case for change in changes.said)})

    def fold(self, changes: Changes, *, begin: bool = True) -> None:
        """`apply` without evicting. The entries need not be durable yet: see `unfold`."""
        looked_at: set[int] = set()  # cases whose tallies are folded one by one
        for number, tally in changes.tallies.items():
            state = self._states.get(number) or (self._begun(number) if begin and tally.begins else None)
            if state is not None:
                count = state.count_tally(tally.counts)
                if count is None:
                    looked_at.add(number)
                else:
                    self._apply(number, state, partial(state.apply_texts, iter(tally.texts)), count)
        by_case: dict[int, list[DecodedEntry]] = {}
        for change in changes.said:
            number = change[0][1]  # `entry.case`, in a third of the time
            if number in by_case:
                by_case[number].append(change)
            else:
                by_case[number] = [change]
        for change in changes.tallied(looked_at) if looked_at else ():
            by_case.setdefault(change.entry.case, []).append(change)
        for number, arrived in by_case.items():
            begins = begin and number not in changes.tallies and not arrived[0].entry.prior
            state = self._states.get(number) or (self._begun(number) if begins else None)
            if state is not None:
                self._apply(number, state, partial(state.apply_arrived, iter(arrived)), len(arrived))

    def _begun(self, number: int) -> CaseState | None:
        """The state of a case that begins with the step being folded, if there is room."""
        if self._weight > KEPT + BEYOND:
            return None
        state = CaseState()
        self._keep(number, state)
        return state

    def _apply(self, number: int, state: CaseState, apply: Callable[[int], bool], count: int) -> None:
        """Fold so many entries into a state. `apply` folds what is left of them until it has grown by that much."""
        while apply(_WEIGH + self._weights[number] // 2):
            self._keep(number, state)
            self._shrink(KEPT + 2 * BEYOND, whole=False)
            if number not in self._states:
                return
        self._behind[number] = self._behind.get(number, 0) + count

    def forget(self, numbers: Iterable[int]) -> None:
        """Drop the states of these cases, whose counting entries have changed: they are folded again when read."""
        for number in numbers:
            self._drop(number)
            self._rooms.pop(number, None)
            self._behind.pop(number, None)
            self._forget_unsaved(number)

    def get(self, number: int) -> CaseState:
        """The state of a case without its logs. Do not change it."""
        state = self._states.get(number)
        if state is not None and not state.sought:
            self._states[number] = self._states.pop(number)  # most recently used: evicted last
            return state
        if state is None:
            state = self._load(number)
        if state.sought:
            self._seek(number, state)
        self._keep(number, state)
        self._shrink(KEPT)
        return state

    def _keep(self, number: int, state: CaseState) -> None:
        """Keep a state, or continue to, unless it is too heavy."""
        self._drop(number)
        weight = state.weigh()
        if weight <= HEAVY and not state.full:
            self._states[number], self._weights[number] = state, weight
            self._weight += weight
        else:
            self._behind.pop(number, None)
            if state.full:
                self._rooms.setdefault(number, (0, {}))

    def _drop(self, number: int) -> None:
        self._states.pop(number, None)
        self._weight -= self._weights.pop(number, 0)

    def _shrink(self, most: int, *, whole: bool = True) -> None:
        """Evict states until the others weigh at most that. Not `whole`: a step is being folded, so none is current."""
        leaving: list[int] = []
        left = self._weight
        for number in self._states if left > most else ():  # one pass: a restart skips evicted ones each time
            left -= self._weights[number]
            leaving.append(number)
            if left <= most:
                break
        for number in leaving:
            state = self._states[number]
            self._drop(number)
            if self._behind.pop(number, 0) >= WORTH and whole and number != OWN_CASE:
                snapshot = state.encode()
                self._forget_unsaved(number)
                self._unsaved[number] = self._held.heads[number], snapshot
                self._unsaved_bytes += len(snapshot)
                while self._unsaved_bytes > 2 * UNSAVED:  # they are not being written
                    self._forget_unsaved(next(iter(self._unsaved)))

    def _forget_unsaved(self, number: int) -> None:
        _, snapshot = self._unsaved.pop(number, (0, b""))
        self._unsaved_bytes -= len(snapshot)

    def read(self, number: int) -> CaseState:
        """The full state of a case, including logs, folded afresh: the caller may keep it."""
        return self._whole(number, CaseState(logs=True))[0]

    def logs(self, number: int) -> Logs:
        """The logs of a case, and nothing else of it."""
        return self._whole(number, CaseState(only_logs=True))[0].logs

    def backwards(self, number: int, first: int = 0) -> Iterator[tuple[int, Stamp | None, list[Operation]]]:
        """The entries of a case from slot `first` back, or from the newest: slot, stamp and operations.

        The stamp is None if the entry does not count.
        """
        room = self._room(number) if number in self._rooms else {}
        for page in self._pages(number, 0, first):
            devices = {entry.slot: device for entry, device in self._admitted(page, room)}
            for entry in page:
                device = devices.get(entry.slot)
                if device is None:
                    yield entry.slot, None, []
                else:
                    yield entry.slot, stamp_of(entry, device), operations.decode(entry.shape, entry.content)

    def _load(self, number: int) -> CaseState:
        folded, snapshot = self._unsaved.get(number) or self._store.snapshot(number) or (0, b"")
        state, behind = None, 0
        if snapshot:
            with suppress(VaultDamaged):  # a snapshot is a cache: fold again what cannot be read
                state = CaseState.decode(snapshot)
                behind = self._fold(state, number, folded, {})
        if state is None or state.full:
            state, behind = self._whole(number, CaseState())
        self._behind[number] = behind
        return state

    def _seek(self, number: int, state: CaseState) -> None:
        """Search the entries of a case for sought items, from the newest on; missing ones may yet arrive."""
        for some in state.missing():
            for stamp, decoded in self._beginning(number, sorted({item[:8].hex() for item in some})):
                state.recall(stamp, decoded)
                some.difference_update(ref(stamp.id, index) for index in range(len(decoded)))
                if not some:
                    break
        state.sought.clear()

    def named(self, number: int, state: CaseState, begins: Iterable[str]) -> Logs:
        """Of the logs of a case, the items in entries with one of these id prefixes (1 to `DIGITS` hexadecimal digits),
        and what its state without logs knows of corrections and retractions. No other entries are read."""
        logs = Appending(state.amended)
        for begin in begins:
            for (entry, device, clock, height), decoded in self._beginning(number, [begin]):
                for index, (tag, field, source, value) in enumerate(decoded):
                    if tag == Op.APPEND:
                        item: Any = LiveValue(value, device, clock, height, ref(entry, index))
                        logs.append(field, item, source)  # type: ignore[arg-type]
                if len(begin) == DIGITS:  # it identifies one entry
                    break
        return logs.logs

    def _beginning(self, number: int, begins: list[str]) -> Iterator[tuple[Stamp, list[Operation]]]:
        """The entries of a case that count and have one of these id prefixes, newest first; no others are read."""
        room = self._room(number) if number in self._rooms else {}
        head = self._held.heads.of(number) if begins else 0
        while head:
            slots = self._store.case_beginning(head, begins, min(len(begins), _PAGE))
            page = [entry for entry in map(self._store.entry_at, slots) if entry is not None]
            for entry, device in self._admitted(page, room):
                yield stamp_of(entry, device), operations.decode(entry.shape, entry.content)
            head = page[-1].prior if page else 0

    def _whole(self, number: int, state: CaseState) -> tuple[CaseState, int]:
        """The state of a case, folded from its first entry into an empty one, and the number of entries."""
        empty = CaseState(logs=state.keeps_logs, only_logs=state.only_logs)
        if number not in self._rooms:
            count = self._fold(state, number, 0, {})
            if not state.full:
                return state, count
            self._rooms[number] = 0, {}
        state.become(empty)  # free its contents before they are folded once more
        room = self._room(number)
        count = self._fold(state, number, 0, room)
        held = self._held.chains
        state.full.update(held[chain].device for chain in room)
        return state, count

    def _room(self, number: int) -> dict[int, int]:
        """For devices that have written more than a case shows: by chain, the last sequence shown."""
        head, room = self._rooms[number]
        if head != self._held.heads[number]:
            room = self._counted(number)
            self._rooms[number] = self._held.heads[number], room
        return room

    def _counted(self, number: int) -> dict[int, int]:
        wrote: dict[DeviceId, dict[int, _Wrote]] = {}
        for page in self._pages(number, 0):
            for entry, device in self._admitted(page):
                chains = wrote.setdefault(device, {})
                own = chains.get(chain_of(entry.slot))
                if own is None:
                    own = chains[chain_of(entry.slot)] = _Wrote(self._held.chains[chain_of(entry.slot)])
                own.note(entry)
        last: dict[int, int] = {}
        for chains in wrote.values():
            if sum(written.total for written in chains.values()) <= caps.CASE_OPERATIONS:
                continue
            last |= dict.fromkeys(chains, 0)
            left = caps.CASE_OPERATIONS
            for _, sequence, _, chain, count in merge(*chains.values()):  # branches are numbered by each store itself
                left -= count
                if left < 0:
                    break
                last[chain] = sequence
        return last

    def newest_of(self, number: int, said: Iterable[Ref]) -> int:
        """The slot of the newest entry of a case that says one of these; 0 if none does."""
        begins = sorted({item[:8].hex() for item in said})
        return next(iter(self._store.case_beginning(self._held.heads.of(number), begins, 1)), 0)

    def _pages(self, number: int, folded: int, first: int = 0) -> Iterator[list[Entry]]:
        """The entries of a case, newest first, or from slot `first` on: some at once, for there may be many."""
        head = first or self._held.heads.of(number)
        while head != folded:
            page = self._store.case_page(head, folded, _PAGE)
            yield page
            head = page[-1].prior

    def _admitted(
        self, page: list[Entry], room: Mapping[int, int] = MappingProxyType({})
    ) -> Iterator[tuple[Entry, DeviceId]]:
        """Those that count; of chains in `room` up to that sequence."""
        for entry in page:
            last = room.get(chain_of(entry.slot))
            if self._held.shows(entry) and (last is None or sequence_of(entry.slot) <= last):
                yield entry, self._held.chains[chain_of(entry.slot)].device

    def _fold(self, state: CaseState, number: int, folded: int, room: dict[int, int]) -> int:
        """Fold what came after entry `folded`, in any order; of chains in `room` up to that sequence. How many it were.

        An unfinished state that is `full` if a device turns out to have written more than a case shows.
        """
        count = work = 0
        for page in self._pages(number, folded):
            for entry, device in self._admitted(page, room):
                decoded = operations.decode(entry.shape, entry.content)
                state.apply(stamp_of(entry, device), decoded)
                state.added += size_of(entry)
                work += len(decoded)
                if work > STRETCH:
                    work = 0
                    self.breathe()
                if state.full:
                    break
            count += len(page)
            if state.full:
                break
        return count

    def crowded(self) -> bool:
        """Whether snapshots of evicted states should be written."""
        return self._unsaved_bytes > UNSAVED

    def leaving(self) -> list[tuple[int, int, bytes]]:
        """Take (case number, slot folded up to, snapshot) of evicted states."""
        saved = [(number, folded, snapshot) for number, (folded, snapshot) in self._unsaved.items()]
        self._unsaved.clear()
        self._unsaved_bytes = 0
        return saved

    def snapshots(self, worth: int = WORTH) -> list[tuple[int, int, bytes]]:
        """The same, and those of present states that are at least `worth` entries ahead of their snapshots."""
        here = [
            (number, self._held.heads[number], self._states[number].encode())
            for number, behind in self._behind.items()
            if behind >= worth and number in self._states and number != OWN_CASE
        ]
        for number, _, _ in here:
            del self._behind[number]
        return self.leaving() + here
