"""Operations: the two halves of a case entry."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.errors import Malformed, PeerError
from cellsync.core.ids import REF_BYTES, EntryId
from cellsync.core.packed import packed
from cellsync.core.rule import Rule
from cellsync.core.wire import codec, operations
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from tests.models import contents

REFS = {Op.SET, Op.DISCARD, Op.PUT, Op.DELETE}
DETAILS: dict[int, st.SearchStrategy[Any]] = {
    Op.CREATE: st.integers(0, 2**32 - 1),
    Op.ADD: st.none(),
    Op.COUNT: st.none(),
    Op.APPEND: st.none() | st.binary(min_size=16, max_size=16),
    Op.CORRECT: st.binary(min_size=10, max_size=10),
    Op.RETRACT: st.binary(min_size=10, max_size=10),
    77: st.none() | st.binary(max_size=30) | st.integers(-5, 5),
}
WRONG: dict[int, list[Any]] = {
    Op.CREATE: [None, -1, 2**32, True, b"", "1", 1.0],
    Op.SET: [None, b"short", b"x" * 11, 0, "x" * 10, [], True],
    Op.ADD: [b"", 0, False],
    Op.DISCARD: [None, b"x" * 19],
    Op.PUT: [None, b"x" * 9],
    Op.DELETE: [None, 7],
    Op.COUNT: [b"", 1],
    Op.APPEND: [b"", b"x" * 15, b"x" * 17, 0, "x" * 16],
    Op.CORRECT: [None, b"", b"x" * 20],
    Op.RETRACT: [None, b"", b"x" * 20],
    77: [[], "text", 1.5, True, {}],
}
values = st.none() | st.integers(-9, 9) | st.text(max_size=5) | st.lists(st.integers(0, 3), max_size=3)


@st.composite
def made(draw: st.DrawFn) -> Operation:
    tag = draw(st.sampled_from([*map(int, Op), 77]))
    refs = st.lists(st.binary(min_size=10, max_size=10), max_size=4).map(b"".join)
    return Operation(tag, draw(st.text(max_size=8)), draw(DETAILS.get(tag, refs)), draw(values))


@given(st.lists(made(), min_size=1, max_size=6), st.binary(min_size=16, max_size=16))
def test_operations_come_back(ops: list[Operation], salt: bytes) -> None:
    shape, content = operations.encode_shape(ops), operations.encode_content(salt, ops)
    assert content[:16] == salt
    assert operations.decode(shape, content) == ops
    assert operations.decode(shape, content) == ops  # the same from the cache of shapes


deep: st.SearchStrategy[Any] = st.recursive(
    values | st.floats(allow_nan=False) | st.binary(max_size=3), lambda one: st.lists(one, max_size=3), max_leaves=6
)
deep = deep | st.dictionaries(st.text(max_size=3), values, max_size=2) | st.tuples(values)


@given(st.lists(st.builds(lambda one, value: one._replace(value=value), made(), deep), min_size=1, max_size=4))
def test_what_is_told_of_own_operations_is_what_decoding_tells(ops: list[Operation]) -> None:
    told = operations.decoded(ops)
    shape, content = operations.encode_shape(ops), operations.encode_content(bytes(16), ops)
    if told is not None:
        assert operations.encode_decoded(bytes(16), told) == content
        assert not operations.is_opaque(shape, content)
        found = operations.decode(shape, content)
        assert told == found
        assert [type(packed(one.value)) for one in told] == [type(one.value) for one in found]
        assert repr([one.plain for one in told]) == repr([one.plain for one in found])
    if not any(isinstance(one.value, (list, tuple, dict)) for one in ops):
        assert told is not None


@pytest.mark.parametrize("said", [
    [Operation(int(Op.ADD), "tags", None, list(range(caps.VALUE_ELEMENTS)))],
    [Operation(int(Op.ADD), "tags", None, [[7] * 600, [7] * 600])],
    [Operation(int(Op.ADD), "tags", None, "x")] * (caps.ENTRY_ELEMENTS // 5 + 1),
])  # fmt: skip
def test_of_operations_that_may_be_an_opaque_entry_nothing_is_told(said: list[Operation]) -> None:
    assert operations.decoded(said) is None


@pytest.mark.parametrize("tag", [-1, Op.SET, True, "1"])
def test_of_operations_that_nobody_could_read_nothing_is_told(tag: Any) -> None:
    assert operations.decoded([Operation(tag, "title", b"short", "x")]) is None


@given(
    st.lists(
        st.tuples(st.integers(0, 11), st.text("ab\u0413", max_size=20), st.none() | st.binary(max_size=17)), max_size=20
    ),
    st.lists(st.tuples(st.integers(0), st.sampled_from([0x91, 0x92, 0x93, 0xA1, 0xC4, 0])), max_size=3),
)
def test_shapes_are_read_with_types_as_by_the_codec(heads: list[Any], changes: list[tuple[int, int]]) -> None:
    """Also if they are changed: then both find the same fault."""
    raw = bytearray(codec.encode([list(one) for one in heads]))
    for at, byte in changes:
        raw[at % len(raw)] = byte

    def said() -> object:
        try:
            return operations._heads(bytes(raw))
        except PeerError as error:
            return type(error), str(error)

    typed = said()
    with mock.patch.object(operations, "_read_heads", return_value=None):
        assert said() == typed


details = st.none() | st.binary(max_size=24) | st.integers(0, 1 << 64) | st.binary(min_size=10, max_size=10)
tails = st.sampled_from([b"", b"\xc4\x0a" + bytes(10), b"\xc4\x0a" + b"c" * 10, b"\xc4\x0a" + b"d" * 9])


def test_of_two_operations_that_end_with_a_ref_there_is_no_lone_head() -> None:
    zeros = bytes(REF_BYTES)
    for first in (zeros, b"r" * REF_BYTES):
        two = codec.encode([[Op.CORRECT, "note", first], [Op.RETRACT, "note", b"s" * REF_BYTES]])
        assert operations.lone_head(two) is None


def test_what_follows_a_lone_head_is_at_fault() -> None:
    one = codec.encode([[Op.CORRECT, "note", b"r" * REF_BYTES]])
    assert operations.lone_head(one) == (Op.CORRECT, "note", b"r" * REF_BYTES)
    with pytest.raises(Malformed) as caught:
        operations.lone_head(one + codec.encode(b"s" * REF_BYTES))
    assert caught.value.rule is Rule.CODEC_MSGPACK


@given(st.integers(0, 11), st.text("ab\n\u010a", max_size=20), details, tails, st.data())
def test_a_lone_head_is_read_as_the_plain_way_reads_it(
    tag: int, field: str, detail: Any, tail: bytes, data: st.DataObject
) -> None:
    """Also if it names a ref, which is read with another one in its place."""

    def said(shape: bytes, read: Callable[[bytes], object]) -> object:
        try:
            return read(shape)
        except PeerError as error:
            return type(error), str(error)

    def plain(shape: bytes) -> object:
        heads = operations._heads(shape)
        return heads[0] if len(heads) == 1 else None

    shape = bytearray(codec.encode([[tag, field, detail + tail if isinstance(detail, bytes) else detail]]))
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(shape)))
        shape[at : at + data.draw(st.integers(0, 1))] = data.draw(st.sampled_from([b"", b"\xc4", b"\x0a", b"\xc4\x0a"]))
    if len(shape) <= 64:
        assert said(bytes(shape), operations.lone_head) == said(bytes(shape), plain)
    with_int = codec.encode([[tag, field[:-1], 0xC40A << 48]]) + tail  # bytes that only look like one
    assert said(with_int, operations.lone_head) == said(with_int, plain)


def test_a_usual_shape_is_read_with_types() -> None:
    shape = operations.encode_shape([Operation(Op.SET, "title", bytes(20), None), Operation(Op.COUNT, "n", None, 1)])
    with mock.patch.object(codec, "decode", side_effect=AssertionError):
        assert len(operations._heads(shape)) == 2


texts = st.builds(
    lambda text, most: text.encode()[:most].decode(errors="ignore"),
    st.integers(0, 300).flatmap(lambda size: st.text(min_size=size, max_size=size)),
    st.sampled_from([0, 1, 30, 31, 32, 33, 254, 255, 256, 257]),
)
headers = st.sampled_from([b"\x91", b"\x90", b"\x92", b"\x91\xd9", b"\x91\xda\x00", b"\x91\xc4", b"\xdc\x00\x01"])


@given(texts, st.data())
def test_a_lone_text_is_read_as_the_plain_way_reads_it(text: str, data: st.DataObject) -> None:
    content = bytearray(bytes(16) + codec.encode([text]))
    assert operations.lone_text(bytes(content)) == contents.lone_text(bytes(content))
    for _ in range(data.draw(st.integers(0, 2))):  # one byte changed, added or left out
        at = data.draw(st.integers(15, min(len(content), 40)))
        content[at : at + data.draw(st.integers(0, 1))] = data.draw(st.binary(max_size=1))
        assert operations.lone_text(bytes(content)) == contents.lone_text(bytes(content))


@given(headers, st.binary(max_size=40) | st.text(max_size=60).map(str.encode), st.booleans())
def test_no_other_bytes_are_a_lone_text(header: bytes, rest: bytes, sized: bool) -> None:
    content = bytes(16) + header + bytes([len(rest)] if sized else []) + rest
    assert operations.lone_text(content) == contents.lone_text(content)


@pytest.mark.parametrize(("tag", "detail"), [(tag, detail) for tag, all_ in WRONG.items() for detail in all_])
def test_a_detail_has_the_form_that_its_tag_says(tag: int, detail: Any) -> None:
    shape = codec.encode([[int(tag), "f", detail]])
    with pytest.raises(Malformed):
        operations.decode(shape, bytes(16) + b"\x91\xc0")


@pytest.mark.parametrize(
    "shape",
    [[], [[]], [[1, "f"]], [[1, "f", b"", 0]], [["1", "f", b""]], [[-1, "f", None]], [[True, "f", b""]],
     [[1.0, "f", b""]], [[1, b"f", b""]], [[1, None, b""]], 7, None, {}, [1], "ff", [[1, "f", b""], 5]],
)  # fmt: skip
def test_a_shape_is_a_list_of_heads(shape: Any) -> None:
    with pytest.raises(Malformed):
        operations.decode(codec.encode(shape), bytes(16) + b"\x91\xc0")


@pytest.mark.parametrize("content", [b"", bytes(15), bytes(16), bytes(16) + b"\x90", bytes(16) + b"\x92\xc0\xc0",
                                     bytes(16) + b"\xc0", bytes(16) + b"\x91\xc0\xc0"])  # fmt: skip
def test_a_content_has_a_salt_and_one_value_each(content: bytes) -> None:
    with pytest.raises(Malformed):
        operations.decode(codec.encode([[1, "f", b""]]), content)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_random_bytes(shape: bytes, content: bytes) -> None:
    with contextlib.suppress(PeerError):
        operations.decode(shape, content)


def test_a_salt_has_16_bytes() -> None:
    with pytest.raises(ValueError, match="16"):
        operations.encode_content(bytes(15), [])


def test_refs() -> None:
    entry = EntryId(bytes(range(32)))
    assert operations.ref(entry, 258) == bytes(range(8)) + b"\x01\x02"
    assert operations.split_refs(b"a" * 10 + b"b" * 10) == [b"a" * 10, b"b" * 10]


def test_values_are_hidden() -> None:
    assert "secret" not in repr(Operation(1, "f", b"", "secret"))


@pytest.mark.parametrize("length", [1, 15, 16, 17, 255, 256, 800, 5_000])
def test_operations_are_counted_without_decoding_them(length: int) -> None:
    done = [Operation(int(Op.ADD), "", None, 0)] * length
    shape, content = operations.encode_shape(done), operations.encode_content(bytes(16), done)
    expected = 0 if length == 5_000 else length  # that many are opaque
    assert operations.count(shape, content) == len(operations.decode(shape, content)) == expected
