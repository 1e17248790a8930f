"""Texts: typed text becomes plain values, by the description of their type (`ValueType.description`).

    str            as it is                     money          120.50 EUR
    int, float     12, -2.5                     link           about:4f2a, or "about 4f2a"
    bool           yes, no, on, off, true, …    entry          any text; or "hearing 2024-05: put off"
    date           2024-05-03, 03.05.2024       choice         its word; spaces, dashes, capitals do not matter
    partial date   2024-05, 2024, ~2024, ?      optional       empty is None
    moment         2024-05-03T14:30+02:00       list           a, b, c
    bytes          00ff                         other parts    in order, separated by commas; empty is the default

A text that cannot be read raises BadCell, whose sentence and hint do not repeat the text.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from cellsync.casework.importing import cells
from cellsync.casework.importing.cells import BadCell
from cellsync.casework.values.choices import chosen, offer
from cellsync.casework.values.link import Link, Relation
from cellsync.casework.values.money import Money
from cellsync.casework.values.name import Name, name_of
from cellsync.casework.values.partial_date import PartialDate, Precision
from cellsync.casework.values.timeline import TimelineEntry, entry_of
from cellsync.casework.vocabulary import meant
from cellsync.core.errors import InvalidValue
from cellsync.core.ids import CaseId
from cellsync.core.schema.values import value_type


class Find(Protocol):
    """Returns the case that a name or id means. Raises an error if there is none."""

    def __call__(self, named: str, kind: str = "", /) -> CaseId:
        """`named`: the beginning of its id, or its name. If several match, one of this kind is meant."""
        ...


CASE_ID: Final = "case id"  # a description used only here: bytes that `Find` returns


def plain_of(described: Any, text: str, find: Find, before: Any = None) -> Any:
    """The plain value of a text; `before` is the value that it replaces.

    Raises BadCell, and whatever `find` raises.
    """
    if described in ("str", "any"):
        return text
    text = text.strip()
    if described == CASE_ID:
        return bytes(find(text))
    if isinstance(described, str):
        return _SIMPLE[described](text)
    if (choices := choices_of(described)) is not None:
        return _choice(choices, text)
    if "optional" in described:
        return None if not text else plain_of(described["optional"], text, find, before)
    if "list" in described:
        return [plain_of(described["list"], part.strip(), find) for part in text.split(",") if part.strip()]
    if described == LINK:
        return _link(text, find)
    if described == _ENTRY:
        return _ENTRY_KIND.encode(entry_of(_something(text), before if isinstance(before, TimelineEntry) else None))
    for special, read in _SPECIAL:
        if described == special:
            return read(text)
    return _parts(described, text, find)


def choices_of(described: Any) -> list[str | int] | None:
    """The plain values of an enumeration or a literal."""
    if not isinstance(described, dict):
        return None
    return described.get("values") if "enum" in described else described.get("literal")


def hint_of(described: Any) -> str:
    """A hint on how to write such a value."""
    if isinstance(described, str):
        return _FORMS[described]
    if (choices := choices_of(described)) is not None:
        return offer("", choices)
    if "parts" in described:
        wanted = [
            name if name not in described["defaults"] else f"{name} (may be left out)" for name in described["parts"]
        ]
        return f"Its parts are: {', '.join(wanted)}."
    return hint_of(described["optional"] if "optional" in described else described["list"])


# --- simple values ----------------------------------------------------------------------------------


def _int(text: str) -> int:
    [number] = cells.number(text)
    return int(number)


def _float(text: str) -> float:
    try:
        if text.isascii() and "_" not in text:
            return float(text)
    except ValueError:
        pass
    raise BadCell("is not a number")


def _bool(text: str) -> bool:
    [answer] = cells.yes_no(text)
    return bool(answer)


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise BadCell("is not written in hexadecimal digits") from None


def _date(text: str) -> str:
    """A whole day only: a guessed one would look like a known one."""
    date = _known(text)
    if date.precision is not Precision.DAY or date.estimated:
        raise BadCell("is not a whole day")
    return str(date)


def _known(text: str) -> PartialDate:
    try:
        date: PartialDate = cells.partial_date(text)[0]
    except BadCell as bad:
        raise BadCell(bad.sentence, bad.hint or "Look at the month and the day.") from None
    return date


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        plain: int = _MOMENT.encode(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise BadCell("is not a time") from None
    return plain


# --- values with parts ------------------------------------------------------------------------------


def _choice(choices: list[str | int], text: str) -> str | int:
    choice = meant(text, choices)
    if choice is None:
        raise BadCell("has no such choice", offer(text, choices))
    return choice


def _partial_date(text: str) -> list[Any]:
    plain: list[Any] = _PARTIAL_DATE.encode(_known(text))
    return plain


def _name(text: str) -> list[Any]:
    plain: list[Any] = _NAME.encode(name_of(_something(text)))
    return plain


def _money(text: str) -> list[Any]:
    try:
        return list(Money.parse(text))
    except InvalidValue as error:
        raise BadCell(f"is {error}", error.hint) from None


def _link(text: str, find: Find) -> list[Any]:
    """ "about:4f2a", or "part of 4f2a", the form in which links are shown."""
    typed, _, case = text.partition(":") if ":" in text else text.rpartition(" ")
    if not typed.strip() or not case.strip():
        raise BadCell("is not a link", "Write a relation, a colon and the beginning of an id: about:4f2a.")
    relation = chosen(typed, Relation)
    if relation is None:
        raise BadCell("has no such relation", offer(typed, Relation))
    return [bytes(find(case.strip(), _LED_TO.get(relation, ""))), relation.value]


def _parts(described: Any, text: str, find: Find) -> list[Any]:
    """Parts in the form that `as_text` writes; the last one may contain commas."""
    parts, defaults = described["parts"], described["defaults"]
    typed = [part.strip() for part in text.split(",", len(parts) - 1)]
    plain = []
    for at, (name, inner) in enumerate(parts.items()):
        said = typed[at] if at < len(typed) else ""
        if not said and name in defaults:
            plain.append(defaults[name])
        else:
            try:
                plain.append(plain_of(inner, said, find))
            except BadCell as bad:
                raise BadCell(f"has a part {name!r} that {bad.sentence}", bad.hint or hint_of(inner)) from None
    return plain


def _something(text: str) -> str:
    if not text:
        raise BadCell("is empty", "Write something.")
    return text


_LED_TO: Final = {
    Relation.ABOUT: "cellsync.person",
    Relation.PART_OF: "cellsync.case",
    Relation.AT: "cellsync.facility",
}
_SIMPLE: Final[dict[str, Callable[[str], Any]]] = {
    "int": _int, "float": _float, "bool": _bool, "bytes": _bytes, "date": _date, "moment": _moment,
}  # fmt: skip
_FORMS: Final = {
    "str": "Write a text.",
    "any": "Write a text, or send it as a field stores it.",
    "int": "Write a whole number: 3 or -3.",
    "float": "Write a number: 2.5.",
    "bool": "Write yes or no.",
    "bytes": "Write hexadecimal digits.",
    "date": "Write 2024-05-03 or 03.05.2024.",
    "moment": "Write 2024-05-03T14:30+02:00, or 2024-05-03 14:30 for UTC.",
}
_MOMENT: Final = value_type(datetime)
_PARTIAL_DATE: Final = value_type(PartialDate)
_NAME: Final = value_type(Name)
_ENTRY_KIND: Final = value_type(TimelineEntry)
_ENTRY: Final = _ENTRY_KIND.description
LINK: Final = value_type(Link).description
_SPECIAL: Final[list[tuple[Any, Callable[[str], Any]]]] = [
    (_PARTIAL_DATE.description, _partial_date), (_NAME.description, _name), (value_type(Money).description, _money),
]  # fmt: skip
