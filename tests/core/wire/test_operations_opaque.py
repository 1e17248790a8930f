"""Opaque entries: too many elements, counted on the bytes."""

from __future__ import annotations

import tracemalloc
from typing import Any

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.errors import Malformed
from cellsync.core.wire import codec, operations
from cellsync.core.wire.operations import Operation

SALT = bytes(16)
SET = codec.encode([[1, "f", b""]])  # five elements

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def count(value: Any) -> int:
    """Naively, on the decoded value."""
    if isinstance(value, list):
        return 1 + sum(map(count, value))
    if isinstance(value, dict):
        return 1 + sum(1 + count(one) for one in value.values())
    return 1


@given(plain, st.integers(0, 40))
@example([[[]] * 3, {"a": [1]}], 8)
def test_counting_is_as_on_the_decoded_value(value: Any, most: int) -> None:
    raw = codec.encode(value)
    assert codec.elements(raw, 1 << 20, 1 << 20) == count(value)
    assert (codec.elements(raw, most, most) > most) == (count(value) > most)


@given(st.lists(plain), st.integers(0, 30))
def test_each_value_is_counted_for_itself(values: list[Any], most_each: int) -> None:
    over = max(map(count, values), default=0) > most_each
    found = codec.elements(codec.encode(values), 1 << 20, max(most_each, 1))
    if most_each:
        assert (found > 1 << 20) == over


def test_what_follows_the_first_value_is_counted_in_the_same_way() -> None:
    behind = codec.encode([[None] * 20])
    assert codec.elements(b"\x90" + behind, 23, 21) == 23
    assert codec.elements(b"\x90" + behind, 22, 21) > 22
    assert codec.elements(b"\x90" + behind, 23, 20) > 23


@given(st.binary(max_size=300), st.integers(1, 50))
def test_whatever_the_bytes_it_counts_and_ends(raw: bytes, most: int) -> None:
    assert 0 <= codec.elements(raw, most, most) <= most + 1


def entry(values: list[Any], operations_: int = 1) -> tuple[bytes, bytes]:
    return codec.encode([[1, "f", b""]] * operations_), SALT + codec.encode(values)


@pytest.mark.parametrize(
    ("shape", "content", "opaque"),
    [
        (*entry([[0] * (caps.VALUE_ELEMENTS - 1)]), False),
        (*entry([[0] * caps.VALUE_ELEMENTS]), True),
        (*entry([{f"{key:04}": 0 for key in range(511)}]), False),
        (*entry([{f"{key:04}": 0 for key in range(512)}]), True),
        (*entry([0] * 818, 818), False),  # 2 + 5 * 818 = 4,092
        (*entry([0] * 819, 819), True),
        (*entry(["x" * 60_000]), False),
        (*entry([b"\x90" * 60_000]), False),
        (SET, SALT + b"\x91\xdc\xff\xff" + b"\x90" * 2_000, True),  # claims more than there is: not looked at
        (SET, SALT + b"\x91\xdc\x07\xd0" + b"\x90" * 1_999 + b"\xc1", True),
    ],
)
def test_the_caps_of_an_entry(shape: bytes, content: bytes, opaque: bool) -> None:
    assert operations.is_opaque(shape, content) is opaque
    assert (operations.decode(shape, content) == []) is opaque


@pytest.mark.parametrize("tail", [b"", b"\xc1", b"\x90" * 500, b"\xdc\xff\xff"])
def test_below_the_cap_the_form_is_checked(tail: bytes) -> None:
    with pytest.raises(Malformed):
        operations.decode(SET, SALT + b"\x91\xdc\x07\xd0" + b"\x90" * 500 + tail)


@pytest.mark.parametrize("element", [b"\x90", b"\x80", b"\xa0", b"\xc4\x00", b"\xcb" + bytes(8), b"\x91\x91\x90"])
def test_no_entry_takes_more_than_its_cap_of_memory(element: bytes) -> None:
    each = {b"\x91\x91\x90": 3}.get(element, 1)
    fits, over = 1_023 // each, 60_000 // len(element)
    for number, most in ((fits, 120_000), (over, 4_000)):
        content = SALT + b"\x91" + codec.array_header(number) + element * number
        tracemalloc.start()
        decoded = operations.decode(SET, content)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert bool(decoded) is (number == fits)
        assert peak - 2 * len(content) < most


def test_an_opaque_entry_is_not_canonical_either_way() -> None:
    """The same bytes are opaque whatever a decoder would make of them."""
    twice = msgpack.packb({"k": 1})[:1] + b"\xa1k\x01"
    assert operations.decode(SET, SALT + b"\x91" + twice) == [Operation(1, "f", b"", {"k": 1})]
    assert operations.decode(SET, SALT + b"\x91\xdc\x27\x10" + b"\xd0\x01" * 10_000) == []
