"""Views: how the fields of a case are read and, on a draft, written.

Reading never fails: a stored value that does not fit the field's type is left out (`case.extra` shows it). Writing
outside `async with case.edit()` raises ReadOnly; a value that does not fit raises InvalidValue, naming the field.

There is one view for each thing a field can hold (`crdt/row.Holds`), shared by all types that hold it; `view` finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar, overload

from cellsync.core.case.fold import CaseState
from cellsync.core.crdt import log as crdt_log
from cellsync.core.crdt.cells import LiveValue
from cellsync.core.crdt.row import FieldType, Holds
from cellsync.core.crdt.types import TYPES
from cellsync.core.ids import DeviceId, Ref
from cellsync.core.schema.host import Bound, draft_of
from cellsync.core.schema.values import PLAIN, Misfit, ValueType, fits, moment, store, value_type

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
K = TypeVar("K")
V = TypeVar("V")


class Value(NamedTuple, Generic[T_co]):
    """One value, with its author and time."""

    value: T_co
    author: str  # the name of the member, as the cell shows it
    at: datetime  # by their device's clock, UTC; a claim
    device: DeviceId
    id: Ref

    def __repr__(self) -> str:
        return f"<value {self.id.hex()}>"  # no content


class Item(NamedTuple, Generic[T_co]):
    """One item of a log."""

    value: T_co  # its current value
    author: str  # who appended it
    at: datetime  # by their device's clock, UTC; a claim
    device: DeviceId
    id: Ref
    versions: tuple[Value[T_co], ...]  # all values it has had, oldest first
    current: tuple[Value[T_co], ...]  # more than one: concurrent corrections
    retracted: bool
    reason: str  # of the retraction, if one was given

    def __repr__(self) -> str:
        return f"<item {self.id.hex()}>"  # no content

    @property
    def corrected(self) -> bool:
        """Whether its value differs from the first one by a correction."""
        return self.current[0].id != self.id


def value_of(case: Bound, kind: ValueType, cell: LiveValue) -> Value[Any]:
    """Raises Misfit."""
    author = case._host.name_of(cell.device)
    return Value(kind.decode(cell.value), author, moment(cell.clock), cell.device, cell.ref)


class SetView(AbstractSet[T]):
    """The elements of a set field, in the same order on every device."""

    def __init__(self, case: Bound, name: str, kind: ValueType = PLAIN, crdt: str = FieldType.SET) -> None:
        self._case, self._name, self._kind, self._crdt = case, name, kind, crdt

    def __iter__(self) -> Iterator[T]:
        for part in self._case._state.parts(self._crdt, self._name):
            try:
                element = self._kind.decode(part.value)
            except Misfit:
                continue
            yield element

    def __contains__(self, element: object) -> bool:
        return any(held == element for held in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<set {self._name!r}, {len(self)} elements>"

    @classmethod
    def _from_iterable(cls, elements: Iterable[Any]) -> frozenset[Any]:
        return frozenset(elements)

    def add(self, element: T) -> None:
        draft_of(self._case).edit(self._crdt, "add", self._name, store(self._kind, self._name, element))

    def discard(self, element: T) -> None:
        draft_of(self._case).edit(self._crdt, "discard", self._name, store(self._kind, self._name, element))


class MapView(MutableMapping[K, V]):
    """The keys and displayed values of a map field, in the same order on every device."""

    def __init__(
        self, case: Bound, name: str, key: ValueType = PLAIN, value: ValueType = PLAIN, crdt: str = FieldType.MAP
    ) -> None:
        self._case, self._name, self._key, self._value, self._crdt = case, name, key, value, crdt

    def _pairs(self) -> Iterator[tuple[K, V]]:
        for part in self._case._state.parts(self._crdt, self._name):
            for value in part.values():
                try:
                    pair = self._key.decode(part.key), self._value.decode(value)
                except Misfit:
                    continue
                yield pair
                break

    def __iter__(self) -> Iterator[K]:
        return (key for key, _ in self._pairs())

    def __len__(self) -> int:
        return sum(1 for _ in self._pairs())

    def __getitem__(self, key: K) -> V:
        for held, value in self._pairs():
            if held == key:
                return value
        raise KeyError("this map has no such key")  # without the key: it is content

    def __setitem__(self, key: K, value: V) -> None:
        plain = store(self._key, self._name, key), store(self._value, self._name, value)
        draft_of(self._case).edit(self._crdt, "put", self._name, *plain)

    def __delitem__(self, key: K) -> None:
        draft = draft_of(self._case)
        if key not in self:
            raise KeyError("this map has no such key")
        draft.edit(self._crdt, "delete", self._name, store(self._key, self._name, key))

    def __repr__(self) -> str:
        return f"<map {self._name!r}, {len(self)} keys>"


class Count(int):
    """The sum of a counter field."""

    _case: Bound
    _name: str
    _crdt: str

    @classmethod
    def of(cls, case: Bound, name: str, crdt: str = FieldType.COUNTER) -> Count:
        count = cls(next((part.value for part in case._state.parts(crdt, name)), 0))
        count._case, count._name, count._crdt = case, name, crdt
        return count

    def increment(self, step: int = 1) -> None:
        """Add to the sum (`step` may be negative). Read the field again to see the new one."""
        draft_of(self._case).edit(self._crdt, "count", self._name, store(STEP, self._name, step))


class LogView(Sequence[T]):
    """The current values of a log: its items in order, with corrections, without the retracted ones."""

    def __init__(self, case: Bound, name: str, kind: ValueType = PLAIN, crdt: str = FieldType.LOG) -> None:
        self._case, self._name, self._kind, self._crdt = case, name, kind, crdt
        self._read: list[Item[T]] | None = None

    @property
    def items(self) -> Sequence[Item[T]]:
        """Every item that is not retracted, with author, time and history."""
        return [item for item in self.all if not item.retracted]

    @property
    def all(self) -> Sequence[Item[T]]:
        """Every item, including retracted ones."""
        if self._read is None:
            found = [self.item(item) for item in items_of(self._case._state, self._crdt, self._name)]
            self._read = [item for item in found if item is not None]
        return self._read

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return [item.value for item in self.items][index]

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"<log {self._name!r}, {len(self)} items>"

    def append(self, item: T, *, source: bytes | None = None) -> None:
        """Append. `source`: a 16-byte key of an imported line, so that importing it again adds nothing."""
        draft_of(self._case).edit(self._crdt, "append", self._name, store(self._kind, self._name, item), source)
        self._read = None

    def correct(self, item: Item[T], value: T) -> None:
        """Correct an item; its earlier versions stay readable. Raises NotFound."""
        draft_of(self._case).edit(self._crdt, "correct", self._name, item.id, store(self._kind, self._name, value))
        self._read = None

    def retract(self, item: Item[T], reason: str | None = None) -> None:
        """Hide an item; it stays readable in `all`. Raises NotFound."""
        plain = None if reason is None else store(_REASON, self._name, reason)
        draft_of(self._case).edit(self._crdt, "retract", self._name, item.id, plain)
        self._read = None

    def item(self, item: crdt_log.LogItem) -> Item[T] | None:
        """One item as this view reads it; None if nothing of it fits the field's type."""
        current = self._fitting(item.current)
        if not current:
            return None
        # Of most items nothing else was ever said: current values come newest first, versions oldest first.
        versions = current[::-1] if len(item.current) == len(item.versions) else self._fitting(item.versions)
        reasons = [cell.value for cell in item.retractions if type(cell.value) is str]
        # A correction is shown under who appended the item; of several appends, each is its author's own.
        said = value_of(self._case, PLAIN, item.first) if item.corrected else current[0]
        return Item(
            current[0].value,
            said.author,
            said.at,
            said.device,
            said.id,
            versions,
            current,
            bool(item.retractions),
            reasons[0] if reasons else "",
        )

    def _fitting(self, cells: Iterable[LiveValue]) -> tuple[Value[T], ...]:
        return tuple(value_of(self._case, self._kind, cell) for cell in cells if fits(self._kind, cell.value))


def items_of(state: CaseState, crdt: str, name: str) -> Sequence[crdt_log.LogItem]:
    """Every item of a field that holds items, including retracted ones."""
    held = state.table(TYPES[crdt]).get(name)
    items: Sequence[crdt_log.LogItem] = () if held is None else held.items()
    return items


def view(case: Bound, name: str, crdt: str, kinds: Sequence[ValueType] = ()) -> Any:
    """The view of a field of this type; None if it holds one value, which is assigned instead.

    `kinds`: its value types as declared in a schema; else plain values.
    """
    first, last = (kinds[0], kinds[-1]) if kinds else (PLAIN, PLAIN)
    match TYPES[crdt].holds:
        case Holds.VALUE:
            return None
        case Holds.ELEMENTS:
            return SetView[Any](case, name, first, crdt)
        case Holds.KEYS:
            return MapView[Any, Any](case, name, first, last, crdt)
        case Holds.SUM:
            return Count.of(case, name, crdt)
        case Holds.ITEMS:
            return LogView[Any](case, name, first, crdt)


_REASON = value_type(str)
STEP = value_type(int)
