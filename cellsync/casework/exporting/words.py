"""Values of the documents in words, for tables and pages."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum
from typing import Any, Final

from cellsync.casework.exporting.leaving import Said
from cellsync.casework.link import Link
from cellsync.casework.money import Money
from cellsync.casework.name import Name
from cellsync.casework.partial_date import PartialDate, Precision
from cellsync.casework.timeline import Reliability, Source, TimelineEntry

# ISO 4217, where a currency's smallest unit is no hundredth
_DIGITS: Final = {"JPY": 0, "KRW": 0, "VND": 0, "ISK": 0, "KWD": 3, "BHD": 3, "JOD": 3, "IQD": 3, "TND": 3}


def in_words(value: Any) -> str:
    """A value as people read it; dates as 2026-03-01."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value).replace("_", " ")
        case PartialDate():
            return "" if value.precision is Precision.UNKNOWN else str(value)
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case date():
            return value.isoformat()
        case Name():
            return value.text
        case Money():
            return _money(value)
        case Link():
            return f"{in_words(value.relation)} {value.case.hex()[:8]}"
        case TimelineEntry():
            return _entry(value)
        case bytes():
            return value.hex()
        case list() | tuple():
            return ", ".join(words for one in value if (words := in_words(one)))
    return str(value)


def _money(money: Money) -> str:
    digits = _DIGITS.get(money.currency, 2)
    sign, amount = "-" if money.amount < 0 else "", f"{abs(money.amount):0{digits + 1}}"
    whole, part = (amount[:-digits], "." + amount[-digits:]) if digits else (amount, "")
    return f"{sign}{whole}{part} {money.currency}"


def _entry(entry: TimelineEntry) -> str:
    head = f"{in_words(entry.date)} {in_words(entry.kind)}".strip()
    known = [
        in_words(one)
        for one, default in ((entry.source, Source.OTHER), (entry.reliability, Reliability.UNKNOWN))
        if one is not default
    ]
    return head + (f": {entry.text}" if entry.text else "") + (f" ({', '.join(known)})" if known else "")


def who(said: Said) -> str:
    """(ana, ben 2026-03-01), or nothing where nobody is known."""
    at = f" {said.at:%Y-%m-%d}" if said.at else ""
    return f"({', '.join(said.authors)}{at})" if said.authors else ""


def contradiction(said: tuple[Said, ...]) -> str:
    """Every value with its authors."""
    return " / ".join(f"{in_words(one.value) or 'nothing'} {who(one)}".strip() for one in said)
