"""Objects: JSON from a client becomes values.

A text in place of any other value is read like typed text; a JSON value that is no text is the plain form, with
{"hex": "…"} for bytes. A value of several parts is an object with their names, {"kind": "hearing", "date": "2024-05"},
in which parts with a default may be left out, or an array of the parts.
"""

from __future__ import annotations

from typing import Any

from cellsync.casework.editing import texts
from cellsync.casework.editing.texts import CASE_ID, LINK, Find, hint_of
from cellsync.casework.importing.cells import BadCell
from cellsync.casework.values.choices import offer
from cellsync.casework.values.json_form import from_json
from cellsync.casework.values.link import Link
from cellsync.core.errors import InvalidValue
from cellsync.core.ids import ID_BYTES
from cellsync.core.schema.values import Misfit, ValueType


def typed_value(kind: ValueType, field: str, given: Any, find: Find, instead_of: Any = None) -> Any:
    """The value that a text or a JSON value means. `instead_of`: the item of a log that it corrects.

    Raises InvalidValue, which names the field and not the value, and whatever `find` raises.
    """
    described = kind.description
    try:
        if isinstance(given, str):
            plain = texts.plain_of(described, given, find, instead_of)
        else:
            plain = _plain_of(described, given, find)
        value = kind.decode(plain)
        if isinstance(value, Link) and len(value.case) != ID_BYTES:
            raise Misfit
    except BadCell as bad:
        raise InvalidValue(f"{field!r} {bad.sentence}", hint=bad.hint or hint_of(described)) from None
    except (Misfit, OverflowError):
        raise InvalidValue(f"this value does not fit the field {field!r}", hint=hint_of(described)) from None
    return value


def _plain_of(described: Any, given: Any, find: Find) -> Any:
    """The plain form of a JSON value. Raises BadCell, Misfit, OverflowError, and whatever `find` raises."""
    if isinstance(described, dict) and "optional" in described:
        return None if given is None else _plain_of(described["optional"], given, find)
    if isinstance(given, str):
        # Inside another value, even a text such as "?" is kept as text, so the output of `as_json` is read back.
        return texts.plain_of(described, given, find)
    if described == "float" and type(given) is int:
        return float(given)  # JSON does not distinguish 2 from 2.0
    if isinstance(described, dict) and "list" in described and isinstance(given, list):
        return [_plain_of(described["list"], element, find) for element in given]
    if isinstance(described, dict) and "parts" in described:
        parts = described["parts"] | ({"case": CASE_ID} if described == LINK else {})
        if isinstance(given, dict):
            given = _in_order(parts, described["defaults"], given)
        if isinstance(given, list):
            known = [_part(name, inner, part, find) for (name, inner), part in zip(parts.items(), given, strict=False)]
            return known + from_json(given[len(parts) :])
    return from_json(given)


def _part(name: str, described: Any, given: Any, find: Find) -> Any:
    try:
        return _plain_of(described, given, find)
    except BadCell as bad:
        raise BadCell(f"has a part {name!r} that {bad.sentence}", bad.hint or hint_of(described)) from None


def _in_order(parts: dict[str, Any], defaults: dict[str, Any], given: dict[str, Any]) -> list[Any]:
    for name in given:
        if name not in parts:
            raise BadCell("has no such part", offer(name, parts))
    for name in parts:
        if name not in given and name not in defaults:
            raise BadCell(f"lacks its part {name!r}")
    return [given[name] if name in given else defaults[name] for name in parts]
