"""Edit: the changes that one person makes to one case, field by field.

Removals come first: an element that is both removed and added is in the case afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any, Final, NamedTuple

from cellsync.casework.documents.imported import MARKS
from cellsync.casework.editing.objects import typed_value
from cellsync.casework.editing.texts import Find
from cellsync.casework.values.choices import chosen, offer
from cellsync.casework.values.words import as_text
from cellsync.core.crdt.row import Holds, Verb
from cellsync.core.crdt.types import TYPES
from cellsync.core.errors import InvalidValue, NotFound
from cellsync.core.plain import plain_line
from cellsync.core.schema.fields import holds_of
from cellsync.core.schema.generic import GenericCase
from cellsync.core.schema.schema import Schema, fields_of, kind_of
from cellsync.core.schema.values import PLAIN, ValueType
from cellsync.core.schema.views import STEP, view


@dataclass(frozen=True, repr=False)
class Edit:
    """Values by field: typed texts, or JSON. Each part is a verb of what the field holds."""

    set: Mapping[str, Any] = field(default_factory=dict)  # registers
    add: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # elements of sets
    discard: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    append: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # items of logs
    put: Mapping[str, Mapping[Any, Any]] = field(default_factory=dict)  # values by key, of maps
    delete: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # keys
    count: Mapping[str, Any] = field(default_factory=dict)  # steps of counters


class Taken(NamedTuple):
    """A word that is not itself a choice, and the choice that it was taken for: "urgent" is `critical`."""

    field: str
    text: str


def apply(draft: Schema, edit: Edit, find: Find) -> list[Taken]:
    """Write an edit on a draft. Returns the words that were taken for a choice.

    Raises InvalidValue for a field that the case's schema lacks or has under another type, and for a value that does
    not fit; NotFound for a missing key; and whatever `find` raises.
    """
    taken: list[Taken] = []
    for verb, write in _WRITES.items():
        for name, given in getattr(edit, verb).items():
            write(_place(draft, name, verb, find, taken), given)
    return taken


class _Place(NamedTuple):
    """A field of a draft, of a type that can do what the edit asks."""

    name: str
    kinds: tuple[ValueType, ...]
    view: Any  # None for a field that holds one value
    assign: Callable[[Any], None]  # sets such a field
    find: Find
    taken: list[Taken]

    def value(self, given: Any) -> Any:
        value = typed_value(self.kinds[-1], self.name, given, self.find)
        if isinstance(given, str) and isinstance(value, Enum) and chosen(given, [value.value]) is None:
            self.taken.append(Taken(self.name, as_text(value)))
        return value

    def member(self, given: Any) -> Any:
        """A value beside others: one of nothing is a slip, and would be shown as nothing."""
        if isinstance(given, str) and not given.strip():
            raise InvalidValue(f"{self.name!r} is empty", hint="Write something.")
        return self.value(given)

    def key(self, given: Any) -> Any:
        return typed_value(self.kinds[0], self.name, given, self.find)

    def meant(self, given: Any) -> Any:
        """The element or key to remove: the one that is shown as this text, otherwise the value that the text means.

        A name is thereby found whatever its kind, and a link even if its case is not here.
        """
        if isinstance(given, str):
            for text in (given, given.strip()):
                shown = [element for element in self.view if as_text(element) == text]
                if len(shown) == 1:
                    return shown[0]
        return self.key(given)


# --- the parts of an edit, in the order in which they are written -------------------------------------------------


def _delete(place: _Place, keys: Sequence[Any]) -> None:
    for key in keys:
        try:
            del place.view[place.meant(key)]
        except KeyError:
            raise NotFound(f"{place.name!r} has no such key", hint="Look at the case again: it may be gone.") from None


def _discard(place: _Place, elements: Sequence[Any]) -> None:
    for element in elements:
        place.view.discard(place.meant(element))


def _set(place: _Place, value: Any) -> None:
    place.assign(place.value(value))


def _add(place: _Place, elements: Sequence[Any]) -> None:
    for element in elements:
        place.view.add(place.member(element))


def _append(place: _Place, items: Sequence[Any]) -> None:
    for item in items:
        place.view.append(place.member(item))


def _put(place: _Place, pairs: Mapping[Any, Any]) -> None:
    for key, value in pairs.items():
        place.view[place.key(key)] = place.value(value)


def _count(place: _Place, step: Any) -> None:
    place.view.increment(place.value(step))


_WRITES: Final[dict[Verb, Callable[[_Place, Any], None]]] = {
    "delete": _delete, "discard": _discard, "set": _set, "add": _add, "append": _append, "put": _put, "count": _count,
}  # fmt: skip


# --- fields -----------------------------------------------------------------------------------------------------


def _offer_field(name: str, known: Iterable[str]) -> str:
    """The existing fields; and where the named one is, if another kind has it or it is a column of a table."""
    from cellsync.casework.importing.mapping import places_of  # loads all columns, which only a mistake needs

    places = places_of(name)
    if elsewhere := sorted(place.partition(".")[0] for place in places if place.endswith(f".{name}")):
        return f"It is a field of {', '.join(elsewhere)}. {offer('', known)}"
    if places:
        return f"A table's column of that name goes into {', '.join(sorted(places))}. {offer('', known)}"
    return offer(name, known)


def _place(draft: Schema, name: str, verb: Verb, find: Find, taken: list[Taken]) -> _Place:
    if isinstance(draft, GenericCase):
        kind = _type_for(draft, name, verb)
        kinds = (STEP,) if TYPES[kind].holds is Holds.SUM else (PLAIN,)
        return _Place(name, kinds, view(draft, name, kind), partial(draft.write, name, kind=kind), find, taken)
    known = {name: own for name, own in fields_of(type(draft)).items() if name != MARKS}
    if name not in known:
        raise InvalidValue(f"no field {plain_line(name)!r} in {kind_of(type(draft))}", hint=_offer_field(name, known))
    own = known[name]
    holds = holds_of(own)
    if verb not in holds.verbs:
        raise InvalidValue(f"{name!r} is a {own.crdt}", hint=f"Use {' or '.join(_here(holds))}.")
    read = None if holds is Holds.VALUE else getattr(draft, name)
    return _Place(name, own.kinds or (STEP,), read, partial(setattr, draft, name), find, taken)


def _here(holds: Holds) -> list[Verb]:
    """The parts of an edit that write a field that holds this."""
    return [verb for verb in holds.verbs if verb in _WRITES]


def _type_for(draft: GenericCase, name: str, verb: Verb) -> str:
    """The type of the field that a verb is meant for: one that the case has under this name, or the first able one."""
    able = [row.name for row in TYPES.values() if verb in row.edits]
    here = [kind for kind in able if draft._state.shows(name, kind)] if len(able) > 1 else []
    return (here or able)[0]
