"""Fold: the operations of a case's entries become its state.

    state(S) is a pure function of the set S of the case's admitted operations

A field is (name, CRDT type), and each operation's tag belongs to one type. So a field that no schema here knows
folds like any other, and a name written with two types (a newer schema, another client) keeps both.

An operation that a peer can write but a fold cannot use is never an error (protocol/35-cases.md, Ill-typed operations):
it stays in the history, its ref is listed in `ill_typed`, and it has no effect. Likewise `unknown`: tags of a newer
version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from heapq import merge
from typing import Any, Final, NamedTuple

from cellsync.core import caps
from cellsync.core.case import snapshot
from cellsync.core.case.borrowed import copied
from cellsync.core.case.changes import SetText
from cellsync.core.case.sought import SoughtRefs
from cellsync.core.crdt.cells import Canonical, LiveValue, alike, differ, rank
from cellsync.core.crdt.counter import CounterState
from cellsync.core.crdt.live import refs
from cellsync.core.crdt.log import Logs
from cellsync.core.crdt.map import MapState
from cellsync.core.crdt.register import RegisterState
from cellsync.core.crdt.row import CrdtType, FieldPart, FieldType
from cellsync.core.crdt.set import SetState
from cellsync.core.crdt.types import BY_TAG, TYPES
from cellsync.core.crdt.weights import CELL, REF
from cellsync.core.crypto import labels
from cellsync.core.history.entry import Entry
from cellsync.core.ids import DeviceId, EntryId, Millis, Ref
from cellsync.core.packed import packed
from cellsync.core.runs import in_order
from cellsync.core.wire import codec
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.operations import ref as ref_of
from cellsync.core.wire.tags import Op

CANONICAL: Final[Canonical] = codec.encode

STATE: Final = 1_800  # bytes of memory of an empty state; measured
_CONTAINERS: Final = frozenset({list, dict})
_INDEX: Final = [index.to_bytes(2, "big") for index in range(256)]
_FIRST: Final = _INDEX[0]
_new: Any = tuple.__new__  # of a NamedTuple, with all its fields
_LOG: Final = TYPES[FieldType.LOG]
_LOG_TAGS: Final = frozenset(_LOG.acts)
# Plain numbers: comparing with an enum's member costs an attribute look-up per operation.
_CREATE, _SET, _ADD, _APPEND, _CORRECT = map(int, (Op.CREATE, Op.SET, Op.ADD, Op.APPEND, Op.CORRECT))


class Stamp(NamedTuple):
    """The common part of an entry's operations: its id, author, clock and height."""

    id: EntryId
    device: DeviceId
    clock: Millis
    height: int


def size_of(entry: Entry) -> int:
    """The approximate memory of an entry's operations beyond their cells: a ref of ten bytes takes a hundred."""
    return len(entry.content) + 8 * len(entry.shape)


class RawConflict(NamedTuple):
    """An unsettled place where people wrote different things at the same time."""

    field: str
    key: Any  # the key of a map, the Ref of a log's item, None for a register
    cells: tuple[LiveValue, ...]  # all of them, newest first: the first is the one displayed
    type: str

    def __repr__(self) -> str:
        return f"<conflict of {len(self.cells)} cells in {self.field!r}>"  # no content

    @property
    def path(self) -> str:
        """The field's name. Never the key: a map's keys are content."""
        return self.field

    @property
    def values(self) -> list[list[LiveValue]]:
        """The cells grouped by value: each group is one value with its authors."""
        return alike(self.cells, CANONICAL)


class CaseState:
    """The state of one case.

    `logs=False` leaves out the items of logs, for folding arrivals: the case's list of entries already is the
    log. `logs=True` has everything, for reading and for `digest`.

    Without logs it still knows the conflicts in them. It keeps the corrections and retractions, which are few, and the
    identity and source of the items they name, but of no others. An item arrives before any operation that names it,
    and is forgotten by then: so named but unknown items are `sought`, until the case's list of entries has been
    searched for them (`recall`).
    """

    __slots__ = (
        "__weakref__", "added", "amended", "counted", "counters", "creates", "full", "ill_typed", "keeps_logs", "logs",
        "maps", "only_logs", "others", "registers", "sets", "sought", "unknown",
    )  # fmt: skip

    def __init__(self, *, logs: bool = False, only_logs: bool = False) -> None:
        self.keeps_logs = logs or only_logs
        self.only_logs = only_logs
        self.added = 0  # approximate bytes of memory folded in since it was last weighed
        self.counted: dict[DeviceId, int] = {}  # operations, including those on logs that are left out
        self.full: set[DeviceId] = set()  # those with more operations than a case shows: the excess is left out
        self.creates: dict[Ref, LiveValue] = {}  # their values: (kind, version)
        self.registers: dict[str, RegisterState] = {}
        self.sets: dict[str, SetState] = {}
        self.maps: dict[str, MapState] = {}
        self.counters: dict[str, CounterState] = {}
        self.logs = Logs()
        self.amended = Logs()  # of logs that are left out: their corrections and retractions
        self.sought = SoughtRefs()
        self.others: dict[str, dict[str, Any]] = {}  # fields of the other types, by type and name
        self.ill_typed: set[Ref] = set()
        self.unknown: set[Ref] = set()

    # --- folding ------------------------------------------------------------------------------

    def apply(self, stamp: Stamp, operations: Sequence[Operation]) -> None:
        """Fold one entry's operations, as `wire.operations.decode` gives them. Give each entry once, in any order."""
        entry, device, clock, height = stamp
        counted = self.counted.get(device, 0) + len(operations)
        if counted > caps.CASE_OPERATIONS:
            self.full.add(device)
            return
        self.counted[device] = counted
        prefix: Any = entry[:8]  # Any spares a call of Ref per operation
        index = -1
        for tag, field, detail, value in operations:
            index += 1
            if self.only_logs if tag not in _LOG_TAGS else tag == _APPEND and not (self.keeps_logs or self.amended):
                continue
            self.added += CELL
            if type(value) in _CONTAINERS:  # from a draft: decoded values are already packed
                value = packed(value)
            ref = prefix + (_INDEX[index] if index < 256 else index.to_bytes(2, "big"))
            if tag == _SET:
                register = self.registers.get(field)
                if register is None:
                    register = self.registers[field] = RegisterState()
                register.write(LiveValue(value, device, clock, height, ref), refs(detail))
            elif tag == _ADD and detail is None:  # the same as through the table, in two thirds of the time
                members = self.sets.get(field)
                if members is None:
                    members = self.sets[field] = SetState()
                members.write(LiveValue(value, device, clock, height, ref), ())
            elif tag not in _LOG_TAGS:
                self._apply_rare(tag, field, detail, LiveValue(value, device, clock, height, ref))
            elif self.keeps_logs:
                self.logs.fold(tag, field, LiveValue(value, device, clock, height, ref), detail)
            elif tag == _APPEND:
                self._recall(field, detail, LiveValue(None, device, clock, height, ref))
            else:
                self._amend(tag, field, detail, LiveValue(value, device, clock, height, ref))

    def recall(self, stamp: Stamp, operations: Sequence[Operation]) -> None:
        """Search an entry that was folded before for sought items."""
        entry, device, clock, height = stamp
        for index, (tag, field, detail, _) in enumerate(operations):
            if tag == _APPEND:
                self._recall(field, detail, LiveValue(None, device, clock, height, ref_of(entry, index)))

    def missing(self) -> Iterator[set[Ref]]:
        """The sought refs, in portions, without corrections, which are known anyway."""
        for some in self.sought.some():
            some.difference_update(self.amended.refs())
            if some:
                yield some

    def count_tally(self, counts: Mapping[DeviceId, int]) -> int | None:
        """Count entries of a `Tally`, given their number for each device: how many they are. `apply_texts` goes on.

        None if they have to be folded one by one: logs are kept here, something is kept of them, or there are more
        than a case shows.
        """
        if self.keeps_logs or self.amended:
            return None
        counted, after, count = self.counted, {}, 0
        for device, more in counts.items():
            after[device] = now = counted.get(device, 0) + more
            if now > caps.CASE_OPERATIONS:
                return None
            count += more
        counted.update(after)
        return count

    def apply_texts(self, texts: Iterator[SetText], most: int) -> bool:
        """Fold texts of a `Tally` until `added` is more than `most`; whether it stopped there.

        Spelt out for speed: with `Tally`, 0.25 of 1.0 µs an entry. `apply` of each entry is the plain version, and a
        property holds the two equal.
        """
        registers = self.registers
        for field, detail, cell, size in texts:
            register = registers.get(field)
            if register is None:
                register = registers[field] = RegisterState()
            register.write_over(cell, detail)
            self.added += CELL + size
            if self.added > most:
                return True
        return False

    def apply_arrived(self, arrived: Iterator[tuple[Entry, DeviceId, list[Operation]]], most: int) -> bool:
        """Fold entries of this case that have just been stored into a state without logs, until `added` is more than
        `most` or it is full; whether it stopped there.

        Spelt out for speed, 0.2 to 0.4 µs an entry: the common cases are handled here, and the rest by `apply`, the
        plain version; a property test holds the two equal. Common is a single operation that appends to a log of which
        nothing is kept here, or sets a register to a text.
        """
        counted, registers, operations_shown = self.counted, self.registers, caps.CASE_OPERATIONS
        for entry, device, operations in arrived:
            if len(operations) == 1:
                tag, field, detail, value = operations[0]
                count = counted.get(device, 0) + 1
                if tag == _APPEND:
                    if not self.amended and count <= operations_shown:
                        counted[device] = count
                        continue
                elif tag == _SET and type(value) is str and count <= operations_shown:
                    counted[device] = count
                    register = registers.get(field)
                    if register is None:
                        register = registers[field] = RegisterState()
                    _, _, _, identity, height, clock, _, _, _, _, shape, content, _, _ = entry
                    register.write_over(_new(LiveValue, (value, device, clock, height, identity[:8] + _FIRST)), detail)
                    self.added += CELL + len(content) + 8 * len(shape)
                    if self.added > most:
                        return True
                    continue
            self.apply(Stamp(entry.id, device, entry.clock, entry.height), operations)
            self.added += size_of(entry)
            if self.added > most or self.full:
                return True
        return False

    def _amend(self, tag: int, field: str, target: Any, cell: LiveValue) -> None:
        """Fold a correction or retraction in a log that is left out."""
        if field not in self.amended or not self.amended[field].names(target):
            self.sought.note(target)
        if tag != _CORRECT:
            cell = LiveValue(None, cell.device, cell.clock, cell.height, cell.ref)  # without the reason
        self.amended.fold(tag, field, cell, target)

    def _recall(self, field: str, source: Any, append: LiveValue) -> None:
        """Note an item of a log that is left out, but only if some operation names it."""
        log = self.amended.get(field)
        if log is not None and log.names(append.ref):
            log.append(append, source)

    def _apply_rare(self, tag: int, field: str, detail: Any, cell: LiveValue) -> None:
        row = BY_TAG.get(tag)
        if row is not None:
            act = row.acts[tag]
            if act.fits is None or act.fits(cell, detail):
                states = self.table(row)
                state = states.get(field)
                if state is None:
                    state = states[field] = row.state()
                act.fold(state, cell, detail)
            else:
                self.ill_typed.add(cell.ref)
        elif tag == _CREATE:
            self.creates[cell.ref] = cell._replace(resting=(field, detail))
        else:
            self.unknown.add(cell.ref)

    def table(self, row: CrdtType) -> dict[str, Any]:
        """The fields of a type, by name."""
        own = _OWN.get(row.name)
        if own is None:
            return self.others.setdefault(row.name, {})
        states: dict[str, Any] = getattr(self, own)
        return states

    # --- reading ------------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        """The kind given by its first creation; "" while no creation is here."""
        first = min(self.creates.values(), key=rank, default=None)
        return "" if first is None else str(first.value[0])

    @property
    def version(self) -> int:
        """The newest schema version that a creation of its kind names; 0 while none is here."""
        kind = self.kind
        return max((cell.value[1] for cell in self.creates.values() if cell.value[0] == kind), default=0)

    def fields(self) -> Iterator[tuple[str, str]]:
        """Every field that shows something, by name and type, sorted."""
        return merge(*map(self._shown, TYPES.values()))

    def _shown(self, row: CrdtType) -> Iterator[tuple[str, str]]:
        """The same of one type."""
        shown = in_order(name for name, state in self.table(row).items() if row.shows(state))
        return ((name, row.name) for name in shown)

    def shows(self, name: str, kind: str) -> bool:
        """Whether a field of this type shows something."""
        row = TYPES.get(kind)
        state = None if row is None else self.table(row).get(name)
        return row is not None and state is not None and row.shows(state)

    def parts(self, kind: str, name: str) -> Iterable[FieldPart]:
        """The parts of a field."""
        row = TYPES[kind]
        state = self.table(row).get(name)
        return () if state is None else row.parts(state)

    def conflicts(self) -> list[RawConflict]:
        """Where concurrent values differ: registers, keys of maps, and corrections; sorted by field.

        Without logs: complete once nothing is `sought`. The key of a log's item is then one of its appends.
        """
        found = [
            RawConflict(name, key, tuple(cells), row.name)
            for row, name, state in self._held()
            for key, cells in row.contested(state)
            if differ(cells, CANONICAL)
        ]
        return sorted(found, key=lambda conflict: (conflict.field, conflict.type, CANONICAL(conflict.key)))

    def digest(self) -> bytes:
        """32 bytes, equal on devices that hold the same entries, in whatever order they arrived.

        Needs a state with logs. Covers everything visible: creations, live values with authors and times,
        sums, and every operation on logs.
        """
        if not self.keeps_logs:
            raise ValueError("a digest needs the logs: fold with logs=True")
        state = blake2b(digest_size=32, person=labels.STATE)
        state.update(codec.encode(sorted((cell.ref, *cell.said()[:4]) for cell in self.creates.values())))
        for row in TYPES.values():
            for name, held in sorted(self.table(row).items()):
                for at, encoded in enumerate(row.digest(held)):
                    if at == 0:
                        state.update(codec.array_header(3) + codec.encode(str(row.name)) + codec.encode(name))
                    state.update(encoded)
        return state.digest()

    def become(self, other: CaseState) -> None:
        """Take over the contents of another state of the same case, for all holders of this one. Uses up the other."""
        for name in self.__slots__:
            if name != "__weakref__":
                setattr(self, name, getattr(other, name))

    def copy(self) -> CaseState:
        """An independent copy; values themselves are shared, and never changed."""
        copy = CaseState(logs=self.keeps_logs, only_logs=self.only_logs)
        copy.counted, copy.full = self.counted.copy(), self.full.copy()
        copy.creates = self.creates.copy()
        copy.registers, copy.sets, copy.maps = copied(self.registers), copied(self.sets), copied(self.maps)
        copy.counters, copy.logs = copied(self.counters), self.logs.copy()
        copy.others = {kind: copied(states) for kind, states in self.others.items()}
        copy.amended = self.amended.copy()
        copy.sought = self.sought.copy()
        copy.ill_typed = self.ill_typed.copy()
        copy.unknown = self.unknown.copy()
        return copy

    def with_logs(self, logs: Logs) -> CaseState:
        """The same state with these logs, as far as read. Read-only: it shares everything with this one."""
        shared = CaseState(logs=True)
        for name in self.__slots__:
            if name not in ("__weakref__", "amended", "keeps_logs", "logs", "only_logs", "sought"):
                setattr(shared, name, getattr(self, name))
        shared.logs = logs
        return shared

    def weigh(self) -> int:
        """The approximate memory it takes, in bytes. Looks at everything: call it when `added` has grown large."""
        self.added = 0
        created = sum(CELL + len(cell.value[0]) for cell in self.creates.values())
        held = sum(row.weight(state) + len(name) for row, name, state in self._held())
        return STATE + created + held + REF * (len(self.ill_typed) + len(self.unknown)) + self.sought.weight

    # --- snapshots ----------------------------------------------------------------------------

    def encode(self) -> bytes:
        """The snapshot of a state without logs: their items are in the case's list of entries."""
        if self.keeps_logs:
            raise ValueError("a snapshot has no logs: fold with logs=False")
        fields = {row.name: self._resting(row) for row in TYPES.values()}
        sought = set().union(*self.missing())
        return snapshot.encode(snapshot.Parts(self.counted, self.creates, fields, sought, self.ill_typed, self.unknown))

    @staticmethod
    def decode(raw: bytes) -> CaseState:
        """The state of a snapshot, without logs. Raises VaultDamaged; the case can then be folded again."""
        state = CaseState()
        parts = snapshot.decode(raw)
        state.counted, state.creates, fields, sought, state.ill_typed, state.unknown = parts
        state.sought = SoughtRefs(sought)
        for name, states in fields.items():
            state._resting(TYPES[name]).update(states)
        return state

    def _resting(self, row: CrdtType) -> Any:
        """The fields of a type, as a snapshot has them."""
        return self.amended if row is _LOG else self.table(row)

    def _held(self) -> Iterator[tuple[CrdtType, str, Any]]:
        """Every field, and what is known of logs that are left out."""
        yield from self._fields()
        for name, log in self.amended.items():
            yield _LOG, name, log

    def _fields(self) -> Iterator[tuple[CrdtType, str, Any]]:
        """Every field: its type, its name and its state."""
        for row in TYPES.values():
            for name, state in self.table(row).items():
                yield row, name, state


_OWN: Final[dict[str, str]] = {
    FieldType.REGISTER: "registers", FieldType.SET: "sets", FieldType.MAP: "maps", FieldType.COUNTER: "counters",
    FieldType.LOG: "logs",
}  # fmt: skip
"""Types with a table of their own in a CaseState; the fields of all others are in `others`."""
