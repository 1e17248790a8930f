"""Fields: what a schema is declared with.

    Register[T]   reads T, assigned on a draft          Counter     reads an int with `increment`
    Set[T]        a set with `add`, `discard`           Map[K, V]   a mapping that a draft can change
    Log[T]        a sequence of T with `append`, `correct`, `retract`; `.items` tells who said what, and when

Where nothing was written a register reads its default, or the empty value of its type (a type that has none needs
a default). So reading never fails and never gives a value outside the declared type.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NamedTuple, Never, TypeVar, cast, overload

from cellsync.core.case.draft import Draft
from cellsync.core.case.fold import CANONICAL, CaseState
from cellsync.core.crdt.cells import newest_first
from cellsync.core.crdt.types import FieldType
from cellsync.core.schema.host import Bound, draft_of
from cellsync.core.schema.values import NOTHING, Misfit, ValueType, fits, store, value_type
from cellsync.core.schema.views import Count, LogView, MapView, SetView

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class Sensitivity(StrEnum):
    """The compartment of a field: who needs it, and with what it may leave (default: the case's core)."""

    C0 = "C0"  # publishable facts
    C1 = "C1"  # case core
    C2 = "C2"  # legal, privileged
    C3 = "C3"  # medical, psychological
    C4 = "C4"  # helpers, donors, couriers, payments
    C5 = "C5"  # evacuation route and place
    C6 = "C6"  # roster and devices


class Field:
    """One field of a schema."""

    crdt: ClassVar[FieldType]

    def __init__(self, *, sensitivity: Sensitivity = Sensitivity.C1) -> None:
        self.name = ""
        self.sensitivity = sensitivity
        self.kinds: tuple[ValueType, ...] = ()

    def bind(self, name: str, arguments: tuple[Any, ...]) -> None:
        """Called once, with the field's name and its type arguments. Raises TypeError."""
        self.name = name
        self.kinds = tuple(value_type(one) for one in arguments)

    def describe(self) -> dict[str, Any]:
        described: dict[str, Any] = {"type": self.crdt.value, "sensitivity": self.sensitivity.value}
        if self.kinds:
            described["values"] = [kind.description for kind in self.kinds]
        return described

    def misfits(self, state: CaseState) -> list[Any]:
        """Stored values, plain, that do not fit this field's type."""
        return []


class Register(Field, Generic[T]):
    """One value. `title: Register[str]` has to be given when a case is created; `field(default=…)` need not."""

    crdt = FieldType.REGISTER

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
        """The displayed value; if that does not fit the type, the first that does; else the default."""
        register = state.registers.get(self.name)
        if register is not None:
            for cell in newest_first(register.live.values()):
                try:
                    return cast(T, self.kinds[0].decode(cell.value))
                except Misfit:
                    continue
        return cast(T, self.default)

    def write(self, draft: Draft, value: Any) -> None:
        draft.set(self.name, store(self.kinds[0], self.name, value))

    def misfits(self, state: CaseState) -> list[Any]:
        register = state.registers.get(self.name)
        cells = [] if register is None else newest_first(register.live.values())
        return [cell.value for cell in cells if not fits(self.kinds[0], cell.value)]


class _Viewed(Field):
    """A field that reads as a view, and is changed through it."""

    instead: ClassVar[str]  # what to do on a draft

    if not TYPE_CHECKING:

        def __set__(self, case: Bound, value: object) -> None:
            raise AttributeError(f"{self.name!r} is a {self.crdt.value}, which is not assigned: {self.instead}")


class Set(_Viewed, Generic[T]):
    """A set of values; adding wins over removing at the same time."""

    crdt = FieldType.SET
    instead = "use add(element) and discard(element)"

    @overload
    def __get__(self, case: None, owner: type[Any]) -> Set[T]: ...
    @overload
    def __get__(self, case: Bound, owner: type[Any]) -> SetView[T]: ...
    def __get__(self, case: Bound | None, owner: type[Any]) -> Any:
        return self if case is None else SetView(case, self.name, self.kinds[0])

    if TYPE_CHECKING:

        def __set__(self, case: Bound, value: Never) -> None: ...

    def misfits(self, state: CaseState) -> list[Any]:
        members = state.sets.get(self.name)
        plain = [] if members is None else [cells[0].value for cells in members.elements(CANONICAL).values()]
        return [one for one in plain if not fits(self.kinds[0], one)]


class Map(_Viewed, Generic[K, V]):
    """Values by key; each key is a register of its own."""

    crdt = FieldType.MAP
    instead = "assign its keys, field[key] = value"

    @overload
    def __get__(self, case: None, owner: type[Any]) -> Map[K, V]: ...
    @overload
    def __get__(self, case: Bound, owner: type[Any]) -> MapView[K, V]: ...
    def __get__(self, case: Bound | None, owner: type[Any]) -> Any:
        return self if case is None else MapView(case, self.name, self.kinds[0], self.kinds[1])

    if TYPE_CHECKING:

        def __set__(self, case: Bound, value: Never) -> None: ...

    def misfits(self, state: CaseState) -> list[Any]:
        mapping = state.maps.get(self.name)
        plain = [] if mapping is None else [cell.value for cell in newest_first(mapping.live.values())]
        return [one for one in plain if not (fits(self.kinds[0], one[0]) and fits(self.kinds[1], one[1]))]


class Counter(_Viewed):
    """A number that several people change at the same time without undoing one another."""

    crdt = FieldType.COUNTER
    instead = "use increment(step)"

    @overload
    def __get__(self, case: None, owner: type[Any]) -> Counter: ...
    @overload
    def __get__(self, case: Bound, owner: type[Any]) -> Count: ...
    def __get__(self, case: Bound | None, owner: type[Any]) -> Any:
        return self if case is None else Count.of(case, self.name)

    if TYPE_CHECKING:

        def __set__(self, case: Bound, value: Never) -> None: ...


class Log(_Viewed, Generic[T]):
    """An append-only list."""

    crdt = FieldType.LOG
    instead = "use append(item), correct(item, value) and retract(item)"

    @overload
    def __get__(self, case: None, owner: type[Any]) -> Log[T]: ...
    @overload
    def __get__(self, case: Bound, owner: type[Any]) -> LogView[T]: ...
    def __get__(self, case: Bound | None, owner: type[Any]) -> Any:
        return self if case is None else LogView(case, self.name, self.kinds[0])

    if TYPE_CHECKING:

        def __set__(self, case: Bound, value: Never) -> None: ...

    def misfits(self, state: CaseState) -> list[Any]:
        log = state.logs.get(self.name)
        plain = [] if log is None else [cell.value for item in log.items() for cell in item.versions]
        return [one for one in plain if not fits(self.kinds[0], one)]


@overload
def field(*, default: T, sensitivity: Sensitivity = Sensitivity.C1) -> Register[T]: ...
@overload
def field(*, sensitivity: Sensitivity = Sensitivity.C1) -> Any: ...
def field(*, default: Any = NOTHING, sensitivity: Sensitivity = Sensitivity.C1) -> Any:
    """A register with a default (then it need not be given when a case is created) or a compartment."""
    return Register(default=default, sensitivity=sensitivity)


class Empty(NamedTuple):
    """What `empty()` leaves in the class body, until the schema knows the field's type."""

    sensitivity: Sensitivity


def empty(*, sensitivity: Sensitivity = Sensitivity.C1, init: Literal[False] = False) -> Any:
    """A set, map, counter or log: it starts empty, so it is never given when a case is created."""
    return Empty(sensitivity)
