"""Fold: the operations of a case's entries become its state.

    state(S) is a pure function of the set S of the case's admitted operations

A field is (name, CRDT type), and each operation's tag belongs to one type. So a field that no schema here knows
folds like any other, and a name written with two types (a newer schema, another client) keeps both.

What a peer can write but a fold cannot use is never an error (protocol/35-cases.md, Ill-typed operations): it stays
in the history, its ref is listed in `ill_typed`, and it has no effect. Likewise `unknown`: tags of a newer version.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from cellsync.core import caps
from cellsync.core.case import snapshot
from cellsync.core.crdt.cells import Canonical, Cell, alike, differ, newest_first, rank
from cellsync.core.crdt.counter import LARGEST_STEP, CounterState
from cellsync.core.crdt.log import LogState
from cellsync.core.crdt.map import MapState
from cellsync.core.crdt.register import RegisterState
from cellsync.core.crdt.set import SetState
from cellsync.core.crypto import labels
from cellsync.core.ids import DeviceId, EntryId, Millis, Ref
from cellsync.core.packed import Packed, packed
from cellsync.core.runs import in_order
from cellsync.core.wire import codec
from cellsync.core.wire.operations import Operation, split_refs
from cellsync.core.wire.tags import Op

CANONICAL: Final[Canonical] = codec.encode

STATE: Final = 1_800  # bytes of memory of an empty state; measured, as those below
NAMED: Final = 200  # of a field: its name, its state and the tables in it
CELL: Final = 300  # of a cell with its ref and its place in a table
SUM: Final = 150  # of a counter
REF: Final = 120  # of a ref that is only remembered
_CONTAINERS: Final = frozenset({list, dict})
_PAIR: Final = 0x92  # how an array of two begins
_INDEX: Final = [index.to_bytes(2, "big") for index in range(256)]
_LOG_TAGS: Final = frozenset({int(Op.APPEND), int(Op.CORRECT), int(Op.RETRACT)})
# Plain numbers: comparing with an enum's member costs an attribute look-up per operation.
_CREATE, _SET, _ADD, _DISCARD, _PUT, _DELETE, _COUNT, _APPEND, _CORRECT, _RETRACT = map(int, Op)


class FieldType(StrEnum):
    """The CRDT type of a field."""

    REGISTER = "register"
    SET = "set"
    MAP = "map"
    COUNTER = "counter"
    LOG = "log"


class Stamp(NamedTuple):
    """Who wrote an entry, and where it stands: what an entry's operations have in common."""

    id: EntryId
    device: DeviceId
    clock: Millis
    height: int


class Conflict(NamedTuple):
    """A place where people wrote different things at the same time, and nobody has decided yet."""

    field: str
    key: Any  # the key of a map, the Ref of a log's item, None for a register
    cells: tuple[Cell, ...]  # all of them, newest first: the first is the one displayed
    type: FieldType

    def __repr__(self) -> str:
        return f"<conflict of {len(self.cells)} cells in {self.field!r}>"  # no content

    @property
    def path(self) -> str:
        """The field's name. Never the key: a map's keys are content."""
        return self.field

    @property
    def values(self) -> list[list[Cell]]:
        """The cells grouped by value: each group is one value with its authors."""
        return alike(self.cells, CANONICAL)


class CaseState:
    """What is known about one case.

    `logs=False` leaves out the items of logs, for folding what arrives: the case's list of entries is the log
    already. `logs=True` has everything, for reading and for `digest`.
    """

    __slots__ = (
        "__weakref__", "added", "counted", "counters", "creates", "full", "ill_typed", "keeps_logs", "logs", "maps",
        "only_logs", "registers", "sets", "unknown",
    )  # fmt: skip

    def __init__(self, *, logs: bool = False, only_logs: bool = False) -> None:
        self.keeps_logs = logs or only_logs
        self.only_logs = only_logs
        self.added = 0  # what was folded in since it was last weighed, in bytes of memory, about
        self.counted: dict[DeviceId, int] = {}  # operations, also on logs that are left out
        self.full: set[DeviceId] = set()  # whose operations are more than a case shows: what is beyond is left out
        self.creates: dict[Ref, Cell] = {}  # their values: (kind, version)
        self.registers: dict[str, RegisterState] = {}
        self.sets: dict[str, SetState] = {}
        self.maps: dict[str, MapState] = {}
        self.counters: dict[str, CounterState] = {}
        self.logs: dict[str, LogState] = {}
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
        self.added += CELL * len(operations)
        for tag, field, detail, value in operations:
            index += 1
            if self.only_logs if tag not in _LOG_TAGS else not self.keeps_logs:
                continue
            if type(value) in _CONTAINERS:  # of a draft: what was decoded rests packed already
                value = packed(value)
            ref = prefix + (_INDEX[index] if index < 256 else index.to_bytes(2, "big"))
            if tag == _SET:
                register = self.registers.get(field)
                if register is None:
                    register = self.registers[field] = RegisterState()
                register.write(Cell(value, device, clock, height, ref), _refs(detail))
            elif tag in _LOG_TAGS:
                self._apply_log(tag, field, detail, Cell(value, device, clock, height, ref))
            else:
                self._apply_rare(tag, field, detail, Cell(value, device, clock, height, ref))

    def _apply_log(self, tag: int, field: str, detail: Any, cell: Cell) -> None:
        log = self.logs.get(field)
        if log is None:
            log = self.logs[field] = LogState()
        if tag == _APPEND:
            log.append(cell, detail)
        elif tag == _CORRECT:
            log.correct(cell, detail)
        else:
            log.retract(cell, detail)

    def _apply_rare(self, tag: int, field: str, detail: Any, cell: Cell) -> None:
        value = cell.resting
        if tag == _ADD:
            self.sets.setdefault(field, SetState()).write(cell, ())
        elif tag == _DISCARD:
            self.sets.setdefault(field, SetState()).remove(_refs(detail))
        elif tag == _PUT:
            if type(value) is Packed and value.raw[0] == _PAIR:
                self.maps.setdefault(field, MapState()).write(cell, _refs(detail))
            else:
                self.ill_typed.add(cell.ref)
        elif tag == _DELETE:
            self.maps.setdefault(field, MapState()).remove(_refs(detail))
        elif tag == _COUNT:
            if type(value) is int and -LARGEST_STEP <= value <= LARGEST_STEP:
                self.counters.setdefault(field, CounterState()).count(value)
            else:
                self.ill_typed.add(cell.ref)
        elif tag == _CREATE:
            self.creates[cell.ref] = cell._replace(resting=(field, detail))
        else:
            self.unknown.add(cell.ref)

    # --- reading ------------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        """The kind its first creation gave it; "" while no creation is here."""
        first = min(self.creates.values(), key=rank, default=None)
        return "" if first is None else str(first.value[0])

    @property
    def version(self) -> int:
        """The newest schema version that a creation of its kind names; 0 while none is here."""
        kind = self.kind
        return max((cell.value[1] for cell in self.creates.values() if cell.value[0] == kind), default=0)

    def fields(self) -> list[tuple[str, FieldType]]:
        """Every field that shows something, by name and type, sorted."""
        shown = [(name, kind) for states, kind in self._cells() for name, cells in states.items() if cells.live]
        shown += [(name, FieldType.COUNTER) for name in self.counters]
        shown += [(name, FieldType.LOG) for name, log in self.logs.items() if log.appended]
        return list(in_order(shown))

    def conflicts(self) -> list[Conflict]:
        """Where concurrent values differ: registers, keys of maps, and (with logs) corrections; sorted by field."""
        found: list[Conflict] = []
        for name, register in self.registers.items():
            if len(register.live) > 1:
                _note(found, name, None, newest_first(register.live.values()), FieldType.REGISTER)
        for name, state in self.maps.items():
            for key, cells in state.contested(CANONICAL):
                _note(found, name, key, cells, FieldType.MAP)
        for name, log in self.logs.items():
            for item in log.items() if log.corrections else ():
                if not item.retractions:
                    _note(found, name, item.first.ref, item.current, FieldType.LOG)
        return sorted(found, key=lambda conflict: (conflict.field, conflict.type, CANONICAL(conflict.key)))

    def digest(self) -> bytes:
        """32 bytes that are equal on devices holding the same entries, whatever the order in which they came.

        Needs a state with logs. Covers everything visible: creations, live values with authors and times,
        sums, and every operation on logs.
        """
        if not self.keeps_logs:
            raise ValueError("a digest needs the logs: fold with logs=True")
        state = blake2b(digest_size=32, person=labels.STATE)
        state.update(codec.encode(sorted((cell.ref, *cell.said()[:4]) for cell in self.creates.values())))
        for states, kind in self._cells():
            for name, cells in sorted(states.items()):
                if cells.live:
                    # the same as encoding [type, name, cells] at once, without all values decoded at the same time
                    state.update(codec.array_header(3) + codec.encode(kind.value) + codec.encode(name))
                    state.update(codec.array_header(len(cells.live)))
                    for cell in _sorted(cells.live.values()):
                        state.update(codec.encode(cell.said()))
        for name, counter in sorted(self.counters.items()):
            state.update(codec.encode((FieldType.COUNTER.value, name, str(counter.total))))
        for name, log in sorted(self.logs.items()):
            said = sorted(log.cells(), key=lambda one: one[2].ref)
            state.update(codec.array_header(3) + codec.encode(FieldType.LOG.value) + codec.encode(name))
            state.update(codec.array_header(len(said)))
            for role, target, cell in said:
                state.update(codec.encode((cell.ref, role, target, codec.encode(cell.said()))))
        return state.digest()

    def become(self, other: CaseState) -> None:
        """Show what another state of the same case shows, to all that hold this one. The other is used up."""
        for name in self.__slots__:
            if name != "__weakref__":
                setattr(self, name, getattr(other, name))

    def copy(self) -> CaseState:
        """An independent copy; values themselves are shared, and never changed."""
        other = CaseState(logs=self.keeps_logs, only_logs=self.only_logs)
        other.counted, other.full = self.counted.copy(), self.full.copy()
        other.creates = self.creates.copy()
        other.registers = {name: state.copy() for name, state in self.registers.items()}
        other.sets = {name: state.copy() for name, state in self.sets.items()}
        other.maps = {name: state.copy() for name, state in self.maps.items()}
        other.counters = {name: state.copy() for name, state in self.counters.items()}
        other.logs = {name: state.copy() for name, state in self.logs.items()}
        other.ill_typed = self.ill_typed.copy()
        other.unknown = self.unknown.copy()
        return other

    def with_logs(self, logs: dict[str, LogState]) -> CaseState:
        """The same with these logs, or what was read of them. For reading only: it shares all that this one holds."""
        other = CaseState(logs=True)
        for name in self.__slots__:
            if name not in ("__weakref__", "keeps_logs", "logs", "only_logs"):
                setattr(other, name, getattr(self, name))
        other.logs = logs
        return other

    def weigh(self) -> int:
        """About how many bytes of memory it takes. Looks at everything: ask when `added` has grown large."""
        self.added = 0
        named = [(name, cells) for states, _ in self._cells() for name, cells in states.items()]
        cells = [cell for _, state in named for cell in state.live.values()]
        cells += [cell for log in self.logs.values() for _, _, cell in log.cells()]
        names = [*(name for name, _ in named), *self.logs]
        refs = len(self.ill_typed) + len(self.unknown) + sum(len(state.absent) for _, state in named)
        created = sum(CELL + len(cell.value[0]) for cell in self.creates.values())
        return (
            STATE + created + REF * refs + sum(CELL + _length(cell.resting) for cell in cells)
            + sum(NAMED + len(name) for name in names) + sum(SUM + len(name) for name in self.counters)
        )  # fmt: skip

    # --- snapshots ----------------------------------------------------------------------------

    def encode(self) -> bytes:
        """The snapshot: everything but logs (their items are in the case's list of entries)."""
        return snapshot.encode(
            snapshot.Parts(
                self.counted, self.creates, self.registers, self.sets, self.maps, self.counters, self.ill_typed,
                self.unknown,
            )
        )  # fmt: skip

    @staticmethod
    def decode(raw: bytes) -> CaseState:
        """The state of a snapshot, without logs. Raises VaultDamaged; the case can then be folded anew."""
        state = CaseState()
        parts = snapshot.decode(raw)
        state.counted, state.creates, state.registers, state.sets, state.maps, state.counters = parts[:6]
        state.ill_typed, state.unknown = parts[6:]
        return state

    def _cells(self) -> tuple[tuple[dict[str, Any], FieldType], ...]:
        return (
            (self.registers, FieldType.REGISTER),
            (self.sets, FieldType.SET),
            (self.maps, FieldType.MAP),
        )


def _length(resting: Any) -> int:
    """Of what a cell holds, beyond what every cell takes."""
    return len(resting.raw) if type(resting) is Packed else len(resting) if type(resting) in (str, bytes) else 0


def _refs(detail: Any) -> Sequence[Ref]:
    if not detail:
        return ()
    return (detail,) if len(detail) == 10 else split_refs(detail)


def _note(found: list[Conflict], field: str, key: Any, cells: Iterable[Cell], kind: FieldType) -> None:
    conflict = Conflict(field, key, tuple(cells), kind)
    if differ(conflict.cells, CANONICAL):
        found.append(conflict)


def _sorted(cells: Iterable[Cell]) -> list[Cell]:
    return sorted(cells, key=lambda cell: cell.ref)
