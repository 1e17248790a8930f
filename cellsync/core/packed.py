"""Packed: a list or map value, kept as its encoded bytes.

Decoded, an empty array takes seventy times its size on the wire. So lists and maps received in an entry stay packed,
in operations and in the states of cases, and are decoded only when read.
"""

from __future__ import annotations

from typing import Any

import msgpack

_encode = msgpack.Packer(use_bin_type=True, autoreset=True).pack


class Packed(bytes):
    """A list or map, equal to the plain value it holds.

    A subclass of bytes: a wrapper object would take as much memory again, 131,072 times in a case.
    """

    __slots__ = ()

    @property
    def raw(self) -> bytes:
        return bytes(self)

    def __repr__(self) -> str:
        return "Packed(hidden)"

    def __eq__(self, other: object) -> bool:
        if type(other) in (list, dict):
            return bytes.__eq__(self, _encode(other))
        return type(other) is Packed and bytes.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]  # as for plain lists and maps


def packed(value: Any) -> Any:
    """The resting form of a plain value: containers packed, all others as they are."""
    return Packed(_encode(value)) if type(value) in (list, dict) else value


def plain(resting: Any) -> Any:
    """The plain form of a resting value."""
    return msgpack.unpackb(resting, raw=False) if type(resting) is Packed else resting
