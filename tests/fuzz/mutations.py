"""Mutations of msgpack as a value: one thing in it is another, and the encoding stays canonical.

Of mutated bytes hardly any are still canonical, so without these a fuzzer learns little beyond the codec.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

import msgpack

OTHERS: Final[tuple[Any, ...]] = (
    None, False, True, 0, 1, -1, 127, 128, 255, 256, 1 << 32, (1 << 40) - 1, 1 << 40, (1 << 63) - 1, 1 << 63,
    (1 << 64) - 1, -(1 << 63), 0.0, 1.5, float("nan"), float("inf"), "", "text", "\u202e", "x" * 300, b"", bytes(8),
    bytes(10), bytes(16), bytes(32), bytes(64), [], [0], [[]], {}, {"": 0}, {"a": [{}]},
)  # fmt: skip


def mutated(raw: bytes, random: Random) -> bytes | None:
    """Canonical msgpack whose value differs from that of `raw` in one place or a few; None if `raw` is none."""
    try:
        value = msgpack.unpackb(raw, raw=False, timestamp=1)
        for _ in range(1 + (random.random() < 0.3)):
            value = _changed(value, random)
        packed: bytes = msgpack.packb(value)
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException):
        return None
    return packed


def _changed(value: Any, random: Random) -> Any:
    """The same, but for one thing somewhere in it."""
    if isinstance(value, list) and value and random.random() < 0.9:
        at = random.randrange(len(value))
        match random.randrange(8):
            case 0:
                return value[:at] + value[at + 1 :]
            case 1:
                return value[:at] + [value[at]] * random.choice((2, 2, 2, 3, 70)) + value[at + 1 :]
            case 2:
                other = random.randrange(len(value))
                return [value[other] if place == at else value[at] if place == other else one
                        for place, one in enumerate(value)]  # fmt: skip
            case _:
                return [*value[:at], _changed(value[at], random), *value[at + 1 :]]
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(list(value))
        return value | {key: _changed(value[key], random)}
    if random.random() < 0.3:
        return random.choice(OTHERS)
    return _near(value, random)


def _near(value: Any, random: Random) -> Any:
    """Something of the same type that differs little."""
    match value:
        case bool() | None | float():
            return random.choice(OTHERS)
        case int():
            return value + random.choice((-1, 1, 1, 2, -256, 256, 1 << 32))
        case bytes():
            at = random.randrange(len(value) + 1)
            cut = random.choice((0, 1, 1, 8))
            return value[:at] + random.randbytes(random.choice((0, 1, 1, 1, 8))) + value[at + cut :]
        case str():
            at = random.randrange(len(value) + 1)
            return value[:at] + random.choice(("", "a", "\0", "е", "🏠", "\u200b")) + value[at + 1 :]
        case list():
            return [random.choice(OTHERS)]
        case _:
            return {"a": random.choice(OTHERS)}
