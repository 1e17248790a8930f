"""Demand: a campaign or petition for the release of a prisoner. Line of work 1."""

from __future__ import annotations

from enum import StrEnum

from cellsync.casework.values.link import Link
from cellsync.casework.values.partial_date import UNKNOWN_DATE, PartialDate
from cellsync.core.schema.fields import Counter, Log, Register, Sensitivity, Set, empty, field
from cellsync.core.schema.schema import Schema


class DemandKind(StrEnum):
    PETITION = "petition"
    OPEN_LETTER = "open_letter"
    APPEAL_TO_AUTHORITY = "appeal_to_authority"
    INTERNATIONAL_COMMUNICATION = "international_communication"
    CAMPAIGN = "campaign"
    VIGIL = "vigil"
    OTHER = "other"


class DemandState(StrEnum):
    PREPARED = "prepared"
    SENT = "sent"
    ANSWERED = "answered"
    REFUSED = "refused"
    GRANTED = "granted"
    CLOSED = "closed"


class Demand(Schema, kind="cellsync.demand", version=1):
    title: Register[str]
    kind: Register[DemandKind] = field(default=DemandKind.OTHER)
    state: Register[DemandState] = field(default=DemandState.PREPARED)
    addressee: Register[str] = field(default="")
    text: Register[str] = field(default="", sensitivity=Sensitivity.C0)
    sent: Register[PartialDate] = field(default=UNKNOWN_DATE)
    signatures: Counter = empty()
    answers: Log[str] = empty()
    publicity: Log[str] = empty(sensitivity=Sensitivity.C0)
    organisers: Set[str] = empty(sensitivity=Sensitivity.C4)  # aliases
    links: Set[Link] = empty()
