"""Canonical msgpack against a naive encoder, and the other encodings that a hostile writer may send."""

from __future__ import annotations

import contextlib
import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.errors import CapExceeded, Malformed, PeerError
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from tests.core.noise import any_bytes
from tests.models.packing import canonical, headers, others

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    | st.binary(max_size=300)
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=12,
)
EDGES = [0, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**64 - 1]
EDGES += [-1, -32, -33, -128, -129, -32_769, -(2**63)]


def same(one: Any, other: Any) -> bool:
    return canonical(one) == canonical(other)


@given(values)
def test_what_is_encoded_is_canonical_and_comes_back(value: Any) -> None:
    raw = codec.encode(value)
    assert raw == canonical(value)
    assert same(codec.decode(raw, len(raw), Rule.CAP_KEPT), value)


@pytest.mark.parametrize("number", EDGES)
def test_integers_have_one_encoding(number: int) -> None:
    assert codec.encode(number) == canonical(number)
    for other in others(number):
        with pytest.raises(Malformed):
            codec.decode(other, 100, Rule.CAP_KEPT)


@given(values)
def test_every_other_encoding_is_refused(value: Any) -> None:
    for other in others(value):
        with pytest.raises(Malformed):
            codec.decode(other, len(other), Rule.CAP_KEPT)


SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=300) | st.binary(max_size=300)
ROW = st.lists(SCALARS | st.lists(SCALARS, max_size=20), max_size=20)


@given(ROW)
def test_a_row_has_that_one_encoding(row: list[Any]) -> None:
    assert codec.encode_known(row) == codec.encode_known(tuple(row)) == canonical(row)


@given(st.floats())
def test_a_float_has_that_one_encoding(value: float) -> None:
    assert codec.encode_known([value]) == codec.encode([value])


@pytest.mark.parametrize(("value", "error"), [("\ud800", UnicodeEncodeError), (1 << 64, OverflowError)])
def test_what_has_no_encoding_has_none(value: Any, error: type[Exception]) -> None:
    for encode in (codec.encode, codec.encode_known):
        with pytest.raises(error):
            encode([value])


@pytest.mark.parametrize("count", [15, 16, 31, 32, 255, 256, 65_535, 65_536])
def test_lengths_have_one_encoding(count: int) -> None:
    for value in ("a" * count, b"a" * count, [0] * count):
        assert codec.encode(value) == canonical(value)
        for header in headers(value)[1:]:
            other = header + canonical(value)[len(headers(value)[0]) :]
            with pytest.raises(Malformed):
                codec.decode(other, len(other), Rule.CAP_KEPT)


@given(values, st.integers(0, 1 << 30), st.binary(min_size=1, max_size=4))
def test_truncated_and_trailing_bytes_are_refused(value: Any, cut: int, extra: bytes) -> None:
    raw = codec.encode(value)
    with pytest.raises(Malformed):
        codec.decode(raw[: cut % len(raw)], 1 << 20, Rule.CAP_KEPT)
    with pytest.raises(Malformed):
        codec.decode(raw + extra, 1 << 20, Rule.CAP_KEPT)


REFUSED = {
    "fixext 1": b"\xd4\x05a",
    "ext 8": b"\xc7\x01\x05a",
    "ext 32": b"\xc9\x00\x00\x00\x01\x05a",
    "timestamp 32": b"\xd6\xff\x00\x00\x00\x01",
    "timestamp 64": b"\xd7\xff" + bytes(7) + b"\x01",
    "timestamp 96": b"\xc7\x0c\xff" + bytes(11) + b"\x01",
    "never used": b"\xc1",
    "duplicate keys": b"\x82\xa1a\x01\xa1a\x02",
    "same key twice": b"\x82\xa1a\x01\xa1a\x01",
    "binary key": b"\x81\xc4\x01a\x01",
    "integer key": b"\x81\x01\x01",
    "array key": b"\x81\x90\x01",
    "nil key": b"\x81\xc0\x01",
    "half a character": b"\xa1\xc3",
    "a surrogate": b"\xa3\xed\xa0\x80",
    "a long zero in UTF-8": b"\xa2\xc0\x80",
    "float32": b"\xca\x00\x00\x00\x00",
    "nothing": b"",
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("wrapped", [0, 1, 3])
def test_refused(raw: bytes, wrapped: int) -> None:
    raw = b"\x91" * wrapped + raw
    with pytest.raises(Malformed):
        codec.decode(raw, 100, Rule.CAP_KEPT)
    with pytest.raises(Malformed):
        codec.decode_message(raw)


def test_a_nan_is_a_value_with_its_own_bytes() -> None:
    raw = b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x01"
    assert math.isnan(codec.decode(raw, 9, Rule.CAP_KEPT))
    assert codec.encode(codec.decode(raw, 9, Rule.CAP_KEPT)) == raw


@given(st.integers(0, 20), st.sampled_from([b"\x91", b"\x81\xa1a", b"\xdc\x00\x01"]))
def test_depth(depth: int, opener: bytes) -> None:
    raw = opener * depth + b"\x00"
    if depth > caps.NESTING:
        with pytest.raises(CapExceeded) as caught:
            codec.decode(raw, 1_000, Rule.CAP_KEPT)
        assert caught.value.rule is Rule.CAP_NESTING
    elif len(opener) < 3:
        codec.decode(raw, 1_000, Rule.CAP_KEPT)
    assert codec.nesting(raw) == depth


@given(values)
def test_nesting_is_counted_on_the_bytes(value: Any) -> None:
    def depth(part: Any) -> int:
        if not isinstance(part, (list, dict)):
            return 0
        return 1 + max((depth(one) for one in (part.values() if isinstance(part, dict) else part)), default=0)

    assert codec.nesting(canonical(value)) == depth(value)


def test_depth_is_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(*_: object, **__: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("cellsync.core.wire.codec.msgpack.unpackb", decoded)
    with pytest.raises(CapExceeded):
        codec.decode(b"\x91" * 9 + b"\xc0", 100, Rule.CAP_KEPT)
    with pytest.raises(CapExceeded):
        codec.decode(bytes(101), 100, Rule.CAP_KEPT)
    with pytest.raises(CapExceeded):
        codec.decode_message(bytes(caps.FRAME + 1))


def test_a_cap_says_its_name() -> None:
    with pytest.raises(CapExceeded) as caught:
        codec.decode(b"\xc0\xc0", 1, Rule.CAP_KEPT)
    assert caught.value.rule is Rule.CAP_KEPT


def decode_entry(raw: bytes) -> Any:
    return codec.decode(raw[: caps.ENTRY], caps.ENTRY, Rule.CAP_ENTRY)


DECODERS: list[Callable[[bytes], Any]] = [codec.decode_message, decode_entry]

noise = any_bytes(200) | st.lists(
    st.sampled_from([bytes([byte]) for byte in range(0x80, 0xE0)] + [b"\x00", b"\xff", b"a"]), max_size=80
).map(b"".join)


@given(noise)
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\xdf\xff\xff\xff\xff")
@example(b"\xc6\xff\xff\xff\xff")
@example(b"\x91" * 60_000)
@example(b"\xd6\xff\xff\xff\xff\xff")
def test_random_bytes_give_a_value_or_a_peer_error(raw: bytes) -> None:
    for decode in DECODERS:
        try:
            value = decode(raw)
        except PeerError:
            continue
        assert codec.encode(value) == raw
    with contextlib.suppress(Malformed):
        codec.nesting(raw)


HOSTILE = {
    "nested claims, 16 bits": b"\xdc\x09\x00" * 1_100,
    "nested claims, 32 bits": b"\xdd\x00\x00\x09\x00" * 1_100,
    "nested claims of a frame": b"\xdc\xff\xf0" * 1_100,
    "nested maps": b"\xde\xff\xf0" * 1_100,
    "nested small arrays": b"\x9f" * 60_000,
    "empty arrays": b"\xdc\xff\x00" + b"\x90" * 60_000,
    "empty maps": b"\xdc\xff\x00" + b"\x80" * 60_000,
    "rows of empty maps": (b"\xdc\x07\x00" + b"\x80" * 1_792) * 30,
    "one-letter texts": b"\x91" + b"\xdc\x08\x00" + b"\xa1a" * 2_048,
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_frame_costs_a_bounded_amount_of_memory(raw: bytes) -> None:
    raw = raw.ljust(caps.FRAME, b"\x00")
    for decode in DECODERS:
        tracemalloc.start()
        try:
            with pytest.raises(PeerError):
                decode(raw)
            assert tracemalloc.get_traced_memory()[1] < 32 << 20
        finally:
            tracemalloc.stop()
