"""The part `codec`: one value, one encoding (protocol/20-wire.md, Canonical msgpack).

Encodings are written out byte by byte: what matters here is what a library would not write.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any, Final

from protocol.generate.vector import Vector, fault, shown

Value = Any

# Each value with its only encoding.
VALUES: Final[list[tuple[str, Value, bytes]]] = [
    ("nil", None, b"\xc0"),
    ("false", False, b"\xc2"),
    ("true", True, b"\xc3"),
    ("zero", 0, b"\x00"),
    ("the largest of one byte", 127, b"\x7f"),
    ("128", 128, b"\xcc\x80"),
    ("255", 255, b"\xcc\xff"),
    ("256", 256, b"\xcd\x01\x00"),
    ("65,535", 65_535, b"\xcd\xff\xff"),
    ("65,536", 65_536, b"\xce\x00\x01\x00\x00"),
    ("2 to the 32nd less one", (1 << 32) - 1, b"\xce\xff\xff\xff\xff"),
    ("2 to the 32nd", 1 << 32, b"\xcf\x00\x00\x00\x01\x00\x00\x00\x00"),
    ("2 to the 53rd and one", (1 << 53) + 1, b"\xcf\x00\x20\x00\x00\x00\x00\x00\x01"),
    ("the largest integer", (1 << 64) - 1, b"\xcf" + b"\xff" * 8),
    ("minus one", -1, b"\xff"),
    ("minus 32", -32, b"\xe0"),
    ("minus 33", -33, b"\xd0\xdf"),
    ("minus 128", -128, b"\xd0\x80"),
    ("minus 129", -129, b"\xd1\xff\x7f"),
    ("minus 32,768", -32_768, b"\xd1\x80\x00"),
    ("minus 32,769", -32_769, b"\xd2\xff\xff\x7f\xff"),
    ("minus 2 to the 31st", -(1 << 31), b"\xd2\x80\x00\x00\x00"),
    ("minus 2 to the 31st and one less", -(1 << 31) - 1, b"\xd3\xff\xff\xff\xff\x7f\xff\xff\xff"),
    ("the least integer", -(1 << 63), b"\xd3\x80" + bytes(7)),
    ("a float that is whole", 1.0, b"\xcb\x3f\xf0" + bytes(6)),
    ("zero as a float", 0.0, b"\xcb" + bytes(8)),
    ("minus zero", -0.0, b"\xcb\x80" + bytes(7)),
    ("infinity", math.inf, b"\xcb\x7f\xf0" + bytes(6)),
    ("the least float above zero", 5e-324, b"\xcb" + bytes(7) + b"\x01"),
    ("an empty text", "", b"\xa0"),
    ("a text of 31 bytes", "a" * 31, b"\xbf" + b"a" * 31),
    ("a text of 32 bytes", "a" * 32, b"\xd9\x20" + b"a" * 32),
    ("a text of 255 bytes", "a" * 255, b"\xd9\xff" + b"a" * 255),
    ("a text of 256 bytes", "a" * 256, b"\xda\x01\x00" + b"a" * 256),
    ("a Cyrillic text", "Анна", b"\xa8\xd0\x90\xd0\xbd\xd0\xbd\xd0\xb0"),
    ("a text beyond the first plane", "\U0001f33b", b"\xa4\xf0\x9f\x8c\xbb"),
    ("a text with a zero in it", "a\0b", b"\xa3a\x00b"),
    ("a text that is not composed", "e\u0301", b"\xa3e\xcc\x81"),
    ("a text that begins with a byte order mark", "\ufeffa", b"\xa4\xef\xbb\xbfa"),
    ("an empty binary", b"", b"\xc4\x00"),
    ("a binary of 255 bytes", bytes(255), b"\xc4\xff" + bytes(255)),
    ("a binary of 256 bytes", bytes(256), b"\xc5\x01\x00" + bytes(256)),
    ("an empty array", [], b"\x90"),
    ("an array of 15", [0] * 15, b"\x9f" + bytes(15)),
    ("an array of 16", [0] * 16, b"\xdc\x00\x10" + bytes(16)),
    ("an empty map", {}, b"\x80"),
    ("a map in no order", {"b": 1, "a": 2}, b"\x82\xa1b\x01\xa1a\x02"),
    ("a map of 16", {f"{key:02}": key for key in range(16)},
     b"\xde\x00\x10" + b"".join(b"\xa2%02d" % key + bytes([key]) for key in range(16))),
    ("everything in an array", [None, True, 1, 1.0, "1", b"1", [], {}],
     b"\x98\xc0\xc3\x01\xcb\x3f\xf0" + bytes(6) + b"\xa11\xc4\x011\x90\x80"),
    ("eight containers deep", [[[[[[[[]]]]]]]], b"\x91" * 7 + b"\x90"),
]  # fmt: skip

NOT_A_NUMBER: Final[list[tuple[str, bytes]]] = [
    ("not a number", b"\x7f\xf8" + bytes(6)),
    ("not a number, with a sign", b"\xff\xf8" + bytes(6)),
    ("not a number, and which", b"\x7f\xf8" + bytes(5) + b"\x2a"),
    ("not a number, signalling", b"\x7f\xf0" + bytes(5) + b"\x01"),
]

OTHER_ENCODINGS: Final = [
    ("zero in two bytes", b"\xcc\x00"),
    ("127 in two bytes", b"\xcc\x7f"),
    ("255 in three bytes", b"\xcd\x00\xff"),
    ("255 in five bytes", b"\xce\x00\x00\x00\xff"),
    ("255 in nine bytes", b"\xcf" + bytes(7) + b"\xff"),
    ("5 in a signed format", b"\xd0\x05"),
    ("200 in a signed format", b"\xd1\x00\xc8"),
    ("2 to the 32nd in a signed format", b"\xd3\x00\x00\x00\x01\x00\x00\x00\x00"),
    ("minus one in two bytes", b"\xd0\xff"),
    ("minus 33 in three bytes", b"\xd1\xff\xdf"),
    ("minus 129 in five bytes", b"\xd2\xff\xff\xff\x7f"),
    ("minus 129 in nine bytes", b"\xd3" + b"\xff" * 7 + b"\x7f"),
    ("float 32", b"\xca\x3f\x80\x00\x00"),
    ("a text of 31 bytes with a longer header", b"\xd9\x1f" + b"a" * 31),
    ("a text of 255 bytes with a longer header", b"\xda\x00\xff" + b"a" * 255),
    ("a text with the longest header", b"\xdb\x00\x00\x00\x01a"),
    ("a binary with a longer header", b"\xc5\x00\x01a"),
    ("a binary with the longest header", b"\xc6\x00\x00\x00\x01a"),
    ("an array of 15 with a longer header", b"\xdc\x00\x0f" + bytes(15)),
    ("an array with the longest header", b"\xdd\x00\x00\x00\x01\x00"),
    ("a map with a longer header", b"\xde\x00\x01\xa1a\x00"),
    ("a map with the longest header", b"\xdf\x00\x00\x00\x01\xa1a\x00"),
    ("a map with a key twice", b"\x82\xa1a\x01\xa1a\x02"),
    ("a longer header deep inside", b"\x92\x91\xcc\x01\xa1a"),
]

NO_VALUES: Final = [
    ("nothing", b""),
    ("the byte that is never used", b"\xc1"),
    ("a byte after the value", b"\xc0\xc0"),
    ("half an integer", b"\xcd\x01"),
    ("half a float", b"\xcb\x3f\xf0"),
    ("a text that breaks off", b"\xa3ab"),
    ("a text that claims more than there is", b"\xdb\xff\xff\xff\xff"),
    ("a binary that breaks off", b"\xc4\x05ab"),
    ("an array that breaks off", b"\x93\x01\x02"),
    ("an array that claims more than there is", b"\xdd\x7f\xff\xff\xff"),
    ("a map without its last value", b"\x81\xa1a"),
    ("a text that is no UTF-8", b"\xa1\xff"),
    ("a text with a longer form of a character", b"\xa2\xc0\x80"),
    ("a text with half a surrogate pair", b"\xa3\xed\xa0\x80"),
    ("a text with a surrogate pair", b"\xa6\xed\xa0\xbc\xed\xbc\xbb"),
    ("a text beyond the last character", b"\xa4\xf4\x90\x80\x80"),
    ("a map whose key is an integer", b"\x81\x01\x02"),
    ("a map whose key is a binary", b"\x81\xc4\x01a\x02"),
    ("a map whose key is nil", b"\x81\xc0\x02"),
    ("an extension of one byte", b"\xd4\x01\x00"),
    ("an extension of a length", b"\xc7\x03\x01abc"),
    ("a timestamp of 32 bits", b"\xd6\xff\x00\x00\x00\x01"),
    ("a timestamp of 64 bits", b"\xd7\xff" + bytes(8)),
    ("a timestamp of 96 bits", b"\xc7\x0c\xff" + bytes(12)),
    ("an extension deep inside", b"\x92\x91\xd4\x01\x00\xa1a"),
]


def vectors() -> Iterator[Vector]:
    for name, value, encoding in VALUES:
        yield Vector("codec", name, {"bytes": encoding}, result={"value": shown(value)})
    for name, bits in NOT_A_NUMBER:
        assert math.isnan(struct.unpack(">d", bits)[0])
        yield Vector("codec", name, {"bytes": b"\xcb" + bits}, result={"value": {"float": bits.hex()}})
    for name, encoding in OTHER_ENCODINGS:
        yield Vector("codec", name, {"bytes": encoding}, fault("codec.canonical"))
    for name, encoding in NO_VALUES:
        yield Vector("codec", name, {"bytes": encoding}, fault("codec.msgpack"))
    yield Vector("codec", "as long as the cap", {"bytes": b"\xa3abc", "cap": 4}, result={"value": "abc"})
    yield Vector("codec", "longer than the cap", {"bytes": b"\xa4abcd", "cap": 4}, fault("cap.entry"))
    yield Vector("codec", "nine arrays deep", {"bytes": b"\x91" * 8 + b"\x90"}, fault("cap.nesting"))
    maps = b"\x81\xa1a" * 8 + b"\x80"
    yield Vector("codec", "nine maps deep", {"bytes": maps}, fault("cap.nesting"))
    ninth_is_last = b"\x92" + b"\x90" + b"\x91" * 7 + b"\x90"
    yield Vector("codec", "the deepest is not the first", {"bytes": ninth_is_last}, fault("cap.nesting"))
    wide = [[], [[]], [[[]]], ["\x91\x91\x91\x91\x91\x91\x91\x91\x91"]]
    encoding = b"\x94\x90\x91\x90\x91\x91\x90\x91\xb2" + b"\xc2\x91" * 9
    yield Vector("codec", "bytes of a text are not containers", {"bytes": encoding}, result={"value": shown(wide)})
