"""Episode: one stay in detention, from one door to the next."""

from __future__ import annotations

from enum import StrEnum

from cellsync.casework.documents.imported import Imported
from cellsync.casework.values.link import Link
from cellsync.casework.values.partial_date import UNKNOWN_DATE, PartialDate
from cellsync.core.schema.fields import Log, Register, Sensitivity, Set, empty, field


class EpisodeKind(StrEnum):
    STREET_DETENTION = "street_detention"
    ADMINISTRATIVE_ARREST = "administrative_arrest"
    TEMPORARY_ISOLATOR = "temporary_isolator"
    SIZO = "sizo"
    COLONY = "colony"
    PRISON = "prison"
    OPEN_TYPE = "open_type"
    HOME_RESTRICTION = "home_restriction"
    PSYCHIATRIC = "psychiatric"
    UNKNOWN = "unknown"


class Warrant(StrEnum):
    SHOWN = "shown"
    NOT_SHOWN = "not_shown"
    UNKNOWN = "unknown"


class OutsideContact(StrEnum):
    FREE = "free"
    RESTRICTED = "restricted"
    INCOMMUNICADO = "incommunicado"
    UNKNOWN = "unknown"


class Counsel(StrEnum):
    CHOSEN = "chosen"
    APPOINTED = "appointed"
    REFUSED = "refused"
    NONE = "none"
    UNKNOWN = "unknown"


class Episode(Imported, kind="cellsync.episode", version=1):
    kind: Register[EpisodeKind] = field(default=EpisodeKind.UNKNOWN)
    agency: Register[str] = field(default="")
    warrant: Register[Warrant] = field(default=Warrant.UNKNOWN)
    since: Register[PartialDate] = field(default=UNKNOWN_DATE)
    until: Register[PartialDate | None] = field(default=None)  # None: not over
    place: Register[str] = field(default="")  # in words; a link names the Facility
    contact: Register[OutsideContact] = field(default=OutsideContact.UNKNOWN)
    counsel: Register[Counsel] = field(default=Counsel.UNKNOWN)
    conditions: Log[str] = empty()
    medical: Log[str] = empty(sensitivity=Sensitivity.C3)
    links: Set[Link] = empty()
