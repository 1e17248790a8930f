"""ExportRecord: the data that left the circle, its recipient, and the ground for it."""

from __future__ import annotations

from datetime import datetime

from cellsync.casework.documents.consent import Scope
from cellsync.casework.values.link import Link
from cellsync.core.schema.fields import Log, Register, Sensitivity, Set, empty, field
from cellsync.core.schema.schema import Schema


class ExportRecord(Schema, kind="cellsync.export", version=1):
    recipient: Register[str] = field(default="", sensitivity=Sensitivity.C4)
    purpose: Register[str] = field(default="")
    scope: Register[Scope] = field(default=Scope.NONE)
    made: Register[datetime | None] = field(default=None)
    manifest: Register[bytes] = field(default=b"")  # BLAKE2b-256 of the exported content
    compartments: Set[Sensitivity] = empty()
    cases: Register[int] = field(default=0)  # how many
    links: Set[Link] = empty()
    notes: Log[str] = empty()
