"""Detached entries as messages: every one written is read back; any other form is at fault under its rule."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.errors import CapExceeded, Malformed, PeerError
from cellsync.core.ids import NO_ID, DeviceId, EntryId, Incarnation, Millis, Signature
from cellsync.core.rule import Rule
from cellsync.core.wire import codec, detached, messages
from cellsync.core.wire.detached import Detached, DetachedEntry
from cellsync.core.wire.mark import EntryForm, Hashed, marked
from cellsync.core.wire.tags import Kind
from tests.core.wire.sent import CIRCLE, fixed, gives_peer_errors_only, names, otherwise

INTEGERS = st.integers(-(1 << 63), (1 << 64) - 1)
shapes = st.lists(st.lists(fixed(32), max_size=3) | INTEGERS | st.none(), max_size=4).map(codec.encode)
kinds = st.integers(2, 255)
ids = fixed(32).filter(lambda one: one != NO_ID).map(EntryId)


@st.composite
def any_entries(draw: st.DrawFn) -> Detached:
    sequence = draw(st.just(1) | st.integers(1, (1 << 40) - 1))
    shape = draw(shapes)
    return Detached(
        *draw(names), sequence, EntryId(NO_ID) if sequence == 1 else draw(ids), draw(st.integers(1, (1 << 63) - 1)),
        Millis(draw(st.integers(0, (1 << 63) - 1))), draw(kinds), shape,
        Hashed(draw(fixed(32)), draw(st.integers(0, caps.ENTRY - len(shape)))),
        tuple(sorted(draw(st.sets(ids, max_size=4)))), Signature(draw(fixed(64))),
    )  # fmt: skip


@given(any_entries())
def test_what_is_written_is_read_back(entry: Detached) -> None:
    assert messages.decode(detached.encode(CIRCLE, entry)) == DetachedEntry(CIRCLE, entry)


@given(any_entries(), st.data())
def test_other_messages_give_peer_errors_only(entry: Detached, data: st.DataObject) -> None:
    raw = detached.encode(CIRCLE, entry)
    gives_peer_errors_only(codec.encode(data.draw(otherwise(codec.decode_message(raw)))))
    at = data.draw(st.integers(0, len(raw) - 1))
    gives_peer_errors_only(raw[:at] + bytes([data.draw(st.integers(0, 255))]) + raw[at + 1 :])


REMOVE = codec.encode([[bytes([7]) * 32]])
GOOD = Detached(
    DeviceId(b"d" * 32), Incarnation(b"i" * 8), 2, EntryId(b"p" * 32), 5, Millis(9), Kind.REMOVE, REMOVE,
    Hashed(b"c" * 32, 17), (EntryId(b"a" * 32), EntryId(b"b" * 32)), Signature(b"s" * 64),
)  # fmt: skip
FIELDS = [12, CIRCLE, *detached.to_fields(GOOD)]
DEVICE, INCARNATION, SEQUENCE, PREVIOUS, HEIGHT, CLOCK, KIND, SHAPE, HASH, LENGTH, PARENTS, SIGNATURE = range(2, 14)
DETACHED = EntryForm.DETACHED

FAULTS: list[tuple[str, Rule, dict[int, Any]]] = [
    ("a circle's name of 7 bytes", Rule.FORM_CIRCLE, {1: b"circle7"}),
    ("a device of 31 bytes", Rule.FORM_DEVICE, {DEVICE: bytes(31)}),
    ("an incarnation of 7 bytes", Rule.FORM_INCARNATION, {INCARNATION: bytes(7)}),
    ("sequence 0", Rule.FORM_PLACE, {SEQUENCE: 0, PREVIOUS: bytes(32)}),
    ("sequence 2^40", Rule.FORM_PLACE, {SEQUENCE: 1 << 40}),
    ("a sequence that is true", Rule.DETACHED, {SEQUENCE: True, PREVIOUS: bytes(32)}),
    ("a first entry with a previous", Rule.DETACHED, {SEQUENCE: 1}),
    ("a second entry without one", Rule.DETACHED, {PREVIOUS: bytes(32)}),
    ("a previous of 31 bytes", Rule.DETACHED, {PREVIOUS: bytes(31)}),
    ("height 0", Rule.DETACHED, {HEIGHT: 0}),
    ("height 2^63", Rule.DETACHED, {HEIGHT: 1 << 63}),
    ("a clock below 0", Rule.DETACHED, {CLOCK: -1}),
    ("clock 2^63", Rule.DETACHED, {CLOCK: 1 << 63}),
    ("a clock that is a float", Rule.DETACHED, {CLOCK: 9.5}),
    ("no mark", Rule.ENTRY_MARK, {KIND: 5}),
    ("the mark of an erased entry", Rule.ENTRY_MARK, {KIND: marked(5, EntryForm.ERASED)}),
    ("the mark of a skeleton", Rule.ENTRY_MARK, {KIND: marked(5, EntryForm.SKELETON, 2)}),
    ("a mark over 255", Rule.DETACHED, {KIND: marked(5, DETACHED, 65)}),
    ("a kind below 0", Rule.DETACHED, {KIND: -253}),
    ("a case entry", Rule.DETACHED, {KIND: marked(0, DETACHED)}),
    ("a found", Rule.DETACHED, {KIND: marked(1, DETACHED)}),
    ("a shape that is text", Rule.DETACHED, {SHAPE: "x"}),
    ("a shape of no value", Rule.CODEC_MSGPACK, {SHAPE: b""}),
    ("a shape of two values", Rule.CODEC_MSGPACK, {SHAPE: b"\xc0\xc0"}),
    ("a shape in a longer encoding", Rule.CODEC_CANONICAL, {SHAPE: b"\xcc\x05"}),
    ("a shape too deep", Rule.CAP_NESTING, {SHAPE: b"\x91" * 9 + b"\xc0"}),
    ("a hash of 31 bytes", Rule.DETACHED, {HASH: bytes(31)}),
    ("a length below 0", Rule.DETACHED, {LENGTH: -1}),
    ("a length over the cap", Rule.CAP_ENTRY, {LENGTH: caps.ENTRY - len(REMOVE) + 1}),
    ("parents out of order", Rule.DETACHED, {PARENTS: [b"b" * 32, b"a" * 32]}),
    ("a parent twice", Rule.DETACHED, {PARENTS: [b"a" * 32] * 2}),
    ("a parent of 31 bytes", Rule.DETACHED, {PARENTS: [bytes(31)]}),
    ("parents that are nil", Rule.DETACHED, {PARENTS: None}),
    ("65 parents", Rule.CAP_PARENTS, {PARENTS: [bytes([one]) * 32 for one in range(65)]}),
    ("a signature of 63 bytes", Rule.DETACHED, {SIGNATURE: bytes(63)}),
]


def sent(changes: dict[int, Any]) -> bytes:
    return codec.encode([changes.get(at, field) for at, field in enumerate(FIELDS)])


def test_the_bytes_are_those_of_the_specification() -> None:
    assert sent({}) == detached.encode(CIRCLE, GOOD)
    assert FIELDS[KIND] == 5 + 256 * 3
    assert messages.decode(sent({})) == DetachedEntry(CIRCLE, GOOD)


@pytest.mark.parametrize(("rule", "changes"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_one_thing_otherwise_is_at_fault(rule: Rule, changes: dict[int, Any]) -> None:
    with pytest.raises(PeerError) as caught:
        messages.decode(sent(changes))
    assert caught.value.rule is rule


@pytest.mark.parametrize("fields", [FIELDS[:-1], [*FIELDS, 0]], ids=["13", "15"])
def test_it_has_fourteen_elements(fields: list[Any]) -> None:
    with pytest.raises(Malformed) as caught:
        messages.decode(codec.encode(fields))
    assert caught.value.rule is Rule.MESSAGE


@pytest.mark.parametrize(
    "changes",
    [
        {LENGTH: caps.ENTRY - len(REMOVE)},
        {PARENTS: [bytes([one]) * 32 for one in range(64)]},
        {PARENTS: []},
        {SEQUENCE: 1, PREVIOUS: bytes(32)},
        {SEQUENCE: (1 << 40) - 1},
        {KIND: marked(2, DETACHED)},
        {KIND: marked(255, DETACHED)},
        {SHAPE: b"\xdc\x10\x01" + b"\xcc\x05" * 4_097, LENGTH: 0},  # opaque: what it means is not examined
    ],
    ids=range(8),
)
def test_what_just_fits_is_read(changes: dict[int, Any]) -> None:
    message = messages.decode(sent(changes))
    assert isinstance(message, DetachedEntry)
    assert message.entry is not None
    assert detached.encode(CIRCLE, message.entry) == sent(changes)


def test_of_an_unknown_version_only_types_and_caps_are_looked_at() -> None:
    newer = {KIND: marked(0, DETACHED, 2)}
    for other in ({}, {SEQUENCE: 0}, {SHAPE: b""}, {PARENTS: [b"a" * 32] * 2}, {HEIGHT: 1 << 63}, {SIGNATURE: b""}):
        assert messages.decode(sent(newer | other)) == DetachedEntry(CIRCLE, None)
    with pytest.raises(Malformed):
        messages.decode(sent(newer | {DEVICE: bytes(31)}))
    with pytest.raises(CapExceeded):
        messages.decode(sent(newer | {LENGTH: caps.ENTRY}))


def test_what_it_says_is_hidden() -> None:
    assert "secret" not in repr(GOOD._replace(shape=codec.encode("secret")))
