"""Facility: a place of detention, with its rules for parcels, visits and letters."""

from __future__ import annotations

from cellsync.casework.documents.episode import EpisodeKind
from cellsync.casework.values.name import Name
from cellsync.core.schema.fields import Log, Register, Sensitivity, Set, empty, field
from cellsync.core.schema.schema import Schema


class Facility(Schema, kind="cellsync.facility", version=1):
    names: Set[Name] = empty(sensitivity=Sensitivity.C0)
    kind: Register[EpisodeKind] = field(default=EpisodeKind.UNKNOWN, sensitivity=Sensitivity.C0)
    country: Register[str] = field(default="", sensitivity=Sensitivity.C0)  # ISO 3166
    address: Register[str] = field(default="", sensitivity=Sensitivity.C0)
    parcel_rules: Log[str] = empty()
    visit_rules: Log[str] = empty()
    letter_rules: Log[str] = empty()
    notes: Log[str] = empty()
