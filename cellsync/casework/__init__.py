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

from cellsync.casework.access import Access, ConditionsReport
from cellsync.casework.case_file import CaseFile
from cellsync.casework.consent import Consent
from cellsync.casework.contact import Contact
from cellsync.casework.demand import Demand
from cellsync.casework.episode import Episode
from cellsync.casework.evacuation import Adaptation, Evacuation
from cellsync.casework.export_record import ExportRecord
from cellsync.casework.facility import Facility
from cellsync.casework.group_support import Grant, Partner, SecurityIncident
from cellsync.casework.link import Link, Relation
from cellsync.casework.money import Money
from cellsync.casework.name import Name, NameKind, Script
from cellsync.casework.partial_date import UNKNOWN_DATE, PartialDate, Precision
from cellsync.casework.person import Person
from cellsync.casework.proceeding import Proceeding
from cellsync.casework.support_task import SupportTask
from cellsync.casework.talks import Talks
from cellsync.casework.timeline import TimelineEntry, TimelineKind
from cellsync.core.case.schema import Schema

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
