"""The row of one field type in the table of types (`types`): everything that sets it apart from the others.

The floors above know types only by their rows. Two notions make that possible, since types are many and these are few:

    Verb     what an operation does to a field: requested by edits, reported by changes and histories
    Holds    what a field contains: enough to show and write it without knowing its type

A row is complete if it folds each of its operations, shows its contents part by part, and has an edit for each verb
of what it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum, StrEnum
from typing import Any, Final, Literal, NamedTuple, Protocol

from cellsync.core.crdt.cells import LiveValue
from cellsync.core.ids import DeviceId, Ref
from cellsync.core.packed import plain
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op


class FieldType(StrEnum):
    """The types that code refers to by name."""

    REGISTER = "register"
    SET = "set"
    MAP = "map"
    COUNTER = "counter"
    LOG = "log"


Verb = Literal["set", "add", "discard", "put", "delete", "count", "append", "correct", "retract"]
REMOVES: Final[frozenset[Verb]] = frozenset({"discard", "delete", "retract"})
"""Verbs of operations that remove what their refs name."""


class Holds(Enum):
    """What a field contains, and the verbs that write it."""

    VALUE = ("set",)  # one; several, if people wrote at the same time
    ELEMENTS = ("add", "discard")
    KEYS = ("put", "delete")  # a value for each
    ITEMS = ("append", "correct", "retract")  # each is named by a Ref
    SUM = ("count",)

    @property
    def verbs(self) -> tuple[Verb, ...]:
        verbs: tuple[Verb, ...] = self.value
        return verbs


class Act(NamedTuple):
    """One operation of a type."""

    verb: Verb
    fold: Callable[[Any, LiveValue, Any], None]  # the field's state, the value written, the detail: all well typed
    fits: Callable[[LiveValue, Any], bool] | None = None  # whether value and detail are well typed; None: always


class FieldPart(NamedTuple):
    """One part of a field: its value, an element, the value of a key, an item, the sum."""

    key: Any  # the plain key, or the Ref of an item, or None
    resting: Any  # the displayed value
    cells: Sequence[
        LiveValue
    ]  # what stands here, the displayed one first; none of what nobody has written as it stands
    before: Sequence[LiveValue] = ()  # earlier versions of an item, oldest first

    @property
    def value(self) -> Any:
        return plain(self.resting)

    def values(self) -> Iterator[Any]:
        """All its values in plain form, the displayed one first."""
        if self.cells:
            return (cell.value for cell in self.cells)
        return iter((self.value,))


class Contested(NamedTuple):
    """Values that may contradict one another, newest first. `key`: as in `FieldPart`."""

    key: Any
    cells: Sequence[LiveValue]


class Rest(NamedTuple):
    """How the state of a field is stored in a snapshot, beside its name."""

    cells: Callable[[Any], Iterable[LiveValue]]  # the snapshot numbers their devices
    pack: Callable[[Any, Mapping[DeviceId, int]], tuple[Any, ...]]
    unpack: Callable[[Sequence[Any], list[DeviceId]], Any]  # raises ValueError, TypeError, IndexError


class Pen(Protocol):
    """A draft's access to one field. Operations of an unfinished draft are pending."""

    @property
    def field(self) -> str: ...

    @property
    def state(self) -> Any:
        """As the draft shows it, pending operations included. None if nothing was ever written."""

    @property
    def latest(self) -> tuple[Ref, Operation] | None:
        """The draft's last operation on this field, if pending."""

    def is_pending(self, ref: Ref) -> bool: ...

    def record(self, tag: Op | int, detail: Any, value: Any, *, fold: bool = True) -> None:
        """Write an operation, and show its effect unless `fold` is False."""

    def fold(self, tag: Op | int, detail: Any, value: Any) -> None:
        """Show the effect of an operation without writing it."""

    def replace(self, tag: Op | int, cells: Iterable[LiveValue], value: Any) -> None:
        """Write a value in place of these cells. Pending ones are dropped; whatever they replaced is replaced now."""

    def remove(self, tag: Op | int, cells: Iterable[LiveValue]) -> None:
        """Write a removal of these cells, as far as they are not merely pending."""

    def amend(self, ref: Ref, value: Any) -> None:
        """Change the value of a pending operation."""

    def drop(self, ref: Ref) -> None:
        """Discard a pending operation."""


class CrdtType(NamedTuple):
    """One type."""

    name: str
    holds: Holds
    acts: Mapping[int, Act]  # its operations, by tag

    # folding
    state: Callable[[], Any]  # a new state, for a field never written to; it has `copy`
    digest: Callable[[Any], Iterator[bytes]]  # canonical bytes of all that is visible; none: as if never written
    weight: Callable[[Any], int]  # approximate bytes of memory, without the name
    rest: Rest  # of a type kept apart: of what remains in a state that leaves its fields out

    # reading
    shows: Callable[[Any], bool]  # whether there is something to see
    parts: Callable[[Any], Iterable[FieldPart]]
    contested: Callable[[Any], Iterable[Contested]]

    # writing
    edits: Mapping[
        Verb, Callable[..., None]
    ]  # each with a pen, then what the verb needs; what changes nothing is not written
    meanwhile: Callable[[Any, list[Operation], DeviceId], list[Operation]] | None = None
    """The operations a draft writes into a field that has changed to this state since it began: its own, made to name
    also what its own device has written there meanwhile; then any further ones. None: its own, unchanged."""

    apart: bool = False  # a state may leave its fields out; the case's list of entries is then read instead

    def tag(self, verb: Verb) -> int:
        """The operation that does this."""
        return next(tag for tag, act in self.acts.items() if act.verb == verb)

    def plain(self, state: Any) -> Any:
        """A value or sum; a list of elements or items; a list of [key, value]."""
        match self.holds:
            case Holds.VALUE | Holds.SUM:
                return next((part.value for part in self.parts(state)), None)
            case Holds.KEYS:
                return [[part.key, part.value] for part in self.parts(state)]
            case Holds.ELEMENTS | Holds.ITEMS:
                return [part.value for part in self.parts(state)]


def uncontested(state: Any) -> Iterable[Contested]:
    """For a type whose values never contradict one another."""
    return ()
