"""Canonical msgpack: one value, one encoding.

Rules (protocol/20-wire.md):
  1  Smallest encodings; arrays, strings (UTF-8), binaries, integers, booleans, nil. Maps with string keys and
     float64 only inside values, never in headers or messages. No extension types.
  2  Bytes are accepted only if re-encoding the decoded value gives the same bytes, so no two decoders can
     read one entry differently.
  3  Caps are checked before decoding. A byte cap is also an element cap (every element takes at least a byte).
     Nesting, and the elements of entries, are counted on the raw bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgpack
import msgspec

from cellsync.core import caps
from cellsync.core.errors import CapExceeded, Malformed
from cellsync.core.rule import Rule

_CONTAINER_HEADERS: Final = bytes([*range(0x80, 0xA0), 0xDC, 0xDD, 0xDE, 0xDF])
_OPENERS: Final = frozenset(bytes([first]) for first in _CONTAINER_HEADERS)
_ONE_ELEMENT: Final = b"\x91"
_pack = msgpack.Packer(use_bin_type=True, autoreset=True).pack

# Raw sizes of fixed-length elements, by first byte; strings, binaries and containers are read in `nesting`.
_FIXED: Final = {0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8} | {
    first: size for base in (0xCC, 0xD0) for first, size in zip(range(base, base + 4), (1, 2, 4, 8), strict=True)
}
_SIZED: Final = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}  # length bytes of bin and str
_COUNTED: Final = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}  # length bytes, elements per item
_SIMPLE: Final = [  # by first byte: how many bytes follow it, if that alone tells and it begins no container; else -1
    0 if first < 0x80 or first >= 0xE0 else first & 0x1F if 0xA0 <= first < 0xC0 else _FIXED.get(first, -1)
    for first in range(256)
]

_ROWS: Final = caps.FRAME // 26
"""Elements of the longest array of a message: no row is shorter than the 26 bytes of an empty entry.

The decoder allocates for the length that an array claims. A thousand nested arrays, each claiming a whole frame,
would cost 80 MB; with this bound it is 20.
"""


def encode(value: object) -> bytes:
    """The canonical bytes of `value`."""
    packed: bytes = _pack(value)
    return packed


encode_known: Final[Callable[[object], bytes]] = msgspec.msgpack.Encoder().encode
"""The canonical bytes of scalars and arrays of them, in a third of the time: for callers that know what is in them.

Of other types it would encode some that `encode` refuses.
"""


def array_header(items: int) -> bytes:
    """The canonical start of an array of `items` elements."""
    packed: bytes = msgpack.Packer().pack_array_header(items)
    return packed


def array_length(raw: bytes) -> int:
    """The length of a canonical array that is known to decode."""
    begins = raw[0]
    if begins & 0xF0 == 0x90:
        return begins & 0x0F
    return int.from_bytes(raw[1:3] if begins == 0xDC else raw[1:5], "big")


def decode(raw: bytes, cap: int, over: Rule) -> Any:
    """The value of canonical `raw`, at most `cap` bytes, at most caps.NESTING deep.

    Raises CapExceeded (with the rule `over`) or Malformed. Allocates at most about 70 bytes per input byte.
    """
    if len(raw) > cap:
        raise CapExceeded(over)
    # A single element that is no container is one deep. Otherwise the depth is at most the number of bytes that could
    # open a container, which nearly always decides without a scan.
    lone = raw[:1] == _ONE_ELEMENT and raw[1:2] not in _OPENERS
    if not lone and _openers(raw) > caps.NESTING and nesting(raw) > caps.NESTING:
        raise CapExceeded(Rule.CAP_NESTING)
    return _decode(raw, cap)


def _openers(raw: bytes) -> int:
    return len(raw) - len(raw.translate(None, _CONTAINER_HEADERS))


def decode_message(raw: bytes) -> Any:
    """The value of one message of a session.

    A frame's cap bounds its elements; the decoder's own stack (1,024) bounds its nesting, and a message's exact
    form is checked element by element right after. So the raw bytes are not scanned here, where it would be felt.
    """
    if len(raw) > caps.FRAME:
        raise CapExceeded(Rule.CAP_FRAME)
    return _decode(raw, _ROWS)


def _decode(raw: bytes, longest: int) -> Any:
    # The decoder reads timestamps (an extension type) without asking the hook: as dates they cannot be packed again.
    try:
        value = msgpack.unpackb(
            raw, raw=False, max_array_len=longest, object_hook=_string_keys, ext_hook=_no_extension, timestamp=3
        )
    except (ValueError, msgpack.UnpackException, RecursionError, OverflowError):
        raise Malformed(Rule.CODEC_MSGPACK) from None
    try:
        again = _pack(value)
    except (ValueError, TypeError, OverflowError):
        raise Malformed(Rule.CODEC_MSGPACK) from None
    if again != raw:
        raise Malformed(Rule.CODEC_CANONICAL)
    return value


def reader(form: Any) -> Callable[[bytes], Any]:
    """A reader of canonical bytes of one form; it returns None for anything else, and `decode` says what is wrong.

    `form` bounds the length of its arrays. Types are checked while reading, and re-encoding takes a quarter of the
    time it takes in `decode`.
    """
    read, write = msgspec.msgpack.Decoder(form).decode, msgspec.msgpack.Encoder().encode

    def value(raw: bytes) -> Any:
        try:
            found = read(raw)
            return found if write(found) == raw else None
        except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
            return None

    return value


def elements(raw: bytes, most: int, most_each: int) -> int:
    """The number of elements in msgpack `raw`, including containers and map keys, counted without decoding it.

    Stops, returning more than `most`, as soon as there are more, or more than `most_each` in one element of an
    outermost container: what follows the first value is counted in the same way. Invalid msgpack ends the count:
    decoding it fails anyway.
    """
    at, end, count, outer = 0, len(raw), 0, 0
    left: list[int] = []  # elements still to come, per open container
    while at < end:
        if len(left) < 2:
            outer = count
        first = raw[at]
        at += 1
        count += 1
        if count > most or count - outer > most_each:
            return most + 1
        items = 0  # of a container
        simple = _SIMPLE[first]
        if simple >= 0:
            at += simple
        elif first in _SIZED:
            width = _SIZED[first]
            at += width + int.from_bytes(raw[at : at + width], "big")
        elif first < 0xA0 or first in _COUNTED:
            items, width = _items(raw, at, first)
            at += width
        else:
            break
        if left:
            left[-1] -= 1
        if items:
            left.append(items)
        while left and not left[-1]:
            left.pop()
    return count


def nesting(raw: bytes) -> int:
    """The nesting depth of containers in msgpack `raw`, counted without decoding it. Raises Malformed.

    Cyrillic texts are full of bytes that could open a container, so most entries of such cases are scanned here.
    """
    at, end, deepest = 0, len(raw), 0
    outer: list[int] = []  # elements still to come, per open container but the innermost
    left = -1  # in the innermost; below 0: none is open
    while at < end:
        first = raw[at]
        at += 1
        simple = _SIMPLE[first]
        if simple >= 0:
            at += simple
            left -= 1
            if left:
                continue
        elif first in _SIZED:
            width = _SIZED[first]
            at += width + int.from_bytes(raw[at : at + width], "big")
            left -= 1
        else:
            items, width = _items(raw, at, first)
            at += width
            outer.append(left)
            left = items
            deepest = max(deepest, len(outer))
        while left == 0 and outer:
            left = outer.pop() - 1
    if at != end or outer:
        raise Malformed(Rule.CODEC_MSGPACK)
    return deepest


def _items(raw: bytes, at: int, first: int) -> tuple[int, int]:
    """The number of elements of a container that begins with `first`, and the number of its length bytes."""
    if first < 0x90:
        return 2 * (first & 0x0F), 0
    if first < 0xA0:
        return first & 0x0F, 0
    if first not in _COUNTED:
        raise Malformed(Rule.CODEC_MSGPACK)
    width, per_item = _COUNTED[first]
    return per_item * int.from_bytes(raw[at : at + width], "big"), width


def _string_keys(decoded: dict[Any, Any]) -> dict[Any, Any]:
    for key in decoded:
        if type(key) is not str:  # the decoder accepts binaries as well
            raise ValueError("a map's keys are strings")
    return decoded


def _no_extension(code: int, data: bytes) -> object:
    raise ValueError("extension types are not used")
