"""Imported documents have marks, in which an import records the last values of the table (`importing.merge`)."""

from __future__ import annotations

from typing import Final, NamedTuple

from cellsync.core.schema.fields import Set, empty
from cellsync.core.schema.schema import Schema

MARKS: Final = "imported"
"""The name of the field of marks, which only an import writes."""


class ImportMark(NamedTuple):
    """Records that a column gave a field this value."""

    field: str
    column: str
    mark: bytes  # a keyed hash: means nothing outside the circle, and never leaves it


class Imported(Schema):
    """A document that a table can fill."""

    imported: Set[ImportMark] = empty()
