"""Snapshots: a case's state at rest, so that opening a case folds only later entries.

    snapshot = canonical
               [FORMAT, devices, counted, creates, registers, sets, maps, counters, logs, sought refs,
                ill-typed refs, unknown refs]
    counted  = by number of the device, how many operations it has written
    creates  = cells whose value is [kind, version]
    registers, sets, maps = [[name, cells, absent refs], …]       counters = [[name, total], …]
    logs     = [[name, cells of named appends, their sources, corrections, retractions], …]
               of each correction and retraction: cells, and the refs that they name
    cells    = [ref, device's number, clock, height, value, …]    flat; a value is its own canonical bytes
    (the part between creates and the refs is the table of types, row by row: a new type adds its own)
    refs     = concatenated, 10 bytes each                        total = signed big-endian bytes, the fewest

Everything is sorted, so one state has one snapshot. It is a local cache, never sent: a damaged snapshot, or one of
another format, is discarded and the case folded again.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from cellsync.core.crdt.cells import LiveValue
from cellsync.core.crdt.rest import pack_cells, pack_refs, require, split, unpack_cells, unpack_refs
from cellsync.core.crdt.row import Rest
from cellsync.core.crdt.types import TYPES
from cellsync.core.errors import CapExceeded, Malformed, VaultDamaged
from cellsync.core.ids import ID_BYTES, DeviceId, Ref
from cellsync.core.rule import Rule
from cellsync.core.wire import codec

FORMAT: Final = 3


class Parts(NamedTuple):
    """A case's state without the items of its logs."""

    counted: dict[DeviceId, int]
    creates: dict[Ref, LiveValue]
    fields: dict[str, dict[str, Any]]  # by type and name
    sought: set[Ref]
    ill_typed: set[Ref]
    unknown: set[Ref]


def encode(parts: Parts) -> bytes:
    devices: dict[DeviceId, int] = {}
    kept = [(row.name, row.rest, parts.fields.get(row.name, {})) for row in TYPES.values()]
    cells = [cell for _, rest, states in kept for state in states.values() for cell in rest.cells(state)]
    for device in sorted({cell.device for cell in (*cells, *parts.creates.values())} | parts.counted.keys()):
        devices[device] = len(devices)
    fields = {name: [(field, *rest.pack(state, devices)) for field, state in sorted(states.items())]
              for name, rest, states in kept}  # fmt: skip
    return codec.encode(
        (
            FORMAT,
            b"".join(devices),
            [parts.counted.get(device, 0) for device in devices],
            pack_cells(parts.creates, devices),
            *fields.values(),
            pack_refs(parts.sought),
            pack_refs(parts.ill_typed),
            pack_refs(parts.unknown),
        )
    )


def decode(raw: bytes) -> Parts:
    """Raises VaultDamaged for anything that `encode` does not make."""
    try:
        return _decode(codec.decode(raw, len(raw), Rule.CAP_KEPT))
    except (Malformed, CapExceeded, ValueError, TypeError, IndexError, OverflowError):
        raise VaultDamaged(
            "a case's snapshot cannot be read", hint="Nothing is lost: the case is folded anew."
        ) from None


def _decode(top: Any) -> Parts:
    kept = [(row.name, row.rest) for row in TYPES.values()]
    require(type(top) is list and len(top) == 7 + len(kept) and top[0] == FORMAT)
    _, packed, counted, creates, *fields, sought, ill_typed, unknown = top
    devices = [DeviceId(device) for device in split(packed, ID_BYTES)]
    require(type(counted) is list and all(type(count) is int and count >= 0 for count in counted))
    created = unpack_cells(creates, devices)
    for cell in created.values():
        require(type(cell.value) is list and list(map(type, cell.value)) == [str, int])
    return Parts(
        {device: count for device, count in zip(devices, counted, strict=True) if count},
        {ref: cell._replace(resting=tuple(cell.value)) for ref, cell in created.items()},
        {name: _unpack_fields(rest, rows, devices) for (name, rest), rows in zip(kept, fields, strict=True)},
        unpack_refs(sought),
        unpack_refs(ill_typed),
        unpack_refs(unknown),
    )


def _unpack_fields(rest: Rest, rows: Any, devices: list[DeviceId]) -> dict[str, Any]:
    require(type(rows) is list)
    states: dict[str, Any] = {}
    for name, *packed in rows:
        require(type(name) is str)
        states[name] = rest.unpack(packed, devices)
    return states
