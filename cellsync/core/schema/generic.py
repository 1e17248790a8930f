"""GenericCase: any case, field by field in plain values, for kinds and versions without a schema in this program."""

from __future__ import annotations

from typing import Any

from cellsync.core.crdt.row import FieldType
from cellsync.core.schema.host import draft_of
from cellsync.core.schema.schema import Schema, plain_field
from cellsync.core.schema.values import PLAIN, store
from cellsync.core.schema.views import Count, LogView, MapView, SetView


class GenericCase(Schema):
    """A case without its schema. Reads everything; a draft of it writes plain values."""

    @property
    def kind(self) -> str:
        """The case's kind; "" until the entry that created it arrives."""
        return self._state.kind

    @property
    def version(self) -> int:
        """The version of the schema that created it."""
        return self._state.version

    def names(self) -> list[tuple[str, str]]:
        """Every field that shows something."""
        return list(self._state.fields())

    def read(self, name: str, kind: str = FieldType.REGISTER) -> Any:
        """A field in plain values; None if nothing was written. See `plain_field` for the shapes."""
        return plain_field(self._state, name, kind) if self._state.shows(name, kind) else None

    def write(self, name: str, value: Any, kind: str = FieldType.REGISTER) -> None:
        """On a draft: set a register, or another field that holds one value. Raises InvalidValue, ReadOnly."""
        draft_of(self).edit(kind, "set", name, store(PLAIN, name, value))

    def set(self, name: str) -> SetView[Any]:
        """A field as a set of plain values."""
        return SetView(self, name)

    def map(self, name: str) -> MapView[Any, Any]:
        """A field as a map of plain values."""
        return MapView(self, name)

    def counter(self, name: str) -> Count:
        """A field as a counter."""
        return Count.of(self, name)

    def log(self, name: str) -> LogView[Any]:
        """A field as a log of plain values."""
        return LogView(self, name)
