"""The timeline: what happened to a person and what was done, entry by entry."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from cellsync.casework.partial_date import UNKNOWN_DATE, PartialDate
from cellsync.core.case.fields import Sensitivity


class TimelineKind(StrEnum):
    DETAINED = "detained"
    SEARCHED = "searched"
    LOCATED = "located"
    DETENTION_DENIED = "detention_denied"
    INTERROGATED = "interrogated"
    CHARGED = "charged"
    HEARING = "hearing"
    VERDICT = "verdict"
    APPEAL = "appeal"
    TRANSFERRED = "transferred"
    REGIME_CHANGED = "regime_changed"
    PUNISHMENT_CELL = "punishment_cell"
    CELL_TYPE_UNIT = "cell_type_unit"
    NEW_CHARGE = "new_charge"
    LAWYER_VISIT = "lawyer_visit"
    LAWYER_REFUSED = "lawyer_refused"
    LAWYER_DISBARRED = "lawyer_disbarred"
    FAMILY_VISIT = "family_visit"
    VISIT_DENIED = "visit_denied"
    LETTER_SENT = "letter_sent"
    LETTER_RECEIVED = "letter_received"
    LETTER_BLOCKED = "letter_blocked"
    PARCEL_SENT = "parcel_sent"
    PARCEL_DELIVERED = "parcel_delivered"
    PARCEL_REFUSED = "parcel_refused"
    MONEY_SENT = "money_sent"
    FINE = "fine"
    FINE_PAID = "fine_paid"
    HEALTH = "health"
    ILL_TREATMENT = "ill_treatment"
    HUNGER_STRIKE = "hunger_strike"
    DEMAND = "demand"
    PUBLICITY = "publicity"
    INTERNATIONAL_COMMUNICATION = "international_communication"
    RELEASED = "released"
    DIED = "died"
    LEFT_COUNTRY = "left_country"
    EVACUATION_STEP = "evacuation_step"
    ADAPTATION_SUPPORT = "adaptation_support"
    CORRECTION = "correction"
    RETRACTION = "retraction"
    NOTE = "note"


class Source(StrEnum):
    """Who says so, in relation to the person."""

    PERSON = "person"
    FAMILY = "family"
    PARTNER = "partner"
    FRIEND = "friend"
    NEIGHBOUR = "neighbour"
    COLLEAGUE = "colleague"
    CO_DETAINEE = "co_detainee"
    WITNESS = "witness"
    LAWYER = "lawyer"
    MEDICAL = "medical"
    CLERGY = "clergy"
    MONITOR = "monitor"
    ORGANISATION = "organisation"
    INTERNATIONAL_BODY = "international_body"
    JOURNALIST = "journalist"
    MEDIA = "media"
    SOCIAL_MEDIA = "social_media"
    COURT_DOCUMENT = "court_document"
    OFFICIAL = "official"
    FACILITY_STAFF = "facility_staff"
    ANONYMOUS = "anonymous"
    OTHER = "other"


class Reliability(StrEnum):
    CONFIRMED = "confirmed"  # by several independent sources
    RELIABLE = "reliable"
    PROBABLE = "probable"
    DOUBTFUL = "doubtful"
    UNRELIABLE = "unreliable"
    UNKNOWN = "unknown"


class TimelineEntry(NamedTuple):
    """One entry. When it was recorded, and by whom, the log keeps; corrections are the log's too."""

    kind: TimelineKind
    text: str = ""
    date: PartialDate = UNKNOWN_DATE
    source: Source = Source.OTHER
    reliability: Reliability = Reliability.UNKNOWN
    sensitivity: Sensitivity = Sensitivity.C1  # default deny: what is publishable has to be said
    attachments: tuple[bytes, ...] = ()  # BLAKE2b-256 of each file
