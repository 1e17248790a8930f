"""Words: values of the documents in the form that is shown to people.

`editing` reads these words back, as far as they express the whole value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, Final

from cellsync.casework.values.link import Link
from cellsync.casework.values.money import Money
from cellsync.casework.values.name import Name
from cellsync.casework.values.partial_date import PartialDate, Precision
from cellsync.casework.values.timeline import Reliability, Source, TimelineEntry, entry_of

_UNSAID: Final = Source.OTHER.value  # written after a text that itself ends like a source
_SHORT: Final = 8  # digits of a linked case's id


def as_text(value: Any) -> str:
    """A value of a field, or a whole set, map or log. Dates are 2026-03-01, an unknown one is "?", nothing is ""."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value).replace("_", " ")
        case str() | PartialDate() | Money():
            return str(value)
        case datetime():
            return _moment(value)
        case date():
            return value.isoformat()
        case Name():
            return value.text
        case Link():
            return f"{as_text(value.relation)} {value.case.hex()[:_SHORT]}"
        case TimelineEntry():
            return _entry(value)
        case bytes():
            return value.hex()
        case Mapping():
            return ", ".join(f"{as_text(key)}: {as_text(inner)}" for key, inner in value.items())
        case tuple() if hasattr(value, "_fields"):
            return _parts(list(value))
        case Sequence() | AbstractSet():
            return ", ".join(words for element in value if (words := as_text(element)))
    if is_dataclass(value):
        return _parts([getattr(value, field.name) for field in fields(value)])
    return str(value)


def _parts(values: list[Any]) -> str:
    """Parts in order, separated by commas; empty ones keep their place, but are left out at the end."""
    words = [as_text(element) for element in values]
    while words and not words[-1]:
        words.pop()
    return ", ".join(words)


def _moment(value: datetime) -> str:
    """A moment in UTC, with the precision that it was given with."""
    utc = value.astimezone(UTC).replace(tzinfo=None)
    exact = "milliseconds" if utc.microsecond else "seconds" if utc.second else "minutes"
    return utc.isoformat(" ", exact)


def as_typed(entry: TimelineEntry) -> str:
    """An entry as a text that `entry_of` reads back; no text can express its compartment and its attachments."""
    said = entry._replace(sensitivity=TimelineEntry(entry.kind).sensitivity, attachments=())
    shown, head, known = _entry(said), _head(said), _known(said)
    tail = f" ({known})" if known else ""
    texts = (shown, f"{head}: {said.text}{tail}", f"{head}: {said.text} ({_UNSAID})")
    return next((text for text in texts if entry_of(text) == said), shown)


def _entry(entry: TimelineEntry) -> str:
    known = _known(entry)
    return _head(entry) + (f": {entry.text}" if entry.text else "") + (f" ({known})" if known else "")


def _head(entry: TimelineEntry) -> str:
    when = "" if entry.date.precision is Precision.UNKNOWN else as_text(entry.date)
    return f"{when} {as_text(entry.kind)}".strip()


def _known(entry: TimelineEntry) -> str:
    """Source and reliability, as far as they were given."""
    said = ((entry.source, Source.OTHER), (entry.reliability, Reliability.UNKNOWN))
    return ", ".join(as_text(choice) for choice, default in said if choice is not default)
