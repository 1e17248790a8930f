"""A naive msgpack encoder: the specification's table as code, with every legal way to write a value.

`canonical` gives the one encoding that is accepted; `others` gives ways to write the same value that are not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any


def _number(value: int) -> list[bytes]:
    """All encodings of an integer, the shortest one that decoders agree on first."""
    ways: list[tuple[int, bytes]] = []
    if 0 <= value < 128:
        ways.append((0, bytes([value])))
    if -32 <= value < 0:
        ways.append((0, bytes([256 + value])))
    for order, (first, bits) in enumerate([(0xCC, 8), (0xCD, 16), (0xCE, 32), (0xCF, 64)], start=1):
        if 0 <= value < 1 << bits:
            ways.append((2 * order, bytes([first]) + value.to_bytes(bits // 8, "big")))
    for order, (first, bits) in enumerate([(0xD0, 8), (0xD1, 16), (0xD2, 32), (0xD3, 64)], start=1):
        if -(1 << bits - 1) <= value < 1 << bits - 1:
            ways.append((2 * order + 1, bytes([first]) + value.to_bytes(bits // 8, "big", signed=True)))
    return [encoded for _, encoded in sorted(ways)]


def _lengths(count: int, fixed: tuple[int, int] | None, sized: list[tuple[int, int]]) -> list[bytes]:
    """All headers of something with a length."""
    ways = [bytes([fixed[0] | count])] if fixed and count < fixed[1] else []
    return ways + [bytes([first]) + count.to_bytes(width, "big") for first, width in sized if count < 1 << 8 * width]


def headers(value: Any) -> list[bytes]:
    if isinstance(value, bytes):
        return _lengths(len(value), None, [(0xC4, 1), (0xC5, 2), (0xC6, 4)])
    if isinstance(value, str):
        return _lengths(len(value.encode()), (0xA0, 32), [(0xD9, 1), (0xDA, 2), (0xDB, 4)])
    if isinstance(value, list):
        return _lengths(len(value), (0x90, 16), [(0xDC, 2), (0xDD, 4)])
    return _lengths(len(value), (0x80, 16), [(0xDE, 2), (0xDF, 4)])


def _parts(value: Any) -> list[Any]:
    return [part for pair in value.items() for part in pair] if isinstance(value, dict) else value


def canonical(value: Any) -> bytes:
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        return _number(value)[0]
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, (bytes, str)):
        return headers(value)[0] + (value if isinstance(value, bytes) else value.encode())
    return headers(value)[0] + b"".join(canonical(part) for part in _parts(value))


def others(value: Any) -> Iterator[bytes]:
    """Encodings of the same value that are not canonical: each differs in one place."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int):
        yield from _number(value)[1:]
    elif isinstance(value, float):
        try:
            short = struct.pack(">f", value)
        except OverflowError:
            return
        if struct.unpack(">f", short)[0] == value:
            yield b"\xca" + short
    else:
        body = canonical(value)[len(headers(value)[0]) :]
        yield from (header + body for header in headers(value)[1:])
        if isinstance(value, (list, dict)):
            parts = _parts(value)
            for at, part in enumerate(parts):
                for other in others(part):
                    encoded = [canonical(one) for one in parts]
                    encoded[at] = other
                    yield headers(value)[0] + b"".join(encoded)
