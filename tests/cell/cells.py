"""Cells of tests: the documents that they write, a schema with every kind of field; and how circles began before."""

from __future__ import annotations

import pytest

from cellsync import Counter, Log, Map, Register, Schema, Set, empty, field
from cellsync.core.replica.founding import Founding

DAY = 24 * 3600


class Visit(Schema, kind="org.example.visit", version=1):
    title: Register[str]
    status: Register[str] = field(default="open")
    tags: Set[str] = empty()
    roles: Map[str, str] = empty()
    parcels: Counter = empty()
    notes: Log[str] = empty()


def founded_as_before(patch: pytest.MonkeyPatch) -> None:
    """Found circles as builds did that required nothing at the founding: their floor is what coordinators say."""
    patch.setattr(Founding, "intentions", property(lambda founded: [founded.intention]))
