"""The timeline: the events of a case and the actions taken, entry by entry."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from cellsync.casework.values.choices import chosen
from cellsync.casework.values.partial_date import UNKNOWN_DATE, PartialDate
from cellsync.core.errors import InvalidValue
from cellsync.core.schema.fields import Sensitivity


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
    sensitivity: Sensitivity = Sensitivity.C1  # default deny: an entry is published only if it says so
    attachments: tuple[bytes, ...] = ()  # BLAKE2b-256 of each file


_LONGEST_HEAD: Final = 80  # characters
_SOURCES: Final = list(Source)
_RELIABILITIES: Final = [reliability for reliability in Reliability if reliability is not Reliability.UNKNOWN]


def entry_of(text: str, instead_of: TimelineEntry | None = None) -> TimelineEntry:
    """An entry from typed text: a note, or an entry with a kind and a date, as "hearing 2024-05: put off".

    Words before a colon count only if they are a kind, with or without a date; "(lawyer, confirmed)" at the end is then
    source and reliability. The output of `as_text` is therefore read back. `instead_of` is the former entry: its parts
    that a text cannot express are kept, and a text without a kind replaces only its text.
    """
    text = text.strip()
    before = instead_of or TimelineEntry(TimelineKind.NOTE)
    shown, source, reliability = _tail(text)
    head, colon, said = shown.partition(":")
    kind, when = _head(head)
    if kind is None or not (colon or when):
        return before._replace(text=text)
    date = when or UNKNOWN_DATE
    return before._replace(kind=kind, text=said.strip(), date=date, source=source, reliability=reliability)


def _head(head: str) -> tuple[TimelineKind | None, PartialDate | None]:
    """The kind and date in "hearing", "hearing 2024-05" or "2024-05 hearing"; None for those that are missing."""
    words = head.split() if len(head) <= _LONGEST_HEAD else []
    for kind_words, dates in ((words, []), (words[:-1], words[-1:]), (words[1:], words[:1])):
        if (kind := chosen(" ".join(kind_words), TimelineKind)) is not None:
            try:
                return kind, PartialDate.parse(dates[0]) if dates else None
            except InvalidValue:
                continue
    return None, None


def _tail(text: str) -> tuple[str, Source, Reliability]:
    """The text before "(lawyer)", "(confirmed)" or "(lawyer, confirmed)", and the source and reliability in it."""
    said, _, listed = text.removesuffix(")").rpartition("(") if text.endswith(")") else ("", "", "")
    words = listed.split(",")
    source = chosen(words[0], _SOURCES)
    rest = words if source is None else words[1:]
    reliability = chosen(rest[0], _RELIABILITIES) if rest else None
    if len(rest) != (reliability is not None):
        return text, Source.OTHER, Reliability.UNKNOWN
    return said.rstrip(), source or Source.OTHER, reliability or Reliability.UNKNOWN
