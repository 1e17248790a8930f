"""Contact: how to reach a person such as a relative, a lawyer or a courier."""

from __future__ import annotations

from enum import StrEnum

from cellsync.casework.values.link import Link
from cellsync.casework.values.name import Name
from cellsync.core.schema.fields import Log, Map, Register, Sensitivity, Set, empty, field
from cellsync.core.schema.schema import Schema


class ContactRole(StrEnum):
    RELATIVE = "relative"
    FRIEND = "friend"
    LAWYER = "lawyer"
    DOCTOR = "doctor"
    PSYCHOLOGIST = "psychologist"
    COURIER = "courier"
    HOST = "host"
    JOURNALIST = "journalist"
    OFFICIAL = "official"
    OTHER = "other"


class Contact(Schema, kind="cellsync.contact", version=1):
    names: Set[Name] = empty(sensitivity=Sensitivity.C4)
    role: Register[ContactRole] = field(default=ContactRole.OTHER, sensitivity=Sensitivity.C4)
    channels: Map[str, str] = empty(sensitivity=Sensitivity.C4)  # "signal" -> the address there
    safe_to_call: Register[bool] = field(default=False, sensitivity=Sensitivity.C4)  # default deny
    how: Register[str] = field(default="", sensitivity=Sensitivity.C4)  # "after 20:00, ask for Vera"
    links: Set[Link] = empty(sensitivity=Sensitivity.C4)
    notes: Log[str] = empty(sensitivity=Sensitivity.C4)
