"""Evacuation, and the time after it: adaptation and lasting support. Line of work 4.

The route is erased 30 days after arrival (a retention rule of the schema's compartment C5).
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from cellsync.casework.values.link import Link
from cellsync.casework.values.money import Money
from cellsync.casework.values.partial_date import UNKNOWN_DATE, PartialDate
from cellsync.core.schema.fields import Counter, Log, Register, Sensitivity, Set, empty, field
from cellsync.core.schema.schema import Schema


class EvacuationState(StrEnum):
    APPLIED = "applied"
    CHECKED = "checked"
    PLANNED = "planned"
    UNDER_WAY = "under_way"
    ARRIVED = "arrived"
    CALLED_OFF = "called_off"
    FAILED = "failed"


class Evacuation(Schema, kind="cellsync.evacuation", version=1):
    state: Register[EvacuationState] = field(default=EvacuationState.APPLIED)
    urgent: Register[bool] = field(default=False)
    people: Register[int] = field(default=1)
    papers: Log[str] = empty(sensitivity=Sensitivity.C5)
    route: Log[str] = empty(sensitivity=Sensitivity.C5)
    meeting: Register[str] = field(default="", sensitivity=Sensitivity.C5)
    leaves: Register[date | None] = field(default=None, sensitivity=Sensitivity.C5)
    arrived: Register[PartialDate | None] = field(default=None, sensitivity=Sensitivity.C5)
    country: Register[str] = field(default="", sensitivity=Sensitivity.C5)
    helpers: Set[str] = empty(sensitivity=Sensitivity.C4)  # aliases
    cost: Register[Money | None] = field(default=None, sensitivity=Sensitivity.C4)
    links: Set[Link] = empty(sensitivity=Sensitivity.C5)


class Need(StrEnum):
    HOUSING = "housing"
    STATUS = "status"  # visa, asylum, papers
    MEDICAL = "medical"
    PSYCHOLOGICAL = "psychological"
    LANGUAGE = "language"
    WORK = "work"
    SCHOOL = "school"
    MONEY = "money"
    FAMILY_REUNION = "family_reunion"
    COMMUNITY = "community"
    OTHER = "other"


class AdaptationState(StrEnum):
    ASKED = "asked"
    SUPPORTED = "supported"
    INDEPENDENT = "independent"
    PAUSED = "paused"
    LOST_CONTACT = "lost_contact"


class Adaptation(Schema, kind="cellsync.adaptation", version=1):
    """Support of a former prisoner or exile."""

    state: Register[AdaptationState] = field(default=AdaptationState.ASKED)
    since: Register[PartialDate] = field(default=UNKNOWN_DATE)
    needs: Set[Need] = empty()
    met: Set[Need] = empty()
    country: Register[str] = field(default="")
    address: Register[str] = field(default="", sensitivity=Sensitivity.C5)
    next_talk: Register[date | None] = field(default=None)
    sessions: Counter = empty(sensitivity=Sensitivity.C3)  # of psychological help
    health: Log[str] = empty(sensitivity=Sensitivity.C3)
    helpers: Set[str] = empty(sensitivity=Sensitivity.C4)  # aliases
    links: Set[Link] = empty()
    notes: Log[str] = empty()
