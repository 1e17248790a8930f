"""Talks about a person's future and release: with whom, through whom, how far. Line of work 3."""

from __future__ import annotations

from enum import StrEnum

from cellsync.casework.values.link import Link
from cellsync.casework.values.partial_date import UNKNOWN_DATE, PartialDate
from cellsync.core.schema.fields import Log, Register, Sensitivity, Set, empty, field
from cellsync.core.schema.schema import Schema


class TalksStage(StrEnum):
    SOUNDING = "sounding"
    OPEN = "open"
    OFFER = "offer"
    AGREED = "agreed"
    CARRIED_OUT = "carried_out"
    BROKEN_OFF = "broken_off"
    PAUSED = "paused"


class Wish(StrEnum):
    """The wish of the person concerned: there are no talks over their head."""

    UNKNOWN = "unknown"
    AGREES = "agrees"
    AGREES_WITH_CONDITIONS = "agrees_with_conditions"
    REFUSES = "refuses"
    CANNOT_BE_ASKED = "cannot_be_asked"


class Talks(Schema, kind="cellsync.talks", version=1):
    stage: Register[TalksStage] = field(default=TalksStage.SOUNDING)
    wish: Register[Wish] = field(default=Wish.UNKNOWN)
    conditions: Log[str] = empty(sensitivity=Sensitivity.C2)  # demands of the person or the family
    counterpart: Register[str] = field(default="", sensitivity=Sensitivity.C4)
    intermediaries: Set[str] = empty(sensitivity=Sensitivity.C4)  # aliases
    offers: Log[str] = empty(sensitivity=Sensitivity.C2)
    started: Register[PartialDate] = field(default=UNKNOWN_DATE)
    plan_after_release: Log[str] = empty()
    publicity_agreed: Register[bool] = field(default=False)  # default: silence
    links: Set[Link] = empty()
