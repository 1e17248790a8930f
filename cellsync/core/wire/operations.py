"""Operations of a case entry, and their two halves on the wire: shape (kept for ever) and content (erasable).

    shape   = canonical [[tag, field, detail], …]          (hashed behind the 32-byte case id)
    content = 16 random bytes ‖ canonical [value, …]        one value per operation, nil where it has none

`field` is a field's name, or the case's kind for CREATE. `detail` depends on the tag: concatenated 10-byte refs
(SET, DISCARD, PUT, DELETE), one ref (CORRECT, RETRACT), a source key or nil (APPEND), a version (CREATE), nil.
Operations with a tag unknown to this version are carried and kept, never folded. An entry with too many elements is
*opaque*: held and served, never decoded. (protocol/30-history.md)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Annotated, Any, Final, NamedTuple

from msgspec import Meta

from cellsync.core import caps
from cellsync.core.errors import Malformed, PeerError
from cellsync.core.ids import REF_BYTES, EntryId, Ref
from cellsync.core.packed import Packed, packed, plain
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from cellsync.core.wire.tags import Op

SALT_BYTES: Final = 16
SOURCE_BYTES: Final = 16
_SMALL_SHAPE: Final = 64  # bytes: bounds what the cache below can hold


class Operation(NamedTuple):
    """One operation of a case entry. As decoded, a list or map is `Packed`: read `plain`."""

    tag: int
    field: str
    detail: bytes | int | None
    value: Any

    @property
    def plain(self) -> Any:
        return plain(self.value)

    def __repr__(self) -> str:
        return f"Operation({self.tag}, {self.field!r})"  # never its value


def ref(entry: EntryId, index: int) -> Ref:
    """The name of an entry's operation: the first 8 bytes of the entry's id, and the operation's index."""
    return Ref(entry[:8] + index.to_bytes(2, "big"))


def split_refs(detail: bytes) -> list[Ref]:
    """The refs concatenated in a detail."""
    return [Ref(detail[at : at + REF_BYTES]) for at in range(0, len(detail), REF_BYTES)]


def encode_shape(operations: Sequence[Operation]) -> bytes:
    return codec.encode_known([(tag, field, detail) for tag, field, detail, _ in operations])


def encode_content(salt: bytes, operations: Sequence[Operation]) -> bytes:
    if len(salt) != SALT_BYTES:
        raise ValueError("a content's salt is 16 bytes")
    return salt + codec.encode([plain(value) if type(value) is Packed else value for _, _, _, value in operations])


def encode_decoded(salt: bytes, operations: Sequence[Operation]) -> bytes:
    """The same content, in half the time, of operations of which `decoded` tells what they are."""
    return salt + codec.encode_known([value for _, _, _, value in operations])


Head = tuple[int, str, bytes | int | None]
"""One operation in a shape."""


def is_opaque(shape: bytes, content: bytes) -> bool:
    """Whether an entry exceeds the cap on elements: it then has no effect, and is never decoded.

    A decoded element takes some 80 bytes, and may take one on the wire. It takes at least one, so the length nearly
    always decides.
    """
    if len(shape) + len(content) <= caps.VALUE_ELEMENTS:
        return False
    in_shape = codec.elements(shape, caps.ENTRY_ELEMENTS, caps.ENTRY_ELEMENTS)
    left = caps.ENTRY_ELEMENTS - in_shape
    return left < 0 or codec.elements(content[SALT_BYTES:], left, caps.VALUE_ELEMENTS) > left


def count(shape: bytes, content: bytes) -> int:
    """The number of operations that `decode` would give, for an entry known to decode."""
    return 0 if is_opaque(shape, content) else codec.array_length(shape)


def decode(shape: bytes, content: bytes) -> list[Operation]:
    """The operations of a full entry; none if it is opaque. Raises Malformed or CapExceeded."""
    if is_opaque(shape, content):
        return []
    # All appends to one field have the same shape, so most small shapes are in the cache.
    heads = _known_heads(shape) if len(shape) <= _SMALL_SHAPE else _heads(shape)
    if len(heads) == 1:
        text = lone_text(content)
        if text is not None:
            tag, field, detail = heads[0]
            return [tuple.__new__(Operation, (tag, field, detail, text))]
    values = codec.decode(after_salt(content), caps.ENTRY, Rule.CAP_ENTRY)
    if type(values) is not list or len(heads) != len(values):
        raise Malformed(Rule.ENTRY_CONTENT)
    if len(heads) == 1:
        return [Operation(*heads[0], packed(values[0]))]
    return [Operation(*head, packed(value)) for head, value in zip(heads, values, strict=True)]


def after_salt(content: bytes) -> bytes:
    """What a content says. Raises Malformed if it is too short for a salt."""
    if len(content) < SALT_BYTES:
        raise Malformed(Rule.ENTRY_CONTENT)
    return content[SALT_BYTES:]


_DETAILS: Final = frozenset({bytes, int, type(None)})
_SCALARS: Final = frozenset({str, int, bool, bytes, float, type(None)})
_WITHOUT_DETAIL: Final = frozenset((int(tag), None) for tag in (Op.ADD, Op.COUNT, Op.APPEND))  # these fit


def decoded(said: Sequence[Operation]) -> list[Operation] | None:
    """The operations, if encoding and decoding them would give them back and not an opaque entry; else None.

    None also if that cannot be told cheaply. Lists stay unpacked: the caller must not change them.

    For entries of our own: decoding and comparing them took a seventh of an import. A property test holds both equal.
    """
    if not said:
        return None
    tags, fields, details, values = zip(*said, strict=True)
    if set(map(type, tags)) != {int} or set(map(type, fields)) != {str} or not _DETAILS.issuperset(map(type, details)):
        return None
    heads = set(zip(tags, details, strict=True)) - _WITHOUT_DETAIL
    if not all(tag >= 0 and _fits(tag, detail) for tag, detail in heads):
        return None
    lists = [value for value in values if type(value) not in _SCALARS]
    if not {list}.issuperset(map(type, lists)):
        return None
    elements = 2 + 5 * len(said) + sum(map(len, lists))  # of shape and content
    if not _SCALARS.issuperset(map(type, chain.from_iterable(lists))):  # most lists hold no containers
        inner = [element for value in lists for element in value if type(element) not in _SCALARS]
        if not all(type(element) is list and _SCALARS.issuperset(map(type, element)) for element in inner):
            return None
        elements += sum(map(len, inner))
    return list(said) if elements <= caps.VALUE_ELEMENTS else None


_AT: Final = SALT_BYTES + 3  # where a text of 32 to 255 bytes begins
_BEGINS, _TEXT = slice(SALT_BYTES, _AT), slice(_AT, None)
_TEXT_BEGINS: Final = {_AT + size: bytes((0x91, 0xD9, size)) for size in range(32, 256)}
"""What is in front of such a text, by the length of the content."""


def lone_text(content: bytes) -> str | None:
    """The value of a content that is one canonical text of at most 255 bytes, the common case; None for anything else.

    Spelt out for speed: an entry decodes in 0.47 µs instead of 1.14. `tests/models/contents.py` has the plain version.
    None also for bytes that are not canonical: the codec then says what is wrong with them.
    """
    try:
        if content[_BEGINS] == _TEXT_BEGINS.get(len(content)):
            return content[_TEXT].decode()
        size = len(content) - SALT_BYTES - 2
        if 0 <= size < 32 and content[SALT_BYTES] == 0x91 and content[SALT_BYTES + 1] == 0xA0 | size:
            return content[SALT_BYTES + 2 :].decode()
    except UnicodeDecodeError:
        pass
    return None


_Rows = Annotated[list[tuple[int, str, bytes | int | None]], Meta(min_length=1, max_length=caps.ENTRY_ELEMENTS)]
_read_heads: Final = codec.reader(_Rows)


def _heads(shape: bytes) -> tuple[Head, ...]:
    # Typed, so the depth is known: counting it takes five times as long as decoding.
    typed = _read_heads(shape) if len(shape) <= caps.ENTRY else None
    if typed is not None and all(tag >= 0 and _fits(tag, detail) for tag, _, detail in typed):
        return tuple(typed)
    heads = codec.decode(shape, caps.ENTRY, Rule.CAP_ENTRY)  # says what is wrong
    if type(heads) is not list or not heads:
        raise Malformed(Rule.ENTRY_OPERATIONS)
    for head in heads:
        if type(head) is not list or len(head) != 3:
            raise Malformed(Rule.ENTRY_OPERATION)
        tag, field, detail = head
        if type(tag) is not int or tag < 0 or type(field) is not str or not _fits(tag, detail):
            raise Malformed(Rule.ENTRY_OPERATION)
    return tuple([tuple(head) for head in heads])


_known_heads = lru_cache(maxsize=1_024)(_heads)


_ONE_REF: Final = b"\xc4\x0a"  # ten bytes follow
_NO_REF: Final = bytes(REF_BYTES)


def lone_head(shape: bytes) -> Head | None:
    """The head of a small shape of one operation, None for any other. Raises Malformed or CapExceeded.

    With a `lone_text` as its content the entry is never opaque; nearly all entries are like this.

    Spelt out for speed: a shape that ends with one ref is looked up with zeros in its place, so the cache knows it from
    an earlier one (0.5 µs instead of 2.0). A property test holds it equal to `_heads`.
    """
    if len(shape) > _SMALL_SHAPE:
        return None
    if shape[-12:-10] == _ONE_REF:
        try:
            heads = _known_heads(shape[:-REF_BYTES] + _NO_REF)
            if len(heads) == 1 and heads[0][2] == _NO_REF:
                return heads[0][0], heads[0][1], shape[-REF_BYTES:]
        except PeerError:
            pass  # these bytes mean something else
    heads = _known_heads(shape)
    return heads[0] if len(heads) == 1 else None


def _refs(detail: object) -> bool:
    return type(detail) is bytes and len(detail) % REF_BYTES == 0


def _one_ref(detail: object) -> bool:
    return type(detail) is bytes and len(detail) == REF_BYTES


def _nothing(detail: object) -> bool:
    return detail is None


def _version(detail: object) -> bool:
    return type(detail) is int and 0 <= detail < 1 << 32


def _source(detail: object) -> bool:
    return detail is None or (type(detail) is bytes and len(detail) == SOURCE_BYTES)


def _unknown(detail: object) -> bool:
    return detail is None or type(detail) in (bytes, int)


# For the first ten tags, and never for others: devices that do not know a later tag hold its operations whatever their
# details are, so a detail that does not fit is ill-typed when it is folded (`crdt/types`, rule 4).
_DETAIL: Final = {
    int(Op.CREATE): _version,
    int(Op.SET): _refs,
    int(Op.ADD): _nothing,
    int(Op.DISCARD): _refs,
    int(Op.PUT): _refs,
    int(Op.DELETE): _refs,
    int(Op.COUNT): _nothing,
    int(Op.APPEND): _source,
    int(Op.CORRECT): _one_ref,
    int(Op.RETRACT): _one_ref,
}


def _fits(tag: int, detail: object) -> bool:
    return _DETAIL.get(tag, _unknown)(detail)
