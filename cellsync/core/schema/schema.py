"""Schemas: a kind of case, declared once, checked by mypy and pyright.

    class Eviction(Schema, kind="org.example.eviction", version=1):
        title: Register[str]                                   # given when a case is created
        status: Register[str] = field(default="open")          # need not be given
        due: Register[date | None] = field(default=None, sensitivity=Sensitivity.C2)
        notes: Log[str] = empty()                              # sets, maps, counters and logs start empty

An instance is a read-only snapshot of one case; its host moves it forward in place when something arrives. Writing
happens on a draft, an instance of the same class that records its assignments:

    async with case.edit() as draft:
        draft.status = "court date set"
        draft.notes.append("hearing 3 May")

A schema is a way to read: it never changes what is stored (protocol/35-cases.md, Schemas). Annotations are resolved
when the class is made, so their names must be defined in its module, outside `if TYPE_CHECKING`.

For hosts: `creation` here; `bind`, `begin`, `finish` and `advance` in `host`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from inspect import get_annotations
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, Self, dataclass_transform, get_args, get_origin

from cellsync.core.case.draft import Draft
from cellsync.core.case.fold import CANONICAL, CaseState, RawConflict
from cellsync.core.crdt.cells import alike
from cellsync.core.crdt.row import FieldType, Holds
from cellsync.core.crdt.types import TYPES
from cellsync.core.errors import InvalidValue
from cellsync.core.schema.fields import Empty, Field, Register, empty, field
from cellsync.core.schema.host import Bound, Change, draft_of
from cellsync.core.schema.values import PLAIN, ValueType, fits, store
from cellsync.core.schema.views import Value, value_of
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op

AT_ONCE: Final = 64  # values of one place that are shown: more than a circle has devices


class Conflict(NamedTuple):
    """A place where people wrote different things at the same time. Decide with `draft.resolve(conflict, value)`."""

    path: str  # the field's name
    key: Any  # the map's key, or None
    values: tuple[Value[Any], ...]  # one per author, the displayed one first; equal values are adjacent
    raw: RawConflict

    def __repr__(self) -> str:
        return f"<conflict of {len(self.values)} values in {self.path!r}>"  # no content


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(field, empty))
class Schema(Bound):
    """A case, read through the fields of its kind."""

    _kind: ClassVar[str] = ""
    _version: ClassVar[int] = 0
    _fields: ClassVar[Mapping[str, Field]] = {}

    def __init_subclass__(cls, *, kind: str = "", version: int = 1) -> None:
        """Raises TypeError for a field that cannot be stored or read."""
        super().__init_subclass__()
        if len(kind.encode()) > 255 or not 0 <= version < 1 << 32:
            raise TypeError(f"{cls.__name__}: a kind has at most 255 bytes, a version is a small number")
        cls._kind, cls._version = kind, version
        cls._fields = {**cls._fields, **_declared(cls)}

    if not TYPE_CHECKING:  # checkers see the fields as keyword arguments, for `create`

        def __init__(self, *_: object, **__: object) -> None:
            raise TypeError(f"{type(self).__name__} is made by cell.create, cell.get or cell.cases")

        def __setattr__(self, name: str, value: object) -> None:
            if name not in self._fields and name not in Bound.__slots__:
                raise AttributeError(f"{type(self).__name__} has no field {name!r}")
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id.hex()[:8]}>"  # no content

    # --- reading ------------------------------------------------------------------------------

    @property
    def extra(self) -> dict[str, Any]:
        """Everything stored that this schema does not show, in plain form, by field.

        Whole fields that it lacks, or has under another type ("name (type)" if a name has several), and, as a list,
        the values of its own fields that do not fit their type.
        """
        stored = list(self._state.fields())
        several = {name for (name, _), (following, _) in pairwise(stored) if name == following}
        found: dict[str, Any] = {}
        for name, kind in stored:
            own = self._fields.get(name)
            label = name if name not in several else f"{name} ({kind})"
            if own is None or own.crdt != kind:
                found[label] = plain_field(self._state, name, kind)
            elif misfits := own.misfits(self._state):
                found[label] = misfits
        return found

    def conflicts(self) -> list[Conflict]:
        """Where people wrote different things at the same time, sorted by field, including fields not in the schema.

        Each with at most its 64 newest values.
        """
        return [self._shown(conflict) for conflict in self._state.conflicts()]

    def said(self, name: str) -> tuple[Value[Any], ...]:
        """The live values of a register, or of another field that holds one value, with author and time, the displayed
        one first; at most the 64 newest."""
        own = self._fields.get(name)
        crdt, kind = (own.crdt, own.kinds[0]) if isinstance(own, Register) else (FieldType.REGISTER, PLAIN)
        cells = [cell for part in self._state.parts(crdt, name) for cell in part.cells[:AT_ONCE]]
        return tuple(value_of(self, kind if fits(kind, cell.value) else PLAIN, cell) for cell in cells)

    # --- writing, following -------------------------------------------------------------------

    def resolve(self, conflict: Conflict, value: Any) -> None:
        """On a draft: decide a conflict. Raises InvalidValue, ReadOnly."""
        kind = self._kind_at(conflict.raw)
        draft_of(self).resolve(conflict.raw, store(kind, conflict.path, value))

    def edit(self) -> AbstractAsyncContextManager[Self]:
        """A draft. Leaving the block writes one entry, durable on this device; an error in the block writes nothing.

        Of overlapping drafts on one device, the one that ends last wins. What others write meanwhile is a conflict.
        """
        return self._host.edit(self)

    def changes(self, since: str | None = None) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        """Changes of this case from now on, or after a cursor."""
        return self._host.changes(self, since)

    async def synced(self, *, min_peers: int = 1, timeout: float = 30.0) -> None:
        """Wait until this many other devices have confirmed what is held here (seconds). Raises Timeout."""
        await self._host.synced(self, min_peers, timeout)

    def _kind_at(self, conflict: RawConflict) -> ValueType:
        own = self._fields.get(conflict.field)
        return PLAIN if own is None or own.crdt != conflict.type else own.kinds[-1]

    def _shown(self, conflict: RawConflict) -> Conflict:
        kind = self._kind_at(conflict)
        cells = [cell for group in alike(conflict.cells[:AT_ONCE], CANONICAL) for cell in group]
        values = tuple(value_of(self, kind if fits(kind, cell.value) else PLAIN, cell) for cell in cells)
        is_keyed = TYPES[conflict.type].holds is Holds.KEYS
        return Conflict(conflict.field, conflict.key if is_keyed else None, values, conflict)


# --- for hosts ----------------------------------------------------------------------------------


def creation(schema: type[Schema], values: Mapping[str, Any]) -> list[Operation]:
    """The operations that create a case with these registers.

    Raises InvalidValue for a name that is no register of the schema, or a value that does not fit.
    """
    return [Operation(int(Op.CREATE), schema._kind, schema._version, None), *_drafted(schema, values).operations()]


def begun(schema: type[Schema], values: Mapping[str, Any]) -> CaseState:
    """What a case shows that was created with these registers."""
    return _drafted(schema, values).view


def _drafted(schema: type[Schema], values: Mapping[str, Any]) -> Draft:
    draft = Draft(CaseState(logs=True))
    for name, value in values.items():
        own = schema._fields.get(name)
        if not isinstance(own, Register):
            registers = ", ".join(field for field, given in schema._fields.items() if isinstance(given, Register))
            why = "has no field" if own is None else f"takes no {own.crdt} when it is created:"
            raise InvalidValue(f"{schema.__name__} {why} {name!r}", hint=f"Registers are given: {registers}.")
        own.write(draft, value)
    return draft


def check_whole(schema: type[Schema], values: Mapping[str, Any]) -> None:
    """Raises InvalidValue if a register is missing that has to be given when a case is created."""
    needed = (name for name, own in schema._fields.items() if isinstance(own, Register) and own.required)
    if lacking := ", ".join(repr(name) for name in needed if name not in values):
        raise InvalidValue(f"{schema.__name__} lacks {lacking}", hint="Give it, or declare it with field(default=…).")


def kind_of(schema: type[Schema]) -> str:
    """The kind of the cases that this schema describes; "" if it is only a base of others."""
    return schema._kind


def version_of(schema: type[Schema]) -> int:
    return schema._version


def fields_of(schema: type[Schema]) -> Mapping[str, Field]:
    """The fields of a schema in the order of their declaration."""
    return schema._fields


def describe(schema: type[Schema]) -> dict[str, Any]:
    """A schema as plain values, for the circle and for clients in other languages."""
    return {
        "kind": schema._kind,
        "version": schema._version,
        "fields": {name: own.describe() for name, own in schema._fields.items()},
    }


def plain_field(state: CaseState, name: str, kind: str) -> Any:
    """The current field in plain values: the displayed value, a list of elements or items, a list of [key, value]
    pairs, or a sum."""
    row = TYPES[kind]
    return row.plain(state.table(row)[name])


def _declared(cls: type[Schema]) -> dict[str, Field]:
    """The fields that a class body declares, put in place as descriptors."""
    try:
        hints: dict[str, Any] = get_annotations(cls, locals={}, eval_str=True)
    except NameError as error:
        raise TypeError(
            f"{cls.__name__}: {error.name!r} is not known in its module (outside `if TYPE_CHECKING`)"
        ) from None
    found: dict[str, Field] = {}
    for name, hint in hints.items():
        if get_origin(hint) is ClassVar:
            continue
        kind: Any = get_origin(hint) or hint
        if not (isinstance(kind, type) and issubclass(kind, Field)):
            raise TypeError(f"{cls.__name__}.{name}: a field is a Register, Set, Map, Counter or Log")
        if name.startswith("_") or hasattr(Schema, name):
            raise TypeError(f"{cls.__name__}.{name}: every case has this name already, or it starts with _")
        try:
            own = _descriptor(name, kind, vars(cls).get(name))
            own.bind(name, get_args(hint))
        except (TypeError, ValueError, InvalidValue) as error:
            raise TypeError(f"{cls.__name__}.{error}") from None
        setattr(cls, name, own)
        found[name] = own
    return found


def _descriptor(name: str, kind: type[Field], given: object) -> Field:
    if given is None:
        return kind()
    if isinstance(given, Empty) and kind is not Register:
        return kind(sensitivity=given.sensitivity)
    if isinstance(given, kind):
        return given
    raise TypeError(f"{name}: registers take field(…), everything else empty()")
