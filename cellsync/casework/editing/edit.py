"""Edit: what one person wants written into one case, field by field.

What is removed goes first: an element that is both removed and added is there afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from cellsync.casework.documents.imported import MARKS
from cellsync.casework.editing.objects import typed_value
from cellsync.casework.editing.texts import Find
from cellsync.casework.values.choices import offer
from cellsync.casework.values.words import as_text
from cellsync.core.crdt.types import FieldType
from cellsync.core.errors import InvalidValue, NotFound
from cellsync.core.plain import plain_line
from cellsync.core.schema.generic import GenericCase
from cellsync.core.schema.schema import Schema, fields_of, kind_of
from cellsync.core.schema.values import PLAIN, ValueType, value_type


@dataclass(frozen=True, repr=False)
class Edit:
    """Values by field: typed texts, or JSON."""

    set: Mapping[str, Any] = field(default_factory=dict)  # registers
    add: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # elements of sets
    discard: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    append: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # items of logs
    put: Mapping[str, Mapping[Any, Any]] = field(default_factory=dict)  # values by key, of maps
    delete: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # keys
    count: Mapping[str, Any] = field(default_factory=dict)  # steps of counters


def apply(draft: Schema, edit: Edit, find: Find) -> None:
    """Write an edit on a draft.

    Raises InvalidValue for a field that the case's schema lacks or has under another type, and for a value that does
    not fit; NotFound for a key that is not there; and what `find` raises.
    """
    for place, keys in _places(draft, edit.delete, FieldType.MAP):
        for key in keys:
            place.delete(key, find)
    for place, elements in _places(draft, edit.discard, FieldType.SET):
        for element in elements:
            place.view.discard(place.meant(element, find))
    for place, value in _places(draft, edit.set, FieldType.REGISTER):
        place.assign(draft, place.value(value, find))
    for place, elements in _places(draft, edit.add, FieldType.SET):
        for element in elements:
            place.view.add(place.value(element, find))
    for place, items in _places(draft, edit.append, FieldType.LOG):
        for item in items:
            place.view.append(place.value(item, find))
    for place, pairs in _places(draft, edit.put, FieldType.MAP):
        for key, value in pairs.items():
            place.view[place.key(key, find)] = place.value(value, find)
    for place, step in _places(draft, edit.count, FieldType.COUNTER):
        place.view.increment(place.value(step, find))


class _Place(NamedTuple):
    """A field of a draft, of the type that was asked for."""

    name: str
    kinds: tuple[ValueType, ...]
    view: Any  # None of a register

    def value(self, given: Any, find: Find) -> Any:
        return typed_value(self.kinds[-1], self.name, given, find)

    def key(self, given: Any, find: Find) -> Any:
        return typed_value(self.kinds[0], self.name, given, find)

    def meant(self, given: Any, find: Find) -> Any:
        """The element or key to remove: the one that is shown like this, or else the one that reads like this.

        So a name is found whatever its kind, and a link even if its case is not here.
        """
        if isinstance(given, str):
            for text in (given, given.strip()):
                shown = [one for one in self.view if as_text(one) == text]
                if len(shown) == 1:
                    return shown[0]
        return self.key(given, find)

    def delete(self, key: Any, find: Find) -> None:
        try:
            del self.view[self.meant(key, find)]
        except KeyError:
            raise NotFound(f"{self.name!r} has no such key", hint="Look at the case again: it may be gone.") from None

    def assign(self, draft: Schema, value: Any) -> None:
        if isinstance(draft, GenericCase):
            draft.write(self.name, value)
        else:
            setattr(draft, self.name, value)


def _places(draft: Schema, asked: Mapping[str, Any], kind: FieldType) -> Iterable[tuple[_Place, Any]]:
    return ((_place(draft, name, kind), values) for name, values in asked.items())


def _offer_field(name: str, known: Iterable[str]) -> str:
    """What there is; and where it is, if it is the column of a table that was named."""
    from cellsync.casework.importing.mapping import places_of  # with it come all columns: only a mistake needs them

    if places := places_of(name):
        return f"A table's column of that name goes into {', '.join(sorted(places))}. {offer('', known)}"
    return offer(name, known)


def _place(draft: Schema, name: str, kind: FieldType) -> _Place:
    if isinstance(draft, GenericCase):
        kinds = (_STEP,) if kind is FieldType.COUNTER else (PLAIN,)
        return _Place(name, kinds, _GENERIC[kind](draft, name))
    known = {one: own for one, own in fields_of(type(draft)).items() if one != MARKS}
    if name not in known:
        raise InvalidValue(f"no field {plain_line(name)!r} in {kind_of(type(draft))}", hint=_offer_field(name, known))
    own = known[name]
    if own.crdt is not kind:
        raise InvalidValue(f"{name!r} is a {own.crdt.value}", hint=_INSTEAD[own.crdt])
    return _Place(name, own.kinds or (_STEP,), None if kind is FieldType.REGISTER else getattr(draft, name))


_STEP: Final = value_type(int)
_GENERIC: Final[dict[FieldType, Callable[[GenericCase, str], Any]]] = {
    FieldType.REGISTER: lambda case, name: None,
    FieldType.SET: GenericCase.set,
    FieldType.MAP: GenericCase.map,
    FieldType.COUNTER: GenericCase.counter,
    FieldType.LOG: GenericCase.log,
}
_INSTEAD: Final = {
    FieldType.REGISTER: "Use set.",
    FieldType.SET: "Use add or discard.",
    FieldType.MAP: "Use put or delete.",
    FieldType.COUNTER: "Use count.",
    FieldType.LOG: "Use append.",
}
