"""Questions changed where a peer, a stranger or a disk may have made up the bytes (protocol/06-vectors.md, Comparing).

Bytes are changed as bytes; or, where they are msgpack, as a value that is encoded anew, so that the question gets
further than the codec.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

import msgpack

from cellsync.testing import disarray

MADE_UP: Final[dict[str, tuple[str, ...]]] = {
    "codec": ("bytes",),
    "message": ("payload",),
    "control": ("shape", "content"),
    "detached": ("payload",),
    "name": ("name",),
    "versions": ("tail",),
    "entry": ("shape", "content"),
    "proof": ("proof",),
    "batch": ("batch",),
    "telling": ("batch",),
    "fold": ("shape", "content"),
    "signature": ("public", "message", "signature"),
    "key": ("public",),
    "wrap": ("wrap",),
    "rotation": ("rotation", "rewraps"),
    "vault": ("header",),
    "header": ("header",),
    "opening": ("opening",),
    "call": ("reply", "received"),
    "frame": ("frame",),
    "session": ("message",),
    "knock": ("knock",),
    "pairing": ("message",),
    "beacon": ("beacon",),
}
"""By part, the names of what may be made up. A test holds it equal to what is bold in the text."""

_PACKED: Final = {"bytes", "payload", "shape", "content", "proof", "batch", "message", "rotation", "rewraps"}
_BEFORE: Final = {"content": 16}  # bytes before the msgpack: a salt
_VALUES: Final[Sequence[Any]] = (
    None, True, False, 0, 1, -1, 2, 7, 16, 31, 255, 256, 65_535, 65_536, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1,
    -(1 << 63), 0.0, -0.0, 1.0, "", "a", "\u0438\u043c\u044f", b"", b"\0" * 8, b"\0" * 32, [], {}, [[]], {"a": 1},
)  # fmt: skip


def changed(part: str, given: dict[str, Any], others: Sequence[dict[str, Any]], random: Random) -> dict[str, Any]:
    """A question like this one, changed in one to three places. `others`: what else is asked in this part."""
    question = copy.deepcopy(given)
    left = random.choice((1, 1, 1, 2, 3))
    while places := _places(part, question):
        holder, key, name = random.choice(places)
        donors = [donor[at] for other in others for donor, at, same in _places(part, other) if same == name]
        spliced = bytes.fromhex(random.choice(donors)) if donors else b""
        holder[key] = _changed(name, bytes.fromhex(holder[key]), spliced, random).hex()
        left -= 1
        if left <= 0 and question != given:
            break
    return question


_Place = tuple[Any, Any, str]
"""Where a text of bytes is, and under which name: holder[key]."""


def _places(part: str, given: Any) -> list[_Place]:
    names = MADE_UP.get(part, ())
    found: list[_Place] = []
    for holder in [given, *given.get("entries", ())] if isinstance(given.get("entries", ()), list) else [given]:
        for name in names:
            value = holder.get(name)
            if type(value) is str:
                found.append((holder, name, name))
            elif type(value) is list:
                found += [(value, at, name) for at in range(len(value))]
    return found


def _changed(name: str, raw: bytes, spliced: bytes, random: Random) -> bytes:
    before = _BEFORE.get(name, 0)
    if name in _PACKED and random.random() < 0.8:
        return raw[:before] + _within(raw[before:], random)
    return random.choice(_BYTES)(raw, spliced, random)


def _within(raw: bytes, random: Random) -> bytes:
    """A value of msgpack, changed as a value; as bytes, if it is none."""
    try:
        value = msgpack.unpackb(raw, raw=False, strict_map_key=False)
        if disarray.is_batch(value) and random.random() < 0.85:
            value = disarray.disarranged(value, _within, random)
        else:
            value = _another(value, random)
        return bytes(msgpack.packb(value, use_bin_type=True))
    except (ValueError, msgpack.UnpackException, TypeError, OverflowError):
        return random.choice(_BYTES)(raw, raw, random)


# --- bytes --------------------------------------------------------------------------------------


def _flipped(raw: bytes, _: bytes, random: Random) -> bytes:
    if not raw:
        return b"\0"
    at = random.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << random.randrange(8)]) + raw[at + 1 :]


def _cut(raw: bytes, _: bytes, random: Random) -> bytes:
    return raw[: random.randrange(len(raw) + 1)]


def _without(raw: bytes, _: bytes, random: Random) -> bytes:
    first, last = _span(raw, random)
    return raw[:first] + raw[last:]


def _repeated(raw: bytes, _: bytes, random: Random) -> bytes:
    first, last = _span(raw, random)
    return raw[:last] + raw[first:]


def _spliced(raw: bytes, other: bytes, random: Random) -> bytes:
    return raw[: random.randrange(len(raw) + 1)] + other[random.randrange(len(other) + 1) :]


def _longer(raw: bytes, _: bytes, random: Random) -> bytes:
    at = random.randrange(len(raw) + 1)
    return raw[:at] + random.randbytes(random.randrange(1, 9)) + raw[at:]


def _span(raw: bytes, random: Random) -> tuple[int, int]:
    first = random.randrange(len(raw) + 1)
    return first, min(len(raw), first + random.randrange(1, 40))


_BYTES: Final[Sequence[Callable[[bytes, bytes, Random], bytes]]] = (
    _flipped, _flipped, _flipped, _cut, _without, _repeated, _spliced, _longer,
)  # fmt: skip


# --- values -------------------------------------------------------------------------------------


def _another(value: Any, random: Random) -> Any:
    """The value with one of those inside it changed."""
    inside = _inside(value)
    if not inside:
        return _varied(value, random)
    holder, key = random.choice(inside)
    if isinstance(holder, list) and random.random() < 0.4:
        match random.randrange(4):
            case 0:
                del holder[key]
            case 1:
                holder.insert(key, copy.deepcopy(holder[key]))
            case 2:
                other = random.randrange(len(holder))
                holder[key], holder[other] = holder[other], holder[key]
            case _:
                holder.append(random.choice(_VALUES))
    else:
        holder[key] = _varied(holder[key], random)
    return value


def _inside(value: Any) -> list[tuple[Any, Any]]:
    """Every place inside a value."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        keys: Any = range(len(holder)) if isinstance(holder, list) else holder if isinstance(holder, dict) else ()
        for key in keys:
            found.append((holder, key))
            waiting.append(holder[key])
    return found


def _varied(value: Any, random: Random) -> Any:
    """Another value, often one of the same type."""
    if random.random() < 0.4:
        return copy.deepcopy(random.choice(_VALUES))
    match value:
        case bool():
            return not value
        case int():
            return max(-(1 << 63), min((1 << 64) - 1, value + random.choice((-256, -2, -1, 1, 2, 256))))
        case bytes():
            return random.choice(_BYTES)(value, value, random)
        case str():
            return value[: random.randrange(len(value) + 1)] + random.choice(("", "a", "\0", "\u0301"))
    return copy.deepcopy(random.choice(_VALUES))
