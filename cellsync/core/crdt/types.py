"""The table of CRDT types: what a case needs to know of each, to fold it, compare it, weigh it and keep it.

A type is a module beside this one and a row of `TYPES`; its operations are numbers of `wire/tags`. Three rules:

1. The order of the rows is the order of digests and snapshots: a new row stands last.
2. A device without the row keeps the operations as unknown, so a new row raises the snapshots' FORMAT: every case is
   then folded once more, and what was unknown finds its type.
3. A type is a function of the set of its operations: any order gives the same state (protocol/35-cases.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from cellsync.core.crdt.cells import Cell, Cells, newest_first
from cellsync.core.crdt.counter import LARGEST_STEP, CounterState
from cellsync.core.crdt.log import LogState, Said
from cellsync.core.crdt.map import MapState
from cellsync.core.crdt.register import RegisterState
from cellsync.core.crdt.rest import (
    pack_cells,
    pack_refs,
    pack_total,
    require,
    split,
    unpack_cells,
    unpack_refs,
    unpack_total,
)
from cellsync.core.crdt.set import SetState
from cellsync.core.ids import REF_BYTES, DeviceId, Ref
from cellsync.core.packed import Packed
from cellsync.core.wire import codec
from cellsync.core.wire.operations import SOURCE_BYTES, split_refs
from cellsync.core.wire.tags import Op

NAMED: Final = 200  # bytes of memory of a field: its name, its state and the tables in it; measured, as those below
CELL: Final = 300  # of a cell with its ref and its place in a table
SUM: Final = 150  # of a counter
REF: Final = 120  # of a ref that is only remembered
_PAIR: Final = 0x92  # how an array of two begins


class FieldType(StrEnum):
    """The names of the types that this version knows."""

    REGISTER = "register"
    SET = "set"
    MAP = "map"
    COUNTER = "counter"
    LOG = "log"


class Contested(NamedTuple):
    """Values that may contradict one another, newest first. `key`: of a map, the Ref of a log's item, or None."""

    key: Any
    cells: Sequence[Cell]


class Rest(NamedTuple):
    """How the state of a field rests in a snapshot, beside its name."""

    cells: Callable[[Any], Iterable[Cell]]  # whose devices the snapshot has to number
    pack: Callable[[Any, Mapping[DeviceId, int]], tuple[Any, ...]]
    unpack: Callable[[Sequence[Any], list[DeviceId]], Any]  # raises ValueError, TypeError, IndexError


class CrdtType(NamedTuple):
    """One type."""

    name: str
    plural: str  # what a CaseState calls its fields of this type
    tags: frozenset[int]  # its operations
    state: Callable[[], Any]  # that of a field nothing was written to; it has `copy`
    folds: Callable[[int, Any, Cell], bool]  # tag, detail, cell: whether it is well typed
    fold: Callable[[Any, int, Any, Cell], None]  # state, and what is well typed
    shows: Callable[[Any], bool]  # whether there is something to see
    plain: Callable[[Any], Any]  # what it shows, in plain values
    contested: Callable[[Any], Iterable[Contested]]
    digest: Callable[[Any], Iterator[bytes]]  # canonical bytes of all that is visible; none: as if nobody had written
    weight: Callable[[Any], int]  # bytes of memory, about, without the name
    rest: Rest  # of logs: of what a state knows that leaves them out


def refs(detail: Any) -> Sequence[Ref]:
    """The refs that an operation names."""
    if not detail:
        return ()
    return (detail,) if len(detail) == 10 else split_refs(detail)


def length(resting: Any) -> int:
    """Of what a cell holds, beyond what every cell takes."""
    return len(resting.raw) if type(resting) is Packed else len(resting) if type(resting) in (str, bytes) else 0


# --- register, set, map: live cells -------------------------------------------------------------------


def _always(tag: int, detail: Any, cell: Cell) -> bool:
    return True


def _write(state: Cells, tag: int, detail: Any, cell: Cell) -> None:
    state.write(cell, refs(detail))


def _write_or_remove(state: Cells, tag: int, detail: Any, cell: Cell) -> None:
    if tag in (Op.DISCARD, Op.DELETE):
        state.remove(refs(detail))
    else:
        state.write(cell, refs(detail))


def _is_pair(tag: int, detail: Any, cell: Cell) -> bool:
    return tag == Op.DELETE or (type(cell.resting) is Packed and cell.resting.raw[0] == _PAIR)


def _lives(state: Cells) -> bool:
    return bool(state.live)


def _register_plain(state: RegisterState) -> Any:
    return None if state.shown is None else state.shown.value


def _set_plain(state: SetState) -> Any:
    return [cells[0].value for cells in state.elements(codec.encode).values()]


def _map_plain(state: MapState) -> Any:
    return [[key, cells[0].value] for key, cells in state.keys(codec.encode).values()]


def _register_contested(state: RegisterState) -> Iterable[Contested]:
    if len(state.live) > 1:
        yield Contested(None, newest_first(state.live.values()))


def _uncontested(state: Any) -> Iterable[Contested]:
    return ()


def _map_contested(state: MapState) -> Iterable[Contested]:
    return (Contested(key, cells) for key, cells in state.contested(codec.encode))


def live_digest(state: Cells) -> Iterator[bytes]:
    """Of live cells: the same as encoding them at once, without all values decoded at the same time."""
    if state.live:
        yield codec.array_header(len(state.live))
        for cell in sorted(state.live.values(), key=lambda cell: cell.ref):
            yield codec.encode(cell.said())


def live_weight(state: Cells) -> int:
    return NAMED + REF * len(state.absent) + sum(CELL + length(cell.resting) for cell in state.live.values())


def live_rest(state: type[Cells]) -> Rest:
    """Live cells, and the refs that were removed before they came."""

    def pack(held: Cells, devices: Mapping[DeviceId, int]) -> tuple[Any, ...]:
        return pack_cells(held.live, devices), pack_refs(held.absent)

    def unpack(packed: Sequence[Any], devices: list[DeviceId]) -> Cells:
        flat, absent = packed
        return state(unpack_cells(flat, devices), unpack_refs(absent))

    return Rest(lambda held: held.live.values(), pack, unpack)


def _map_unpack(packed: Sequence[Any], devices: list[DeviceId]) -> Any:
    state = live_rest(MapState).unpack(packed, devices)
    for cell in state.live.values():
        plain = cell.value
        require(type(plain) is list and len(plain) == 2)
    return state


# --- counter --------------------------------------------------------------------------------------------


def _is_step(tag: int, detail: Any, cell: Cell) -> bool:
    return type(cell.resting) is int and -LARGEST_STEP <= cell.resting <= LARGEST_STEP


def _count(state: CounterState, tag: int, detail: Any, cell: Cell) -> None:
    state.count(cell.resting)


def _counter_digest(state: CounterState) -> Iterator[bytes]:
    yield codec.encode(str(state.total))


def _counter_unpack(packed: Sequence[Any], devices: list[DeviceId]) -> CounterState:
    [total] = packed
    return CounterState(unpack_total(total))


# --- log ------------------------------------------------------------------------------------------------


def _log(state: LogState, tag: int, detail: Any, cell: Cell) -> None:
    if tag == Op.APPEND:
        state.append(cell, detail)
    elif tag == Op.CORRECT:
        state.correct(cell, detail)
    else:
        state.retract(cell, detail)


def _log_plain(state: LogState) -> Any:
    return [item.shown.value for item in state.items() if not item.retractions]


def _log_contested(state: LogState) -> Iterable[Contested]:
    for item in state.items() if state.corrections else ():
        if not item.retractions:
            yield Contested(item.first.ref, item.current)


def _log_digest(state: LogState) -> Iterator[bytes]:
    said = sorted(state.cells(), key=lambda one: one[2].ref)
    yield codec.array_header(len(said))
    for role, target, cell in said:
        yield codec.encode((cell.ref, role, target, codec.encode(cell.said())))


def _log_weight(state: LogState) -> int:
    named = REF * (len(state.corrections) + len(state.retractions))
    return NAMED + named + sum(CELL + length(cell.resting) for _, _, cell in state.cells())


def _log_pack(state: LogState, devices: Mapping[DeviceId, int]) -> tuple[Any, ...]:
    sources = [state.source(ref) for ref in sorted(state.appended)]
    said = [_pack_said(one, devices) for one in (state.corrections, state.retractions)]
    return pack_cells(state.appended, devices), sources, *said


def _pack_said(said: Said, devices: Mapping[DeviceId, int]) -> tuple[list[Any], bytes]:
    """Cells, and what each of them names."""
    targets = {cell.ref: target for target, cells in said.items() for cell in cells}
    cells = {cell.ref: cell for some in said.values() for cell in some}
    return pack_cells(cells, devices), b"".join(targets[ref] for ref in sorted(cells))


def _log_unpack(packed: Sequence[Any], devices: list[DeviceId]) -> LogState:
    appends, sources, corrections, retractions = packed
    state = LogState()
    for append, source in zip(unpack_cells(appends, devices).values(), sources, strict=True):
        require(source is None or (type(source) is bytes and len(source) == SOURCE_BYTES))
        state.append(append, source)
    for note, (cells, targets) in ((state.correct, corrections), (state.retract, retractions)):
        for cell, target in zip(unpack_cells(cells, devices).values(), split(targets, REF_BYTES), strict=True):
            note(cell, Ref(target))
    return state


# --- the table ------------------------------------------------------------------------------------------


def _tags(*tags: Op) -> frozenset[int]:
    return frozenset(map(int, tags))


TYPES: Final[dict[str, CrdtType]] = {
    row.name: row
    for row in (
        CrdtType(
            FieldType.REGISTER, "registers", _tags(Op.SET), RegisterState, _always, _write,
            _lives, _register_plain, _register_contested, live_digest, live_weight, live_rest(RegisterState),
        ),
        CrdtType(
            FieldType.SET, "sets", _tags(Op.ADD, Op.DISCARD), SetState, _always, _write_or_remove,
            _lives, _set_plain, _uncontested, live_digest, live_weight, live_rest(SetState),
        ),
        CrdtType(
            FieldType.MAP, "maps", _tags(Op.PUT, Op.DELETE), MapState, _is_pair, _write_or_remove,
            _lives, _map_plain, _map_contested, live_digest, live_weight,
            live_rest(MapState)._replace(unpack=_map_unpack),
        ),
        CrdtType(
            FieldType.COUNTER, "counters", _tags(Op.COUNT), CounterState, _is_step, _count,
            lambda state: True, lambda state: state.total, _uncontested, _counter_digest, lambda state: SUM,
            Rest(lambda state: (), lambda state, devices: (pack_total(state.total),), _counter_unpack),
        ),
        CrdtType(
            FieldType.LOG, "logs", _tags(Op.APPEND, Op.CORRECT, Op.RETRACT), LogState, _always, _log,
            lambda state: bool(state.appended), _log_plain, _log_contested, _log_digest, _log_weight,
            Rest(lambda state: (cell for _, _, cell in state.cells()), _log_pack, _log_unpack),
        ),
    )
}  # fmt: skip


BY_TAG: Final[dict[int, CrdtType]] = {tag: row for row in TYPES.values() for tag in row.tags}
"""The type that an operation belongs to. Creations are no field's, and a tag of a newer version is not here."""
