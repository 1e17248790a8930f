"""SupportTask: a task to be done for a person, by the member who takes it."""

from __future__ import annotations

from enum import StrEnum

from cellsync.casework.documents.imported import Imported
from cellsync.casework.values.link import Link
from cellsync.casework.values.money import Money
from cellsync.casework.values.partial_date import UNKNOWN_DATE, PartialDate
from cellsync.core.schema.fields import Log, Register, Sensitivity, Set, empty, field


class TaskKind(StrEnum):
    LAWYER = "lawyer"
    PARCEL = "parcel"
    LETTER = "letter"
    MONEY = "money"
    MEDICAL = "medical"
    PSYCHOLOGICAL = "psychological"
    HOUSING = "housing"
    VISA = "visa"
    TRANSPORT = "transport"
    FAMILY = "family"


class TaskState(StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class SupportTask(Imported, kind="cellsync.task", version=1):
    title: Register[str]
    kind: Register[TaskKind | None] = field(default=None)
    state: Register[TaskState] = field(default=TaskState.OPEN)
    due: Register[PartialDate] = field(default=UNKNOWN_DATE)
    doer: Register[str] = field(default="", sensitivity=Sensitivity.C4)  # an alias, never a name
    cost: Register[Money | None] = field(default=None, sensitivity=Sensitivity.C4)
    links: Set[Link] = empty()
    notes: Log[str] = empty(sensitivity=Sensitivity.C4)
