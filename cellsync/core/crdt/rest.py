"""How cells, refs and sums are stored in a snapshot; `case/snapshot` gives the format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cellsync.core import caps
from cellsync.core.crdt.cells import LiveValue
from cellsync.core.ids import REF_BYTES, DeviceId, Millis, Ref
from cellsync.core.packed import packed
from cellsync.core.rule import Rule
from cellsync.core.wire import codec


def pack_cells(cells: Mapping[Ref, LiveValue], devices: Mapping[DeviceId, int]) -> list[Any]:
    flat: list[Any] = []
    for ref, cell in sorted(cells.items()):
        flat += (ref, devices[cell.device], cell.clock, cell.height, cell.canonical(codec.encode))
    return flat


def unpack_cells(flat: Any, devices: list[DeviceId]) -> dict[Ref, LiveValue]:
    require(isinstance(flat, list) and len(flat) % 5 == 0)
    cells: dict[Ref, LiveValue] = {}
    for at in range(0, len(flat), 5):
        ref, device, clock, height, value = flat[at : at + 5]
        require([type(part) for part in (ref, device, clock, height, value)] == [bytes, int, int, int, bytes])
        require(len(ref) == REF_BYTES and device >= 0)
        plain = codec.decode(value, caps.ENTRY, Rule.CAP_ENTRY)
        cells[Ref(ref)] = LiveValue(packed(plain), devices[device], Millis(clock), height, Ref(ref))
    return cells


def pack_refs(refs: Iterable[Ref]) -> bytes:
    return b"".join(sorted(refs))


def unpack_refs(packed: Any) -> set[Ref]:
    return {Ref(ref) for ref in split(packed, REF_BYTES)}


def split(packed: Any, size: int) -> list[bytes]:
    require(type(packed) is bytes and len(packed) % size == 0)
    return [packed[at : at + size] for at in range(0, len(packed), size)]


def pack_total(total: int) -> bytes:
    return total.to_bytes((total.bit_length() + 8) // 8, "big", signed=True)


def unpack_total(packed: Any) -> int:
    require(type(packed) is bytes)
    return int.from_bytes(packed, "big", signed=True)


def require(holds: bool) -> None:
    if not holds:
        raise ValueError
