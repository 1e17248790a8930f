"""Support of the groups themselves: security incidents, small grants, discreet partners. Line of work 5."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from cellsync.casework.values.link import Link
from cellsync.casework.values.money import Money
from cellsync.casework.values.partial_date import UNKNOWN_DATE, PartialDate
from cellsync.core.schema.fields import Log, Map, Register, Sensitivity, Set, empty, field
from cellsync.core.schema.schema import Schema


class IncidentKind(StrEnum):
    ARREST = "arrest"
    SEARCH = "search"
    SEIZED_DEVICE = "seized_device"
    LOST_DEVICE = "lost_device"
    SURVEILLANCE = "surveillance"
    THREAT = "threat"
    ASSAULT = "assault"
    INFILTRATION = "infiltration"
    PHISHING = "phishing"
    MALWARE = "malware"
    ACCOUNT_TAKEOVER = "account_takeover"
    LEAK = "leak"
    BURNOUT = "burnout"
    OTHER = "other"


class IncidentArea(StrEnum):
    PHYSICAL = "physical"
    DIGITAL = "digital"
    PSYCHOLOGICAL = "psychological"


class IncidentState(StrEnum):
    REPORTED = "reported"
    CONTAINED = "contained"
    HELPED = "helped"
    CLOSED = "closed"


class SecurityIncident(Schema, kind="cellsync.incident", version=1):
    kind: Register[IncidentKind] = field(default=IncidentKind.OTHER, sensitivity=Sensitivity.C6)
    areas: Set[IncidentArea] = empty(sensitivity=Sensitivity.C6)
    state: Register[IncidentState] = field(default=IncidentState.REPORTED, sensitivity=Sensitivity.C6)
    happened: Register[PartialDate] = field(default=UNKNOWN_DATE, sensitivity=Sensitivity.C6)
    who: Register[str] = field(default="", sensitivity=Sensitivity.C6)  # an alias
    exposed: Set[str] = empty(sensitivity=Sensitivity.C6)  # information that the other side may now have
    warned: Set[str] = empty(sensitivity=Sensitivity.C6)  # aliases
    account: Log[str] = empty(sensitivity=Sensitivity.C6)
    help_given: Log[str] = empty(sensitivity=Sensitivity.C6)
    links: Set[Link] = empty(sensitivity=Sensitivity.C6)


class GrantState(StrEnum):
    ASKED = "asked"
    APPROVED = "approved"
    PAID = "paid"
    SETTLED = "settled"
    DECLINED = "declined"


class Grant(Schema, kind="cellsync.grant", version=1):
    purpose: Register[str] = field(default="", sensitivity=Sensitivity.C4)
    state: Register[GrantState] = field(default=GrantState.ASKED, sensitivity=Sensitivity.C4)
    asked: Register[Money | None] = field(default=None, sensitivity=Sensitivity.C4)
    approved: Register[Money | None] = field(default=None, sensitivity=Sensitivity.C4)
    payments: Log[Money] = empty(sensitivity=Sensitivity.C4)
    recipient: Register[str] = field(default="", sensitivity=Sensitivity.C4)  # an alias
    due: Register[date | None] = field(default=None, sensitivity=Sensitivity.C4)
    settled: Register[PartialDate | None] = field(default=None, sensitivity=Sensitivity.C4)
    links: Set[Link] = empty(sensitivity=Sensitivity.C4)
    notes: Log[str] = empty(sensitivity=Sensitivity.C4)


class PartnerTrust(StrEnum):
    NEW = "new"
    VOUCHED = "vouched"
    PROVEN = "proven"
    DOUBTED = "doubted"
    ENDED = "ended"


class Partner(Schema, kind="cellsync.partner", version=1):
    """Somebody outside who helps and does not want to be seen."""

    alias: Register[str] = field(default="", sensitivity=Sensitivity.C4)
    trust: Register[PartnerTrust] = field(default=PartnerTrust.NEW, sensitivity=Sensitivity.C4)
    offers: Set[str] = empty(sensitivity=Sensitivity.C4)  # "visas", "housing in Vilnius"
    channels: Map[str, str] = empty(sensitivity=Sensitivity.C4)
    may_be_named: Register[bool] = field(default=False, sensitivity=Sensitivity.C4)  # default deny
    links: Set[Link] = empty(sensitivity=Sensitivity.C4)
    notes: Log[str] = empty(sensitivity=Sensitivity.C4)
