"""CaseFile: one person's case, from the first news to its close; its timeline is the case log."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from cellsync.casework.documents.imported import Imported
from cellsync.casework.values.link import Link
from cellsync.casework.values.partial_date import UNKNOWN_DATE, PartialDate
from cellsync.casework.values.timeline import TimelineEntry
from cellsync.core.schema.fields import Log, Register, Sensitivity, Set, empty, field


class CaseStatus(StrEnum):
    INTAKE = "intake"
    ACTIVE = "active"
    PENDING = "pending"
    CLOSED = "closed"
    REJECTED = "rejected"
    ARCHIVED = "archived"  # made by mistake, or over for long: lists leave it out


class Priority(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"
    WATCH = "watch"


class Recognition(StrEnum):
    """As a political prisoner."""

    NONE = "none"
    PROPOSED = "proposed"
    RECOGNISED = "recognised"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class LineOfWork(StrEnum):
    """Which of the five lines of work the case belongs to."""

    RELEASE = "release"
    CONDITIONS = "conditions"
    TALKS = "talks"
    EVACUATION = "evacuation"
    GROUPS = "groups"


class CaseFile(Imported, kind="cellsync.case", version=1):
    title: Register[str] = field(default="")
    external_id: Register[str] = field(default="")
    status: Register[CaseStatus] = field(default=CaseStatus.INTAKE)
    priority: Register[Priority] = field(default=Priority.NORMAL)
    recognition: Register[Recognition] = field(default=Recognition.NONE)
    line_of_work: Register[LineOfWork | None] = field(default=None)
    opened: Register[PartialDate] = field(default=UNKNOWN_DATE)
    release_demands: Log[str] = empty()
    handler: Register[str] = field(default="", sensitivity=Sensitivity.C4)
    review: Register[date | None] = field(default=None)
    summary: Register[str] = field(default="", sensitivity=Sensitivity.C0)
    tags: Set[str] = empty()
    links: Set[Link] = empty()
    timeline: Log[TimelineEntry] = empty()
    legal_notes: Log[str] = empty(sensitivity=Sensitivity.C2)
