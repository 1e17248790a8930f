"""What an import leaves behind in a document: marks that say what the table said last (`importing.merge`)."""

from __future__ import annotations

from typing import Final, NamedTuple

from cellsync.core.schema.fields import Set, empty
from cellsync.core.schema.schema import Schema

MARKS: Final = "imported"
"""The name of the field that only an import writes."""


class ImportMark(NamedTuple):
    """That a column said this of a field."""

    field: str
    column: str
    mark: bytes  # a keyed hash: says nothing outside the circle, and never leaves it


class Imported(Schema):
    """A document that a table can fill."""

    imported: Set[ImportMark] = empty()
