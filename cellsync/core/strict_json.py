"""Strict JSON: one text, one meaning.

RFC 8259 leaves each reader to decide about duplicate names in an object, lone surrogates, numbers beyond a double, and
bytes that are not UTF-8. Two programs that read the same bytes may understand each of these differently. Here all of
them are refused.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec


class NotStrict(ValueError):
    """The text not being strict. The reason completes a sentence whose subject is that text: "is not UTF-8"."""


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
        json.loads(text, object_pairs_hook=_once)  # refuses duplicate names, which msgspec accepts
    except NotStrict:
        raise
    except (ValueError, RecursionError):
        raise NotStrict("is not JSON") from None
    return value


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise NotStrict("has an object with the same name twice")
