"""Snapshots: a case's state at rest, so that opening a case folds only what came since.

    snapshot = canonical
               [FORMAT, devices, counted, creates, registers, sets, maps, counters, ill-typed refs, unknown refs]
    counted  = by device's number, how many operations it has written
    creates  = cells whose value is [kind, version]
    registers, sets, maps = [[name, cells, absent refs], …]       counters = [[name, total], …]
    cells    = [ref, device's number, clock, height, value, …]    flat; a value is its own canonical bytes
    refs     = strung together, 10 bytes each                     total = signed big-endian bytes, the fewest

Everything is sorted, so one state has one snapshot. It is a local cache, never sent: a damaged one, or one of another
format, is thrown away and the case folded anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from cellsync.core import caps
from cellsync.core.crdt.cells import Cell, Cells
from cellsync.core.crdt.counter import CounterState
from cellsync.core.crdt.map import MapState
from cellsync.core.crdt.register import RegisterState
from cellsync.core.crdt.set import SetState
from cellsync.core.errors import CapExceeded, Malformed, VaultDamaged
from cellsync.core.ids import ID_BYTES, REF_BYTES, DeviceId, Millis, Ref
from cellsync.core.packed import packed
from cellsync.core.wire import codec

FORMAT: Final = 2

_C = TypeVar("_C", bound=Cells)


class Parts(NamedTuple):
    """A case's state without its logs."""

    counted: dict[DeviceId, int]
    creates: dict[Ref, Cell]
    registers: dict[str, RegisterState]
    sets: dict[str, SetState]
    maps: dict[str, MapState]
    counters: dict[str, CounterState]
    ill_typed: set[Ref]
    unknown: set[Ref]


def encode(parts: Parts) -> bytes:
    devices: dict[DeviceId, int] = {}
    named = (parts.registers, parts.sets, parts.maps)
    cells = [cell for states in named for state in states.values() for cell in state.live.values()]
    for device in sorted({cell.device for cell in (*cells, *parts.creates.values())} | parts.counted.keys()):
        devices[device] = len(devices)
    return codec.encode(
        (
            FORMAT,
            b"".join(devices),
            [parts.counted.get(device, 0) for device in devices],
            _pack_cells(parts.creates, devices),
            *(_pack_states(states, devices) for states in named),
            [(name, _pack_total(counter.total)) for name, counter in sorted(parts.counters.items())],
            _pack_refs(parts.ill_typed),
            _pack_refs(parts.unknown),
        )
    )


def decode(raw: bytes) -> Parts:
    """Raises VaultDamaged for anything that `encode` does not make."""
    try:
        return _decode(codec.decode(raw, len(raw), "snapshot"))
    except (Malformed, CapExceeded, ValueError, TypeError, IndexError, OverflowError):
        raise VaultDamaged(
            "a case's snapshot cannot be read", hint="Nothing is lost: the case is folded anew."
        ) from None


def _decode(top: Any) -> Parts:
    _require(type(top) is list and len(top) == 10 and top[0] == FORMAT)
    _, packed, counted, creates, registers, sets, maps, counters, ill_typed, unknown = top
    devices = [DeviceId(device) for device in _split(packed, ID_BYTES)]
    _require(type(counted) is list and all(type(one) is int and one >= 0 for one in counted))
    created = _unpack_cells(creates, devices)
    for cell in created.values():
        _require(type(cell.value) is list and list(map(type, cell.value)) == [str, int])
    parts = Parts(
        {device: one for device, one in zip(devices, counted, strict=True) if one},
        {ref: cell._replace(resting=tuple(cell.value)) for ref, cell in created.items()},
        _unpack_states(RegisterState, registers, devices),
        _unpack_states(SetState, sets, devices),
        _unpack_states(MapState, maps, devices),
        {name: CounterState(_unpack_total(total)) for name, total in _pairs(counters)},
        _unpack_refs(ill_typed),
        _unpack_refs(unknown),
    )
    for state in parts.maps.values():
        for cell in state.live.values():
            plain = cell.value
            _require(type(plain) is list and len(plain) == 2)
    return parts


def _pack_cells(cells: Mapping[Ref, Cell], devices: Mapping[DeviceId, int]) -> list[Any]:
    flat: list[Any] = []
    for ref, cell in sorted(cells.items()):
        flat += (ref, devices[cell.device], cell.clock, cell.height, cell.canonical(codec.encode))
    return flat


def _unpack_cells(flat: Any, devices: list[DeviceId]) -> dict[Ref, Cell]:
    _require(isinstance(flat, list) and len(flat) % 5 == 0)
    cells: dict[Ref, Cell] = {}
    for at in range(0, len(flat), 5):
        ref, device, clock, height, value = flat[at : at + 5]
        _require([type(one) for one in (ref, device, clock, height, value)] == [bytes, int, int, int, bytes])
        _require(len(ref) == REF_BYTES and device >= 0)
        plain = codec.decode(value, caps.ENTRY, "entry")
        cells[Ref(ref)] = Cell(packed(plain), devices[device], Millis(clock), height, Ref(ref))
    return cells


def _pack_states(states: Mapping[str, Cells], devices: Mapping[DeviceId, int]) -> list[Any]:
    return [
        (name, _pack_cells(state.live, devices), _pack_refs(state.absent)) for name, state in sorted(states.items())
    ]


def _unpack_states(kind: type[_C], packed: Any, devices: list[DeviceId]) -> dict[str, _C]:
    _require(type(packed) is list)
    states: dict[str, _C] = {}
    for name, flat, absent in packed:
        _require(type(name) is str)
        states[name] = kind(_unpack_cells(flat, devices), _unpack_refs(absent))
    return states


def _pairs(packed: Any) -> Iterator[tuple[str, bytes]]:
    _require(type(packed) is list)
    for name, total in packed:
        _require(type(name) is str and type(total) is bytes)
        yield name, total


def _pack_refs(refs: Iterable[Ref]) -> bytes:
    return b"".join(sorted(refs))


def _unpack_refs(packed: Any) -> set[Ref]:
    return {Ref(ref) for ref in _split(packed, REF_BYTES)}


def _split(packed: Any, size: int) -> list[bytes]:
    _require(type(packed) is bytes and len(packed) % size == 0)
    return [packed[at : at + size] for at in range(0, len(packed), size)]


def _pack_total(total: int) -> bytes:
    return total.to_bytes((total.bit_length() + 8) // 8, "big", signed=True)


def _unpack_total(packed: bytes) -> int:
    return int.from_bytes(packed, "big", signed=True)


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError
