"""The common part of the rows of register, set and map: their states are live cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cellsync.core.crdt.cells import Cells, LiveValue
from cellsync.core.crdt.rest import pack_cells, pack_refs, unpack_cells, unpack_refs
from cellsync.core.crdt.row import Rest
from cellsync.core.crdt.weights import CELL, NAMED, REF, length
from cellsync.core.ids import DeviceId, Ref
from cellsync.core.wire import codec
from cellsync.core.wire.operations import Operation, split_refs


def refs(detail: Any) -> Sequence[Ref]:
    """The refs that an operation names."""
    if not detail:
        return ()
    return (detail,) if len(detail) == 10 else split_refs(detail)


def write(state: Cells, cell: LiveValue, detail: Any) -> None:
    state.write(cell, refs(detail))


def remove(state: Cells, cell: LiveValue, detail: Any) -> None:
    state.remove(refs(detail))


def lives(state: Cells) -> bool:
    return bool(state.live)


def stands_alone(cells: Iterable[LiveValue], value: Any) -> bool:
    """Whether there are any, and all hold this value."""
    return {cell.canonical(codec.encode) for cell in cells} == {codec.encode(value)}


def digest(state: Cells) -> Iterator[bytes]:
    """The same bytes as encoding all cells together, without holding all values decoded at the same time."""
    if state.live:
        yield codec.array_header(len(state.live))
        for cell in sorted(state.live.values(), key=lambda cell: cell.ref):
            yield codec.encode(cell.said())


def weight(state: Cells) -> int:
    return NAMED + REF * len(state.absent) + sum(CELL + length(cell.resting) for cell in state.live.values())


def rest(state: type[Cells]) -> Rest:
    """Live cells, and the refs that were removed before they arrived."""

    def pack(held: Cells, devices: Mapping[DeviceId, int]) -> tuple[Any, ...]:
        return pack_cells(held.live, devices), pack_refs(held.absent)

    def unpack(packed: Sequence[Any], devices: list[DeviceId]) -> Cells:
        flat, absent = packed
        return state(unpack_cells(flat, devices), unpack_refs(absent))

    return Rest(lambda held: held.live.values(), pack, unpack)


def naming(operation: Operation, cells: Iterable[LiveValue], device: DeviceId) -> Operation:
    """The operation, made to replace this device's own among these cells as well."""
    named = dict.fromkeys(refs(operation.detail))
    named.update((cell.ref, None) for cell in cells if cell.device == device)
    return operation._replace(detail=b"".join(named)) if named else operation
