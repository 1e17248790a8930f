"""JSON form: values as clients in other languages read and write them.

It is the plain form (protocol/35-cases.md, Schemas) with {"hex": "…"} for bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import is_dataclass
from datetime import date
from enum import Enum
from functools import cache
from math import isfinite
from typing import Any

from cellsync.core import caps
from cellsync.core.schema.values import Misfit, ValueType, value_type


def as_json(value: Any) -> Any:
    """The JSON form of a field's value or of its plain form. Raises TypeError for a value that no field can hold."""
    match value:
        case bytes():
            return {"hex": value.hex()}
        case Enum() | date():
            return as_json(_plain(value))
        case tuple() if hasattr(value, "_fields"):
            return as_json(_plain(value))
        case Mapping():
            return {str(key): as_json(inner) for key, inner in value.items()}
        case list() | tuple() | AbstractSet():
            return [as_json(element) for element in value]
        case float():
            return value if isfinite(value) else None  # JSON cannot express it
        case None | bool() | str():
            return value
        case int():
            return int(value)  # also for a counter, whose sum is an int of its own type
    if is_dataclass(value):
        return as_json(_plain(value))
    raise TypeError("no field can hold such a value")


def from_json(value: Any, depth: int = 1) -> Any:
    """The plain form of a JSON value from a client. Raises Misfit."""
    if depth > caps.NESTING:
        raise Misfit
    match value:
        case {"hex": str(digits)} if len(value) == 1:
            try:
                return bytes.fromhex(digits)
            except ValueError:
                raise Misfit from None
        case dict():
            return {key: from_json(inner, depth + 1) for key, inner in value.items()}
        case list():
            return [from_json(element, depth + 1) for element in value]
    return value


def _plain(value: Any) -> Any:
    try:
        made: Any = type(value)
        return _kind(made).encode(value)
    except Misfit:
        raise TypeError("no field can hold such a value") from None


@cache
def _kind(made: Any) -> ValueType:
    return value_type(made)
