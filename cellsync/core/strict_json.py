"""Strict JSON: one text, one meaning.

RFC 8259 leaves it to each reader what becomes of a name that an object has twice, of half a surrogate pair, of a number
beyond a double, and of bytes that are not UTF-8. Where two programs read the same bytes, each of these means two
things. Here all of them are refused.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec


class NotStrict(ValueError):
    """The reason stands before it in a sentence that begins with what was read: "is not UTF-8"."""


def read(raw: bytes | bytearray) -> Any:
    """The value. Raises NotStrict."""
    try:
        return read_text(raw.decode())
    except UnicodeDecodeError:
        raise NotStrict("is not UTF-8") from None


def read_text(text: str) -> Any:
    """The value. Raises NotStrict."""
    try:
        value = msgspec.json.decode(text)  # refuses lone surrogates, NaN and numbers beyond a double
        json.loads(text, object_pairs_hook=_once)  # and that it does not look at
    except NotStrict:
        raise
    except (ValueError, RecursionError):
        raise NotStrict("is not JSON") from None
    return value


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise NotStrict("has an object with the same name twice")
