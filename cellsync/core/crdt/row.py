"""What a type of field says of itself: its row in the table (`types`).

The floors above know types by their rows only. Two words make that possible, for types are many and these are few:

    Verb     what an operation does to a field: edits ask for it, changes tell it, histories say it
    Holds    what stands in a field: so it is shown and written by those who do not know its type

A row is complete if it folds each of its operations, shows what it holds part by part, and has an edit for each verb
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
    """The names of the types that code calls by name."""

    REGISTER = "register"
    SET = "set"
    MAP = "map"
    COUNTER = "counter"
    LOG = "log"


Verb = Literal["set", "add", "discard", "put", "delete", "count", "append", "correct", "retract"]
REMOVES: Final[frozenset[Verb]] = frozenset({"discard", "delete", "retract"})
"""Verbs of operations that take away what their refs name."""


class Holds(Enum):
    """What stands in a field, and the verbs that write it."""

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
    fold: Callable[[Any, LiveValue, Any], None]  # the field's state, what was written, the detail: all well typed
    fits: Callable[[LiveValue, Any], bool] | None = None  # whether that is well typed; None: it always is


class FieldPart(NamedTuple):
    """What stands in one place of a field: its value, an element, the value of a key, an item, the sum."""

    key: Any  # plain, of a key; the Ref of an item; else None
    resting: Any  # what is displayed
    cells: Sequence[
        LiveValue
    ]  # what stands here, the displayed one first; none of what nobody has written as it stands
    before: Sequence[LiveValue] = ()  # what an item said earlier, oldest first

    @property
    def value(self) -> Any:
        return plain(self.resting)

    def values(self) -> Iterator[Any]:
        """All that stands here, in plain form, the displayed one first."""
        if self.cells:
            return (cell.value for cell in self.cells)
        return iter((self.value,))


class Contested(NamedTuple):
    """Values that may contradict one another, newest first. `key`: as that of a part."""

    key: Any
    cells: Sequence[LiveValue]


class Rest(NamedTuple):
    """How the state of a field rests in a snapshot, beside its name."""

    cells: Callable[[Any], Iterable[LiveValue]]  # whose devices the snapshot has to number
    pack: Callable[[Any, Mapping[DeviceId, int]], tuple[Any, ...]]
    unpack: Callable[[Sequence[Any], list[DeviceId]], Any]  # raises ValueError, TypeError, IndexError


class Pen(Protocol):
    """A draft's hand on one field. What it has written and not yet ended with is pending."""

    @property
    def field(self) -> str: ...

    @property
    def state(self) -> Any:
        """As the draft shows it: with what is pending. None if nothing was ever written."""

    @property
    def latest(self) -> tuple[Ref, Operation] | None:
        """What this draft wrote last into the field, if that is pending."""

    def is_pending(self, ref: Ref) -> bool: ...

    def record(self, tag: Op | int, detail: Any, value: Any, *, fold: bool = True) -> None:
        """Write an operation, and show what it does unless `fold` is False."""

    def fold(self, tag: Op | int, detail: Any, value: Any) -> None:
        """Show what an operation would do, and write nothing."""

    def replace(self, tag: Op | int, cells: Iterable[LiveValue], value: Any) -> None:
        """Write a value instead of these. Pending ones among them end; what those replaced is replaced now."""

    def remove(self, tag: Op | int, cells: Iterable[LiveValue]) -> None:
        """Write that these are gone, as far as they are not only pending."""

    def amend(self, ref: Ref, value: Any) -> None:
        """A pending operation says something else."""

    def drop(self, ref: Ref) -> None:
        """A pending operation is not written at all."""


class CrdtType(NamedTuple):
    """One type."""

    name: str
    holds: Holds
    acts: Mapping[int, Act]  # its operations, by tag

    # folding
    state: Callable[[], Any]  # that of a field nothing was written to; it has `copy`
    digest: Callable[[Any], Iterator[bytes]]  # canonical bytes of all that is visible; none: as if nobody had written
    weight: Callable[[Any], int]  # bytes of memory, about, without the name
    rest: Rest  # of a type that stands apart: of what a state knows that leaves its fields out

    # reading
    shows: Callable[[Any], bool]  # whether there is something to see
    parts: Callable[[Any], Iterable[FieldPart]]
    contested: Callable[[Any], Iterable[Contested]]

    # writing
    edits: Mapping[
        Verb, Callable[..., None]
    ]  # each with a pen, then what the verb needs; what changes nothing is not written
    meanwhile: Callable[[Any, list[Operation], DeviceId], list[Operation]] | None = None
    """What a draft writes into a field that has become this since it began: its operations, with what else they name of
    what its own device has written there; then what has to be written besides. None: as they are."""

    apart: bool = False  # a state may leave its fields out, and the case's list of entries is read instead

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
    """Of a type whose values never contradict one another."""
    return ()
