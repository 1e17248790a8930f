"""The documents that tests of cells write: a schema with every kind of field."""

from __future__ import annotations

from cellsync import Counter, Log, Map, Register, Schema, Set, empty, field

DAY = 24 * 3600


class Visit(Schema, kind="org.example.visit", version=1):
    title: Register[str]
    status: Register[str] = field(default="open")
    tags: Set[str] = empty()
    roles: Map[str, str] = empty()
    parcels: Counter = empty()
    notes: Log[str] = empty()
