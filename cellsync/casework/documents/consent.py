"""Consent: how far the information about a person may go, who said so, and whether the consent still holds."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from cellsync.casework.values.link import Link
from cellsync.casework.values.partial_date import UNKNOWN_DATE, PartialDate
from cellsync.core.schema.fields import Log, Register, Sensitivity, Set, empty, field
from cellsync.core.schema.schema import Schema


class Scope(StrEnum):
    NONE = "none"
    INTERNAL = "internal"
    PARTNERS = "partners"
    UN = "un"
    PUBLIC = "public"


class Consent(Schema, kind="cellsync.consent", version=2):
    """About a person; also part of a case: then it holds in that case only (`exporting.permission`)."""

    scope: Register[Scope] = field(default=Scope.NONE)  # default deny
    given_by: Register[str] = field(default="")
    given: Register[PartialDate] = field(default=UNKNOWN_DATE)  # nothing leaves by it before that day
    withdrawn: Register[PartialDate | None] = field(default=None)  # an unknown date still means withdrawn
    covers: Set[Sensitivity] = empty()  # compartments; none: C0 and C1
    withheld: Set[str] = empty()  # fields that stay in spite of it: "residence", "person.residence"
    links: Set[Link] = empty()
    notes: Log[str] = empty()


def effective_scope(consent: Consent) -> Scope:
    """The scope that the consent allows now: the least of its concurrent values."""
    scopes = [value.value if isinstance(value.value, Scope) else Scope.NONE for value in consent.said("scope")]
    return Scope.NONE if is_withdrawn(consent) or not scopes else min(scopes, key=list(Scope).index)


def begins_after(consent: Consent, today: date) -> bool:
    """Whether the consent is given on a day that is still to come, in any of its concurrent values.

    Of a month or a year, its first day counts.
    """
    days = [value.value.earliest for value in consent.said("given") if isinstance(value.value, PartialDate)]
    return any(day is not None and day > today for day in days)


def is_withdrawn(consent: Consent) -> bool:
    """Whether the consent was withdrawn, in any of its concurrent values."""
    return any(value.value is not None for value in consent.said("withdrawn"))
