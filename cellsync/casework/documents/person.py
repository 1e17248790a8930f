"""Person: who they are. What happened to them is in their cases."""

from __future__ import annotations

from enum import StrEnum

from cellsync.casework.documents.imported import Imported
from cellsync.casework.values.link import Link
from cellsync.casework.values.name import Name
from cellsync.casework.values.partial_date import UNKNOWN_DATE, PartialDate
from cellsync.core.schema.fields import Log, Register, Sensitivity, Set, empty, field


class Sex(StrEnum):
    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNKNOWN = "unknown"


class Person(Imported, kind="cellsync.person", version=1):
    """No field has to be given: a person can be known before their name is."""

    names: Set[Name] = empty()
    description: Register[str] = field(default="")  # of an unnamed person: "woman in a green coat, cell 7"
    external_id: Register[str] = field(default="")
    sex: Register[Sex] = field(default=Sex.UNKNOWN)
    born: Register[PartialDate] = field(default=UNKNOWN_DATE)
    died: Register[PartialDate | None] = field(default=None)
    citizenships: Set[str] = empty()  # ISO 3166
    languages: Set[str] = empty()  # BCP 47
    occupation: Register[str] = field(default="")
    dependants: Register[int | None] = field(default=None)
    residence: Register[str] = field(default="")
    health: Log[str] = empty(sensitivity=Sensitivity.C3)
    links: Set[Link] = empty()
    notes: Log[str] = empty()
