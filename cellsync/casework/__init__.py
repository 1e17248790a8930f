"""Documents for the work itself: people, cases, detention, proceedings, tasks, and the five lines of work.

    1  demands for release                                    Demand
    2  conditions of detention, access to fair proceedings    ConditionsReport, Access
    3  talks about future and release                         Talks
    4  evacuation, adaptation, lasting support                Evacuation, Adaptation
    5  support of the groups themselves                       SecurityIncident, Grant, Partner

They are ordinary schemas: use them, extend them, or declare your own. Every field but a task's and a demand's title may
be left out: people can be unnamed and dates unknown. Each field has a compartment (`Sensitivity`).
"""

from __future__ import annotations

from typing import Final

from cellsync.casework.documents.access import Access, ConditionsReport
from cellsync.casework.documents.case_file import CaseFile
from cellsync.casework.documents.consent import Consent
from cellsync.casework.documents.contact import Contact
from cellsync.casework.documents.demand import Demand
from cellsync.casework.documents.episode import Episode
from cellsync.casework.documents.evacuation import Adaptation, Evacuation
from cellsync.casework.documents.export_record import ExportRecord
from cellsync.casework.documents.facility import Facility
from cellsync.casework.documents.group_support import Grant, Partner, SecurityIncident
from cellsync.casework.documents.person import Person
from cellsync.casework.documents.proceeding import Proceeding
from cellsync.casework.documents.support_task import SupportTask
from cellsync.casework.documents.talks import Talks
from cellsync.casework.values.link import Link, Relation
from cellsync.casework.values.money import Money
from cellsync.casework.values.name import Name, NameKind, Script
from cellsync.casework.values.partial_date import UNKNOWN_DATE, PartialDate, Precision
from cellsync.casework.values.timeline import TimelineEntry, TimelineKind
from cellsync.core.schema.schema import Schema

SCHEMAS: Final[tuple[type[Schema], ...]] = (
    Person, CaseFile, Episode, Proceeding, SupportTask, Contact, Facility, Consent, ExportRecord,
    Demand, ConditionsReport, Access, Talks, Evacuation, Adaptation, SecurityIncident, Grant, Partner,
)  # fmt: skip

__all__ = [
    "SCHEMAS", "UNKNOWN_DATE", "Access", "Adaptation", "CaseFile", "ConditionsReport", "Consent", "Contact", "Demand",
    "Episode", "Evacuation", "ExportRecord", "Facility", "Grant", "Link", "Money", "Name", "NameKind", "PartialDate",
    "Partner", "Person", "Precision", "Proceeding", "Relation", "Script", "SecurityIncident", "SupportTask", "Talks",
    "TimelineEntry", "TimelineKind",
]  # fmt: skip
