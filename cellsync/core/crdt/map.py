"""Map: a register per key. A put replaces the values of its key that its author had seen; a delete removes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from cellsync.core.crdt import live
from cellsync.core.crdt.cells import Canonical, Cells, Groups, LiveValue, newest_first
from cellsync.core.crdt.rest import require
from cellsync.core.crdt.row import Act, Contested, CrdtType, FieldPart, FieldType, Holds, Pen
from cellsync.core.ids import DeviceId
from cellsync.core.packed import Packed, packed
from cellsync.core.wire import codec
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op

_PAIR: Final = 0x92  # how an array of two begins


class MapKey(NamedTuple):
    """One key, and the live cells under it, newest first; the cells hold the value without the key."""

    key: Any
    cells: list[LiveValue]


class Keys(Mapping[bytes, MapKey]):
    """The keys of a map by their canonical bytes, ascending. Each is built when it is read."""

    __slots__ = ("_groups",)

    def __init__(self, groups: Groups) -> None:
        self._groups = groups

    def __getitem__(self, name: bytes) -> MapKey:
        cells = self._groups[name]
        return MapKey(cells[0].value[0], [cell._replace(resting=packed(cell.value[1])) for cell in cells])

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._groups)

    def __len__(self) -> int:
        return len(self._groups)


class MapState(Cells):
    """Live puts of one map. The value of each cell is a pair: [key, value]."""

    __slots__ = ()

    def keys(self, canonical: Canonical) -> Keys:
        """Each key with a live value."""
        return Keys(Groups((canonical(cell.value[0]), cell) for cell in newest_first(self.live.values())))

    def contested(self, canonical: Canonical) -> Iterator[MapKey]:
        """The keys with more than one live value. Very few have, so they are first counted by hash."""
        seen: set[int] = set()
        again: set[int] = set()
        for cell in self.live.values():
            name = hash(canonical(cell.value[0]))
            (again if name in seen else seen).add(name)
        if again:
            named = ((canonical(cell.value[0]), cell) for cell in newest_first(self.live.values()))
            keys = Keys(Groups((name, cell) for name, cell in named if hash(name) in again))
            yield from (key for key in keys.values() if len(key.cells) > 1)


def _is_pair(cell: LiveValue, detail: Any) -> bool:
    return type(cell.resting) is Packed and cell.resting[0] == _PAIR


def _unpack(packed: Sequence[Any], devices: list[DeviceId]) -> Any:
    state = _REST.unpack(packed, devices)
    for cell in state.live.values():
        plain = cell.value
        require(type(plain) is list and len(plain) == 2)
    return state


def _parts(state: MapState) -> Iterator[FieldPart]:
    return (FieldPart(key, cells[0].resting, cells) for key, cells in state.keys(codec.encode).values())


def _contested(state: MapState) -> Iterator[Contested]:
    return (Contested(key, cells) for key, cells in state.contested(codec.encode))


def _puts(state: MapState | None, key: Any) -> list[LiveValue]:
    wanted = codec.encode(key)
    return [] if state is None else [cell for cell in state.live.values() if codec.encode(cell.value[0]) == wanted]


def _put(pen: Pen, key: Any, value: Any) -> None:
    cells = _puts(pen.state, key)
    if not live.stands_alone(cells, [key, value]):
        pen.replace(Op.PUT, cells, [key, value])


def _delete(pen: Pen, key: Any) -> None:
    pen.remove(Op.DELETE, _puts(pen.state, key))


def _meanwhile(state: MapState, done: list[Operation], device: DeviceId) -> list[Operation]:
    return [live.naming(act, _puts(state, act.value[0]), device) if act.tag == Op.PUT else act for act in done]


_REST: Final = live.rest(MapState)
ROW: Final = CrdtType(
    name=FieldType.MAP,
    holds=Holds.KEYS,
    acts={int(Op.PUT): Act("put", live.write, _is_pair), int(Op.DELETE): Act("delete", live.remove)},
    state=MapState,
    digest=live.digest,
    weight=live.weight,
    rest=_REST._replace(unpack=_unpack),
    shows=live.lives,
    parts=_parts,
    contested=_contested,
    edits={"put": _put, "delete": _delete},
    meanwhile=_meanwhile,
)
