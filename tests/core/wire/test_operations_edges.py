"""Operations at the edges of their caps and of the ways that are spelt out for speed."""

from __future__ import annotations

from typing import Any

import pytest

from cellsync.core import caps
from cellsync.core.errors import CapExceeded, Malformed
from cellsync.core.packed import packed
from cellsync.core.rule import Rule
from cellsync.core.wire import codec, operations
from cellsync.core.wire.operations import Operation, encode_content, encode_shape
from cellsync.core.wire.tags import Op

SALT = bytes(16)
APPEND = Operation(int(Op.APPEND), "f", None, None)
SHAPE = encode_shape([APPEND])


def rule_of(shape: bytes, content: bytes) -> Rule:
    with pytest.raises((Malformed, CapExceeded)) as caught:
        operations.decode(shape, content)
    return caught.value.rule


def test_a_packed_value_is_written_as_the_plain_one() -> None:
    plain = [Operation(Op.APPEND, "f", None, value) for value in ([1, {"a": []}], {"b": 1}, "text", None)]
    resting = [one._replace(value=packed(one.value)) for one in plain]
    assert encode_content(SALT, resting) == encode_content(SALT, plain)
    assert operations.decode(encode_shape(plain), encode_content(SALT, resting)) == plain


@pytest.mark.parametrize("size", [0, 15, 17])
def test_a_salt_has_16_bytes(size: int) -> None:
    with pytest.raises(ValueError, match=r"^a content's salt is 16 bytes$"):
        encode_content(bytes(size), [APPEND])


def entry_of(elements: int) -> tuple[bytes, bytes]:
    """Four operations with so many elements in shape and content, as evenly as may be."""
    left = elements - 17 - 1 - 4
    sizes = [left // 4 + (at < left % 4) for at in range(4)]
    said = [Operation(Op.APPEND, "f", None, [0] * size) for size in sizes]
    return encode_shape(said), encode_content(SALT, said)


def test_an_entry_is_opaque_from_one_element_too_many() -> None:
    assert not operations.is_opaque(*entry_of(caps.ENTRY_ELEMENTS))
    assert len(operations.decode(*entry_of(caps.ENTRY_ELEMENTS))) == 4
    assert operations.is_opaque(*entry_of(caps.ENTRY_ELEMENTS + 1))
    assert operations.decode(*entry_of(caps.ENTRY_ELEMENTS + 1)) == []


def test_a_value_may_have_as_many_elements_as_its_cap_says() -> None:
    for more in (0, 1):
        content = encode_content(SALT, [APPEND._replace(value=[0] * (caps.VALUE_ELEMENTS - 1 + more))])
        assert operations.is_opaque(SHAPE, content) == bool(more)


def test_a_shape_alone_may_use_all_elements_and_is_then_wrong_for_its_content() -> None:
    full = codec.encode([0] * (caps.ENTRY_ELEMENTS - 1))
    assert not operations.is_opaque(full, SALT)
    assert operations.is_opaque(codec.encode([0] * caps.ENTRY_ELEMENTS), SALT)


@pytest.mark.parametrize("size", [0, 15])
def test_a_content_is_not_shorter_than_its_salt(size: int) -> None:
    assert rule_of(SHAPE, bytes(size)) is Rule.ENTRY_CONTENT
    assert operations.after_salt(SALT) == b""
    assert rule_of(SHAPE, SALT) is Rule.CODEC_MSGPACK


@pytest.mark.parametrize("values", [[], ["one", "two"], None, "text"])
def test_a_content_has_one_value_for_each_operation(values: Any) -> None:
    assert rule_of(SHAPE, SALT + codec.encode(values)) is Rule.ENTRY_CONTENT


def test_a_lone_text_is_no_content_of_two_operations() -> None:
    assert rule_of(encode_shape([APPEND, APPEND]), SALT + codec.encode(["text"])) is Rule.ENTRY_CONTENT


def test_what_is_too_long_is_refused_by_the_name_of_its_cap() -> None:
    assert rule_of(SHAPE, SALT + codec.encode([bytes(caps.ENTRY)])) is Rule.CAP_ENTRY
    assert rule_of(encode_shape([APPEND._replace(field="x" * caps.ENTRY)]), SALT) is Rule.CAP_ENTRY


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 255, 256])
def test_a_lone_text_is_known_by_its_one_encoding(size: int) -> None:
    said = SALT + codec.encode(["x" * size])
    assert operations.lone_text(said) == ("x" * size if size < 256 else None)
    assert operations.lone_text(SALT + b"\x91\xa0" + b"x" * size) == ("" if size == 0 else None)
    assert operations.lone_text(SALT + b"\x91\xd9" + bytes([size % 256]) + b"x" * size) == (
        "x" * size if 32 <= size < 256 else None
    )


# --- what a draft has written, without decoding it ----------------------------------------------


@pytest.mark.parametrize("value", [
    "text", 5, None, True, b"", 1.5, [], [1, "a", None], [[1], ["a", b""]], [[], 2],
])  # fmt: skip
def test_operations_of_our_own_need_no_decoding(value: Any) -> None:
    said = [APPEND._replace(tag=int(Op.SET), detail=bytes(10), value=value), APPEND._replace(value=value)]
    assert operations.decoded(said) == said


@pytest.mark.parametrize("other", [
    {"tag": True}, {"tag": -1}, {"field": b"f"}, {"detail": 1.5}, {"detail": "text"}, {"detail": bytes(15)},
    {"tag": int(Op.SET), "detail": bytes(9)}, {"tag": int(Op.SET), "detail": 5}, {"value": {}}, {"value": (1,)},
    {"value": [{}]}, {"value": [[[]]]}, {"value": [[1, []]]}, {"value": [(1,)]}, {"value": [1, [2], {"a": 1}]},
    {"value": packed([1])}, {"tag": 99, "detail": [1]},
])  # fmt: skip
def test_others_have_to_be_decoded(other: dict[str, Any]) -> None:
    wrong = APPEND._replace(**other)
    assert operations.decoded([wrong]) is None
    assert operations.decoded([APPEND, wrong]) is None
    assert operations.decoded([]) is None


@pytest.mark.parametrize("operations_said", [1, 3])
@pytest.mark.parametrize("inner", [False, True])
def test_they_have_as_many_elements_as_one_value_may(operations_said: int, inner: bool) -> None:
    room = caps.VALUE_ELEMENTS - 2 - 5 * operations_said - inner
    for more in (0, 1):
        value: list[Any] = [0] * (room + more)
        said = [APPEND._replace(value=[value] if inner else value), *[APPEND] * (operations_said - 1)]
        assert operations.decoded(said) == (None if more else said)
    if inner:
        split = [APPEND._replace(value=[[0] * (room // 2), [0] * (room - 1 - room // 2)])]
        said = split + [APPEND] * (operations_said - 1)
        assert operations.decoded(said) == said
        assert operations.decoded([APPEND._replace(value=[*split[0].value, 0]), *said[1:]]) is None


# --- shapes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(8))
def test_a_lone_head_that_ends_with_a_ref_is_known_from_another_with_a_ref(number: int) -> None:
    ref = bytes([number]) * 10
    for tag in (Op.SET, Op.CORRECT, Op.RETRACT, Op.DELETE):
        shape = encode_shape([Operation(tag, "field", ref, None)])
        assert operations.lone_head(shape) == (tag, "field", ref)
    assert operations.lone_head(encode_shape([Operation(Op.SET, "f", ref + ref, None)])) == (Op.SET, "f", ref + ref)


def test_a_lone_head_is_of_one_operation_in_at_most_64_bytes() -> None:
    for length, known in ((64, True), (65, False)):
        shape = encode_shape([APPEND._replace(field="x" * (length - 6))])
        assert len(shape) == length
        assert (operations.lone_head(shape) is not None) is known
    two = encode_shape([APPEND, Operation(Op.SET, "f", bytes(10), None)])
    assert operations.lone_head(two) is None
    assert operations.lone_head(encode_shape([APPEND, APPEND])) is None


def test_what_looks_like_a_ref_at_the_end_may_be_another_thing() -> None:
    field = "\u0109" + "x" * 10  # in UTF-8 it has the bytes of ten that follow
    shape = encode_shape([APPEND._replace(field="x\u010a234567890")])
    assert operations.lone_head(shape) == (Op.APPEND, "x\u010a234567890", None)
    assert operations.lone_head(encode_shape([APPEND._replace(field=field)])) == (Op.APPEND, field, None)


@pytest.mark.parametrize(("head", "rule"), [
    ([-1, "f", None], Rule.ENTRY_OPERATION), ([True, "f", None], Rule.ENTRY_OPERATION),
    ([7, b"f", None], Rule.ENTRY_OPERATION), ([7, "f", 5], Rule.ENTRY_OPERATION), ([7, "f"], Rule.ENTRY_OPERATION),
    ([7, "f", None, None], Rule.ENTRY_OPERATION), (7, Rule.ENTRY_OPERATION), ([99, "f", "text"], Rule.ENTRY_OPERATION),
    ([0, "f", None], Rule.ENTRY_OPERATION), ([0, "f", 1 << 32], Rule.ENTRY_OPERATION),
])  # fmt: skip
def test_other_heads_are_none(head: Any, rule: Rule) -> None:
    assert rule_of(codec.encode([head]), SALT) is rule
    assert rule_of(codec.encode([]), SALT) is Rule.ENTRY_OPERATIONS
    assert operations._heads(codec.encode([[0, "kind", 1]])) == ((0, "kind", 1),)
