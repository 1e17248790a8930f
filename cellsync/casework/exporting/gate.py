"""The gate: the fields of a document that may leave, with all their values.

A field leaves if its compartment was chosen and the consents of the people concerned allow it (`permission`); an entry
of a timeline leaves by its own compartment. Data held back by consent is noted, with the reason. If an item was
corrected, and its current wording is in another compartment, its older wordings stay as well.

Members are shown the author and time of each value, and the earlier versions of corrected items. Outsiders are shown
only the present values, by "author 1", with the day: who the members are, at what hours they write, and what they took
back concerns no outsider.

A text that mentions data that stays, such as a withheld name, stays too, unless a person releases it (`mentions`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Any, Final, NamedTuple

from cellsync.casework.documents.consent import Scope
from cellsync.casework.documents.imported import MARKS
from cellsync.casework.exporting.documents import is_number, named_kind
from cellsync.casework.exporting.gathering import Folder
from cellsync.casework.exporting.left_out import Kept, Why
from cellsync.casework.exporting.mentions import Mentions, Says
from cellsync.casework.exporting.permission import NOTHING_ALLOWED, Consents
from cellsync.casework.exporting.reader import Reader, Steps
from cellsync.casework.exporting.staying import staying
from cellsync.casework.values.link import Link
from cellsync.casework.values.name import Name
from cellsync.casework.values.timeline import TimelineEntry
from cellsync.casework.values.words import as_text
from cellsync.core.case.fold import CANONICAL
from cellsync.core.crdt.row import Holds
from cellsync.core.ids import DeviceId
from cellsync.core.schema.fields import Field, Sensitivity, holds_of
from cellsync.core.schema.schema import Schema, fields_of, kind_of
from cellsync.core.schema.values import Misfit, ValueType, fits
from cellsync.core.schema.views import Value

_MADE_OF: Final = (("person", "names"), ("person", "born"))  # an import makes an id of these for a row without one

Lets = Callable[[Any], bool]
"""Whether a value of the field in question may leave."""


class Said(NamedTuple):
    """One value and its authors."""

    value: Any
    plain: Any  # as it is stored
    authors: tuple[str, ...]  # several if they wrote the same value concurrently
    at: datetime | None  # by the device's clock, UTC; a claim


class Piece(NamedTuple):
    """A register, an element, an item, or the value of a key. Several present values contradict each other."""

    key: Any  # of a map, in plain form; otherwise None
    now: tuple[Said, ...]  # the displayed one first
    before: tuple[Said, ...]  # earlier versions of an item of a log, oldest first


class Leaving(NamedTuple):
    """The part of one field that leaves."""

    name: str
    type: str  # register, set, map, counter, log, …
    holds: Holds
    pieces: list[Piece]

    @property
    def contradictions(self) -> list[Piece]:
        return [piece for piece in self.pieces if len(piece.now) > 1]


class Gate:
    """Decides what one export lets out, folder by folder."""

    def __init__(
        self, reader: Reader, consents: Consents, audience: Scope, compartments: frozenset[Sensitivity],
        targets: Container[bytes], kept: Kept, *, with_mentions: bool = False,
    ) -> None:  # fmt: skip
        """`targets`: the ids that links may name. `with_mentions`: texts that mention data that stays leave too."""
        self._reader = reader
        self._consents = consents
        self._with_mentions = with_mentions
        self._staying = Mentions()
        self.compartments = compartments
        self.kept = kept
        self._audience = audience
        self._all = audience is Scope.INTERNAL
        self._authors: dict[DeviceId, str] = {}
        self._folder: Folder | None = None
        self._targets = targets

    def within(self, folder: Folder) -> Gate:
        """This gate, with the rights of this folder from now on."""
        if self._folder is None or self._folder.place != folder.place:
            self._staying = staying(self._reader, self._consents, folder, self._audience)
        self._folder = folder
        return self

    def lets(self, document: Schema, name: str, own: Field, value: Any) -> bool:
        """Whether a value of this field may leave."""
        if isinstance(value, Link) and value.case not in self._targets:
            return False
        compartment = value.sensitivity if isinstance(value, TimelineEntry) else own.sensitivity
        return (
            compartment in self.compartments
            and not self._is_kept(document, name, compartment)
            and not self._is_held(document, name, value)
        )

    def may(self, document: Schema, name: str) -> bool:
        """Whether consent lets this field out, even if it was never written."""
        return self._kept(document, name, fields_of(type(document))[name].sensitivity) is None

    def _is_kept(self, document: Schema, name: str, compartment: Sensitivity) -> bool:
        why = self._kept(document, name, compartment)
        if why is not None and self._folder is not None:
            what = f"{named_kind(kind_of(type(document)))}.{name}"
            right = self._folder.right_of(document.id)
            self.kept.add(why, self._folder.place, what, merged=right is not None and right.merged)
        return why is not None

    def _is_held(self, document: Schema, name: str, value: Any) -> bool:
        """Whether a value stays because it mentions data that stays."""
        if not self._staying or self._folder is None:
            return False
        says = max(map(self._staying.said_in, _texts(value)), default=Says.NOTHING)
        if says is Says.NOTHING:
            return False
        what = f"{named_kind(kind_of(type(document)))}.{name}"
        if says is Says.MAYBE or self._with_mentions:
            self.kept.add_mentioned(self._folder.place, what)
            return False
        self.kept.add(Why.MENTIONS, self._folder.place, what)
        return True

    def _kept(self, document: Schema, name: str, compartment: Sensitivity) -> Why | None:
        right = (self._folder and self._folder.right_of(document.id)) or NOTHING_ALLOWED
        asked = [(named_kind(kind_of(type(document))), name)]
        if name == "external_id" and not all(is_number(str(value.value)) for value in document.said(name)):
            asked += _MADE_OF
        reasons = (right.keeps(self._audience, compartment, *place) for place in asked)
        return next((why for why in reasons if why is not None), None)

    def has_any(self, folder: Folder) -> Steps[bool]:
        """Whether any value in the folder leaves."""
        self.within(folder)
        for unread in folder.documents:
            if self._says_any(self._reader.open(unread.schema, unread.id)):
                return True
            yield from self._reader.turn()
        return False

    def _says_any(self, document: Schema) -> bool:
        return any(
            as_text(said.value)
            for name, own in fields_of(type(document)).items()
            if own.sensitivity in self.compartments or holds_of(own) is Holds.ITEMS
            for piece in self.field(document, name).pieces
            for said in piece.now
        )

    def author(self, value: Value[Any]) -> str:
        if self._all:
            return value.author
        return self._authors.setdefault(value.device, f"author {len(self._authors) + 1}")

    def fields(self, document: Schema) -> list[Leaving]:
        """The fields of a document that leave, without those that were never written."""
        return [leaving for name in fields_of(type(document)) if (leaving := self.field(document, name)).pieces]

    def field(self, document: Schema, name: str) -> Leaving:
        own = fields_of(type(document))[name]
        return Leaving(
            name, str(own.crdt), holds_of(own), [] if name == MARKS else list(self._pieces(document, name, own))
        )

    def _pieces(self, document: Schema, name: str, own: Field) -> Iterator[Piece]:
        lets = partial(self.lets, document, name, own)
        holds = holds_of(own)
        if own.sensitivity not in self.compartments and holds not in (Holds.ELEMENTS, Holds.ITEMS):
            return iter(())  # elements and items may each have a compartment of their own
        return _PIECES[holds](self, document, own, lets)

    def _of_items(self, document: Schema, own: Field, lets: Lets) -> Iterator[Piece]:
        for item in getattr(document, own.name).items:
            if all(lets(cell.value) for cell in item.current):
                current = {cell.id for cell in item.current}
                before = (
                    [version for version in item.versions if version.id not in current and lets(version.value)]
                    if self._all
                    else []
                )
                yield Piece(None, self._said(own.kinds[0], item.current), self._each(own.kinds[0], before))

    def _of_elements(self, document: Schema, own: Field, lets: Lets) -> Iterator[Piece]:
        for element in getattr(document, own.name):
            if lets(element):
                yield Piece(None, (_alone(own.kinds[0], element),), ())

    def _of_value(self, document: Schema, own: Field, lets: Lets) -> Iterator[Piece]:
        for part in document._state.parts(own.crdt, own.name):
            values = document.said(own.name)
            if all(lets(value.value) for value in values) if values else lets(_read(own.kinds[0], part.value)):
                said = self._said(own.kinds[0], values)
                yield Piece(None, said or (_alone(own.kinds[0], _read(own.kinds[0], part.value)),), ())

    def _of_keys(self, document: Schema, own: Field, lets: Lets) -> Iterator[Piece]:
        read = getattr(document, own.name)
        if not read or not lets(None):
            return
        contradicting = {
            CANONICAL(conflict.key): conflict.values for conflict in document.conflicts() if conflict.path == own.name
        }
        for key, value in read.items():
            plain = _plain(own.kinds[0], key)
            values = contradicting.get(CANONICAL(plain))
            said = (_alone(own.kinds[1], value),) if values is None else self._said(own.kinds[1], values)
            if all(map(lets, (key, *(reading.value for reading in said)))):
                yield Piece(plain, said, ())

    def _of_sum(self, document: Schema, own: Field, lets: Lets) -> Iterator[Piece]:
        read = getattr(document, own.name)
        if read and lets(None):
            yield Piece(None, (Said(int(read), int(read), (), None),), ())

    def _said(self, kind: ValueType, values: Collection[Value[Any]]) -> tuple[Said, ...]:
        """The values, equal ones merged into one with several authors."""
        found: dict[bytes, Said] = {}
        for said in self._each(kind, values):
            same = found.get(CANONICAL(said.plain))
            authors = said.authors if same is None else tuple(dict.fromkeys(same.authors + said.authors))
            found[CANONICAL(said.plain)] = (same or said)._replace(authors=authors)
        return tuple(found.values())

    def _each(self, kind: ValueType, values: Iterable[Value[Any]]) -> tuple[Said, ...]:
        return tuple(
            Said(value.value, _plain(kind, value.value), (self.author(value),), self._when(value)) for value in values
        )

    def _when(self, value: Value[Any]) -> datetime | None:
        return value.at if self._all else value.at.replace(hour=0, minute=0, second=0, microsecond=0)


_PIECES: Final = {
    Holds.VALUE: Gate._of_value, Holds.ELEMENTS: Gate._of_elements, Holds.KEYS: Gate._of_keys,
    Holds.ITEMS: Gate._of_items, Holds.SUM: Gate._of_sum,
}  # fmt: skip
"""How a field goes through the gate, by what it holds."""


def _texts(value: Any) -> Iterator[str]:
    """The texts in a value. A name is none of them: its own field decides whether it leaves."""
    match value:
        case Enum() | Name():
            return
        case str():
            yield value
        case tuple() | list():
            for element in value:
                yield from _texts(element)
        case dict():
            for element in (*value, *value.values()):
                yield from _texts(element)


def _alone(kind: ValueType, value: Any) -> Said:
    return Said(value, _plain(kind, value), (), None)


def _read(kind: ValueType, plain: Any) -> Any:
    return kind.decode(plain) if fits(kind, plain) else plain


def _plain(kind: ValueType, value: Any) -> Any:
    try:
        return kind.encode(value)
    except Misfit:
        return value  # a value of another type is in plain form already
