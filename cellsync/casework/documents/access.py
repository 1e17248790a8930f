"""Conditions of detention, and access to a person and to a fair proceeding. Line of work 2."""

from __future__ import annotations

from enum import StrEnum

from cellsync.casework.values.link import Link
from cellsync.casework.values.partial_date import UNKNOWN_DATE, PartialDate
from cellsync.casework.values.timeline import Reliability, Source
from cellsync.core.schema.fields import Log, Register, Sensitivity, Set, empty, field
from cellsync.core.schema.schema import Schema


class Concern(StrEnum):
    OVERCROWDING = "overcrowding"
    FOOD = "food"
    WATER = "water"
    COLD_OR_HEAT = "cold_or_heat"
    SLEEP = "sleep"
    HYGIENE = "hygiene"
    MEDICAL_CARE = "medical_care"
    SOLITARY = "solitary"
    FORCED_LABOUR = "forced_labour"
    ILL_TREATMENT = "ill_treatment"
    CORRESPONDENCE = "correspondence"
    PARCELS = "parcels"
    VISITS = "visits"
    RELIGION = "religion"
    OTHER = "other"


class ConditionsReport(Schema, kind="cellsync.conditions", version=1):
    """What somebody says about conditions at one place and time."""

    observed: Register[PartialDate] = field(default=UNKNOWN_DATE)
    concerns: Set[Concern] = empty()
    account: Log[str] = empty()
    medical: Log[str] = empty(sensitivity=Sensitivity.C3)
    source: Register[Source] = field(default=Source.OTHER)
    reliability: Register[Reliability] = field(default=Reliability.UNKNOWN)
    complaints: Log[str] = empty(sensitivity=Sensitivity.C2)
    links: Set[Link] = empty()


class AccessKind(StrEnum):
    LAWYER = "lawyer"
    FAMILY = "family"
    DOCTOR = "doctor"
    CLERGY = "clergy"
    CONSUL = "consul"
    MONITOR = "monitor"
    COURT_OBSERVER = "court_observer"
    INTERPRETER = "interpreter"
    CASE_FILE = "case_file"
    LETTERS = "letters"
    PARCELS = "parcels"


class AccessOutcome(StrEnum):
    ASKED = "asked"
    GRANTED = "granted"
    LIMITED = "limited"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"


class Access(Schema, kind="cellsync.access", version=1):
    """One request to reach a person or their file, and what became of it."""

    kind: Register[AccessKind | None] = field(default=None)
    outcome: Register[AccessOutcome] = field(default=AccessOutcome.ASKED)
    asked: Register[PartialDate] = field(default=UNKNOWN_DATE)
    answered: Register[PartialDate | None] = field(default=None)
    authority: Register[str] = field(default="")
    reason: Register[str] = field(default="")
    legal_steps: Log[str] = empty(sensitivity=Sensitivity.C2)
    links: Set[Link] = empty()
