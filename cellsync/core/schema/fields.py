"""Fields: the building blocks of a schema.

    Register[T]   reads T, assigned on a draft          Counter     reads an int with `increment`
    Set[T]        a set with `add`, `discard`           Map[K, V]   a mapping that a draft can change
    Log[T]        a sequence of T with `append`, `correct`, `retract`; `.items` tells who said what, and when

There is one for each thing a field can hold (`crdt/row.Holds`). A field of another CRDT type that holds the same is a
subclass that names the type: `class Highest(Register[T]): crdt = "highest"`.

An unwritten register reads as its default, or as the empty value of its type (a type without one needs a default). So
reading never fails, and never yields a value outside the declared type.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NamedTuple, Never, TypeVar, cast, overload

from cellsync.core.case.draft import Draft
from cellsync.core.case.fold import CaseState
from cellsync.core.crdt.cells import rank
from cellsync.core.crdt.row import FieldType, Holds
from cellsync.core.crdt.types import TYPES
from cellsync.core.schema.host import Bound, draft_of
from cellsync.core.schema.values import NOTHING, Misfit, ValueType, fits, store, value_type
from cellsync.core.schema.views import Count, LogView, MapView, SetView, items_of

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class Sensitivity(StrEnum):
    """The compartment of a field: who needs it, and in which exports it may leave (default: the case's core)."""

    C0 = "C0"  # publishable facts
    C1 = "C1"  # case core
    C2 = "C2"  # legal, privileged
    C3 = "C3"  # medical, psychological
    C4 = "C4"  # helpers, donors, couriers, payments
    C5 = "C5"  # evacuation route and place
    C6 = "C6"  # roster and devices


class Field:
    """One field of a schema."""

    crdt: ClassVar[str]

    def __init__(self, *, sensitivity: Sensitivity = Sensitivity.C1) -> None:
        self.name = ""
        self.sensitivity = sensitivity
        self.kinds: tuple[ValueType, ...] = ()

    def bind(self, name: str, arguments: tuple[Any, ...]) -> None:
        """Called once, with the field's name and its type arguments. Raises TypeError."""
        self.name = name
        self.kinds = tuple(value_type(argument) for argument in arguments)

    def describe(self) -> dict[str, Any]:
        described: dict[str, Any] = {"type": str(self.crdt), "sensitivity": self.sensitivity.value}
        if self.kinds:
            described["values"] = [kind.description for kind in self.kinds]
        return described

    def misfits(self, state: CaseState) -> list[Any]:
        """Stored values, plain, that do not fit this field's type."""
        return [value for value in self._stored(state) if not fits(self.kinds[0], value)]

    def _stored(self, state: CaseState) -> Iterator[Any]:
        for part in state.parts(self.crdt, self.name):
            yield from part.values()


class Register(Field, Generic[T]):
    """One value. `title: Register[str]` has to be given when a case is created; `field(default=…)` need not."""

    crdt: ClassVar[str] = FieldType.REGISTER

    def __init__(self, *, default: Any = NOTHING, sensitivity: Sensitivity = Sensitivity.C1) -> None:
        super().__init__(sensitivity=sensitivity)
        self.default = default
        self.required = default is NOTHING

    @overload
    def __get__(self, case: None, owner: type[Any]) -> Register[T]: ...
    @overload
    def __get__(self, case: Bound, owner: type[Any]) -> T: ...
    def __get__(self, case: Bound | None, owner: type[Any]) -> Any:
        return self if case is None else self.read(case._state)

    def __set__(self, case: Bound, value: T) -> None:
        self.write(draft_of(case), value)

    def bind(self, name: str, arguments: tuple[Any, ...]) -> None:
        super().bind(name, arguments)
        [kind] = self.kinds
        if self.default is NOTHING:
            self.default = kind.empty
        if self.default is NOTHING:
            raise TypeError(f"{name}: what does it read before it is written? Add field(default=…), or use `| None`")
        store(kind, name, self.default)

    def describe(self) -> dict[str, Any]:
        return super().describe() | ({"required": True} if self.required else {})

    def read(self, state: CaseState) -> T:
        """The displayed value; if it does not fit the type, the first that does; else the default."""
        for value in self._stored(state):
            try:
                return cast(T, self.kinds[0].decode(value))
            except Misfit:
                continue
        return cast(T, self.default)

    def write(self, draft: Draft, value: Any) -> None:
        draft.edit(self.crdt, "set", self.name, store(self.kinds[0], self.name, value))


class _Viewed(Field):
    """A field that is read and changed through a view."""

    instead: ClassVar[str]  # how to change it on a draft

    if not TYPE_CHECKING:

        def __set__(self, case: Bound, value: object) -> None:
            raise AttributeError(f"{self.name!r} is a {self.crdt}, which is not assigned: {self.instead}")


class Set(_Viewed, Generic[T]):
    """A set of values; adding wins over removing at the same time."""

    crdt: ClassVar[str] = FieldType.SET
    instead = "use add(element) and discard(element)"

    @overload
    def __get__(self, case: None, owner: type[Any]) -> Set[T]: ...
    @overload
    def __get__(self, case: Bound, owner: type[Any]) -> SetView[T]: ...
    def __get__(self, case: Bound | None, owner: type[Any]) -> Any:
        return self if case is None else SetView(case, self.name, self.kinds[0], self.crdt)

    if TYPE_CHECKING:

        def __set__(self, case: Bound, value: Never) -> None: ...

    def _stored(self, state: CaseState) -> Iterator[Any]:
        return (part.value for part in state.parts(self.crdt, self.name))


class Map(_Viewed, Generic[K, V]):
    """Values by key; each key is a register of its own."""

    crdt: ClassVar[str] = FieldType.MAP
    instead = "assign its keys, field[key] = value"

    @overload
    def __get__(self, case: None, owner: type[Any]) -> Map[K, V]: ...
    @overload
    def __get__(self, case: Bound, owner: type[Any]) -> MapView[K, V]: ...
    def __get__(self, case: Bound | None, owner: type[Any]) -> Any:
        return self if case is None else MapView(case, self.name, self.kinds[0], self.kinds[1], self.crdt)

    if TYPE_CHECKING:

        def __set__(self, case: Bound, value: Never) -> None: ...

    def misfits(self, state: CaseState) -> list[Any]:
        """Pairs of a key and its value, the newest first."""
        found = [
            (rank(cell), [part.key, cell.value])
            for part in state.parts(self.crdt, self.name)
            for cell in part.cells
            if not (fits(self.kinds[0], part.key) and fits(self.kinds[1], cell.value))
        ]
        return [pair for _, pair in sorted(found, key=lambda place: place[0], reverse=True)]


class Counter(_Viewed):
    """A number that several people change at the same time without undoing one another."""

    crdt: ClassVar[str] = FieldType.COUNTER
    instead = "use increment(step)"

    @overload
    def __get__(self, case: None, owner: type[Any]) -> Counter: ...
    @overload
    def __get__(self, case: Bound, owner: type[Any]) -> Count: ...
    def __get__(self, case: Bound | None, owner: type[Any]) -> Any:
        return self if case is None else Count.of(case, self.name, self.crdt)

    if TYPE_CHECKING:

        def __set__(self, case: Bound, value: Never) -> None: ...

    def misfits(self, state: CaseState) -> list[Any]:
        return []  # a sum fits


class Log(_Viewed, Generic[T]):
    """An append-only list."""

    crdt: ClassVar[str] = FieldType.LOG
    instead = "use append(item), correct(item, value) and retract(item)"

    @overload
    def __get__(self, case: None, owner: type[Any]) -> Log[T]: ...
    @overload
    def __get__(self, case: Bound, owner: type[Any]) -> LogView[T]: ...
    def __get__(self, case: Bound | None, owner: type[Any]) -> Any:
        return self if case is None else LogView(case, self.name, self.kinds[0], self.crdt)

    if TYPE_CHECKING:

        def __set__(self, case: Bound, value: Never) -> None: ...

    def _stored(self, state: CaseState) -> Iterator[Any]:
        return (cell.value for item in items_of(state, self.crdt, self.name) for cell in item.versions)


def holds_of(own: Field) -> Holds:
    """What a field contains, whatever its type."""
    return TYPES[own.crdt].holds


@overload
def field(*, default: T, sensitivity: Sensitivity = Sensitivity.C1) -> Register[T]: ...
@overload
def field(*, sensitivity: Sensitivity = Sensitivity.C1) -> Any: ...
def field(*, default: Any = NOTHING, sensitivity: Sensitivity = Sensitivity.C1) -> Any:
    """A register with a default (then it need not be given when a case is created) or a compartment."""
    return Register(default=default, sensitivity=sensitivity)


class Empty(NamedTuple):
    """The placeholder that `empty()` leaves in the class body, until the schema knows the field's type."""

    sensitivity: Sensitivity


def empty(*, sensitivity: Sensitivity = Sensitivity.C1, init: Literal[False] = False) -> Any:
    """A set, map, counter or log: it starts empty, so it is never given when a case is created."""
    return Empty(sensitivity)
