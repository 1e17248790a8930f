"""Values of msgpack in JSON, so that no two look alike; and numbers that every reader of JSON reads alike."""

from __future__ import annotations

import struct
from typing import Any, Final

_EXACT: Final = 1 << 53


def value(given: Any) -> Any:
    match given:
        case bytes():
            return {"bin": given.hex()}
        case float():
            return {"float": struct.pack(">d", given).hex()}
        case bool() | None | str():
            return given
        case int():
            return given if abs(given) <= _EXACT else {"int": str(given)}
        case dict():
            return {"map": [[key, value(field)] for key, field in given.items()]}
    return [value(element) for element in given]


def plain(given: Any) -> Any:
    """A result as it is written: bytes are hexadecimal, large integers decimal."""
    match given:
        case bytes():
            return given.hex()
        case bool() | None | str():
            return given
        case int():
            return given if abs(given) <= _EXACT else str(given)
        case dict():
            return {name: plain(field) for name, field in given.items()}
    return [plain(element) for element in given]
