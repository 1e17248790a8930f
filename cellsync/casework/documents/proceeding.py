"""Proceeding: one prosecution, or one listing, before one authority."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import NamedTuple

from cellsync.casework.documents.imported import Imported
from cellsync.casework.values.link import Link
from cellsync.casework.values.money import Money
from cellsync.casework.values.partial_date import UNKNOWN_DATE, PartialDate
from cellsync.core.schema.fields import Log, Register, Sensitivity, Set, empty, field


class ProceedingKind(StrEnum):
    ADMINISTRATIVE = "administrative"
    CRIMINAL = "criminal"
    ADDITIONAL = "additional"  # against a person already imprisoned, such as article 411
    IN_ABSENTIA = "in_absentia"
    UNKNOWN = "unknown"


class Publicity(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    NONE = "none"
    GUILTY = "guilty"
    ACQUITTED = "acquitted"
    DISCONTINUED = "discontinued"
    UNKNOWN = "unknown"


class Appeal(StrEnum):
    NONE = "none"
    FILED = "filed"
    DISMISSED = "dismissed"
    GRANTED = "granted"
    UNKNOWN = "unknown"


class Listing(StrEnum):
    EXTREMIST = "extremist"
    TERRORIST = "terrorist"


class Hearing(NamedTuple):
    date: PartialDate
    court: str = ""
    outcome: str = ""


class Fine(NamedTuple):
    sum: Money
    due: PartialDate = UNKNOWN_DATE
    paid: PartialDate | None = None  # None: not paid; an unknown date: paid at an unknown time


class Proceeding(Imported, kind="cellsync.proceeding", version=1):
    kind: Register[ProceedingKind] = field(default=ProceedingKind.UNKNOWN)
    articles: Set[str] = empty()
    court: Register[str] = field(default="")
    publicity: Register[Publicity] = field(default=Publicity.UNKNOWN)
    hearings: Log[Hearing] = empty()
    next_hearing: Register[date | None] = field(default=None)
    verdict: Register[Verdict] = field(default=Verdict.NONE)
    verdict_date: Register[PartialDate] = field(default=UNKNOWN_DATE)
    sentence: Register[str] = field(default="")
    fines: Log[Fine] = empty()
    appeal: Register[Appeal] = field(default=Appeal.NONE)
    listings: Set[Listing] = empty()
    links: Set[Link] = empty()
    strategy: Log[str] = empty(sensitivity=Sensitivity.C2)
