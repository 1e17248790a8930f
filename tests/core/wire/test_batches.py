"""Batches: every batch written is read back; any other form is a PeerError, and no other error."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.crypto.channel import MAX_PAYLOAD
from cellsync.core.errors import CapExceeded, Malformed, PeerError
from cellsync.core.ids import CaseId, DeviceId, EntryId, Incarnation, Signature
from cellsync.core.rule import Rule
from cellsync.core.wire import batches, codec, messages
from cellsync.core.wire.batches import NO_CASE, Batch, BatchChain, BatchEntry, BatchPart
from cellsync.core.wire.mark import EntryForm, Hashed, marked
from cellsync.core.wire.tags import Kind
from tests.core.wire.sent import CIRCLE, WRONG, fixed, gives_peer_errors_only, names, otherwise, sequences


@st.composite
def bodies(draw: st.DrawFn, cases: int) -> tuple[int, int, bytes, bytes]:
    """(case, marked kind, shape, content) of an entry: mostly a full one, in any other form else."""
    kind = draw(st.integers(0, 255))
    case, shape, content = draw(st.integers(0, cases - 1)), draw(st.binary(max_size=60)), draw(st.binary(max_size=300))
    lengths = st.integers(0, caps.ENTRY // 2).map(lambda length: Hashed(bytes([length % 256]) * 32, length).pack())
    match draw(st.sampled_from(["full"] * 5 + ["erased", "skeleton", "newer", "newer skeleton"])):
        case "erased":
            return case, marked(kind, EntryForm.ERASED), shape, draw(lengths)
        case "skeleton":
            kind = 0 if kind in (Kind.FOUND, Kind.ADMIT) else kind
            return NO_CASE, marked(kind, EntryForm.SKELETON), draw(lengths), draw(lengths)
        case "newer":
            form = draw(st.sampled_from([EntryForm.FULL, EntryForm.ERASED]))
            return case, marked(kind, form, draw(st.integers(2, 64))), shape, content
        case "newer skeleton":
            return NO_CASE, marked(kind, EntryForm.SKELETON, draw(st.integers(2, 64))), shape, content
    return case, kind, shape, content


@st.composite
def any_batches(draw: st.DrawFn) -> Batch:
    chains = [
        BatchChain(*name, draw(sequences), EntryId(draw(fixed(32))), draw(st.none() | fixed(64).map(Signature)))
        for name in draw(st.lists(names, min_size=1, max_size=4))
    ]
    cases = [CaseId(case) for case in draw(st.lists(fixed(32), min_size=1, max_size=4))]
    entries = []
    for _ in range(draw(st.integers(0, 8))):
        chain = draw(st.integers(0, len(chains) - 1))
        cited = [row for row in range(len(chains)) if row != chain]
        pairs = st.lists(st.tuples(st.sampled_from(cited), sequences), max_size=3) if cited else st.just([])
        case, kind, shape, content = draw(bodies(len(cases)))
        parents = [part for pair in draw(pairs) for part in pair]
        entries.append(BatchEntry(chain, case, parents, draw(st.integers(-(1 << 62), 1 << 62)), kind, shape, content))
    size = sum(batches.entry_size(entry.shape, entry.content, len(entry.parents) // 2) for entry in entries)
    return Batch(chains, cases, entries, size)


def read_batch(parts: list[bytes]) -> Batch:
    batch = Batch()
    for at, raw in enumerate(parts, start=1):
        part = messages.decode(raw)
        assert isinstance(part, BatchPart)
        assert part.circle == CIRCLE
        assert part.last == (at == len(parts))
        batches.extend(batch, part)
    return batch


HEADERS = [b"", b"\xcd\x00", b"\xcc", b"\xdc\x00", b"\xdd\x7f\xff\xff\xff", b"\xc6\x00", b"\xd9", b"\xca", b"\xd4"]


def read(raw: bytes, batch: Batch, *, typed: bool) -> object:
    """What becomes of a batch with one part more, or what is wrong; with the reader of typed parts, or without it."""
    with mock.patch.object(batches, "_read_part", batches._read_part if typed else lambda _: None):
        try:
            message = messages.decode(raw)
            if not isinstance(message, BatchPart):
                return message
            batches.extend(batch, message)
        except PeerError as error:
            return type(error), str(error)
    return batch, batch.shapes, batch.newer, message.circle, message.last


@given(any_batches(), st.integers(500, 3_000), st.data())
def test_typed_parts_are_read_as_by_the_plain_version(batch: Batch, limit: int, data: st.DataObject) -> None:
    """Also if something in them is otherwise: then both say the same of it."""
    arriving = Batch(), Batch()
    for raw in batches.encode_batch(CIRCLE, batch, limit):
        part = list(codec.decode_message(raw))
        for _ in range(data.draw(st.integers(0, 2))):
            table = data.draw(st.sampled_from([row for row in part[3:] if row] or [part]))
            at = data.draw(st.integers(0, len(table) - 1))
            wrong = data.draw(st.sampled_from(WRONG))
            if isinstance(table[at], list) and table[at]:
                table[at][data.draw(st.integers(0, len(table[at]) - 1))] = wrong
            else:
                table[at] = wrong
        changed = codec.encode(part)
        typed = read(changed, arriving[0], typed=True)
        assert typed == read(changed, arriving[1], typed=False)
        if isinstance(typed, tuple) and isinstance(typed[0], type):
            return


@given(any_batches(), st.data())
def test_other_encodings_of_typed_parts_are_refused(batch: Batch, data: st.DataObject) -> None:
    for raw in batches.encode_batch(CIRCLE, batch, 3_000):
        at = data.draw(st.integers(0, len(raw) - 1))
        cut = data.draw(st.sampled_from([0, 0, 1]))
        put = data.draw(st.sampled_from(HEADERS))
        changed = raw[:at] + put + raw[at + cut :]
        assert read(changed, Batch(), typed=True) == read(changed, Batch(), typed=False)


def test_honest_parts_are_read_typed() -> None:
    row = BatchChain(DeviceId(bytes(32)), Incarnation(bytes(8)), 1, EntryId(bytes(32)), None)
    batch = Batch([row, row], [CaseId(bytes(32))], [BatchEntry(0, 0, [1, 1], 5, 0, b"s", b"c")] * 3)
    [raw] = batches.encode_batch(CIRCLE, batch, MAX_PAYLOAD)
    part = messages.decode(raw)
    assert isinstance(part, BatchPart)
    assert part.typed


@given(any_batches(), st.integers(500, 3_000) | st.just(MAX_PAYLOAD))
def test_a_batch_comes_back_from_parts_of_any_size(batch: Batch, limit: int) -> None:
    parts = batches.encode_batch(CIRCLE, batch, limit)
    assert all(len(part) <= limit for part in parts)
    assert read_batch(parts) == batch


def test_the_largest_entry_fits_into_a_frame() -> None:
    chains = [
        BatchChain(DeviceId(bytes(32)), Incarnation(bytes(8)), 1, EntryId(bytes(32)), None)
    ] * caps.CHAINS  # fmt: skip
    parents = [part for row in range(caps.PARENTS) for part in (caps.CHAINS - 1 - row, (1 << 40) - 1)]
    largest = BatchEntry(0, 0, parents, -(1 << 63), 255, b"s" * 300, b"c" * (caps.ENTRY - 300))
    parts = batches.encode_batch(CIRCLE, Batch(chains, [CaseId(bytes(32))], [largest] * 3), MAX_PAYLOAD)
    assert max(map(len, parts)) <= MAX_PAYLOAD


CHAIN = [bytes(32), bytes(8), 1, bytes(32), bytes(64)]
ENTRY = [0, 0, [1, 1], 0, 0, b"", b""]


def replaced(row: list[Any], at: int, wrong: Any) -> list[Any]:
    return [*row[:at], wrong, *row[at + 1 :]]


BAD_CHAINS = [
    None, [], CHAIN[:4], [*CHAIN, 1],
    *[replaced(CHAIN, at, wrong) for at, wrong in
      [(0, bytes(31)), (0, "x" * 32), (1, bytes(7)), (2, 0), (2, -1), (2, True), (2, 1 << 40), (2, 1.0),
       (3, bytes(31)), (4, bytes(63)), (4, None)]],
]  # fmt: skip
BAD_ENTRIES = [
    None, [], ENTRY[:6], [*ENTRY, 1],
    *[replaced(ENTRY, at, wrong) for at, wrong in
      [(0, -1), (0, 2), (0, True), (0, None), (1, -1), (1, 1), (1, False), (2, None), (2, [1]), (2, [0, 1]),
       (2, [2, 1]),
       (2, [-1, 1]), (2, [1, 0]), (2, [1, -1]), (2, [1, 1 << 40]), (2, [True, 1]), (2, [1, True]), (2, [1, 1.0]),
       (2, {"a": 1}), (3, 1.0), (3, None), (3, True), (4, -1), (4, 3 << 8), (4, True), (5, "s"), (5, None), (6, None),
       (6, [])]],
]  # fmt: skip


def part(chains: list[Any], cases: list[Any], entries: list[Any]) -> BatchPart:
    decoded = messages.decode(codec.encode([4, CIRCLE, True, chains, cases, entries]))
    assert isinstance(decoded, BatchPart)
    return decoded


@pytest.mark.parametrize(
    ("canonical", "longer"),
    [
        (b"\x96\x04\xc4", b"\x96\x04\xc5\x00"),  # a circle's name
        (b"\x91\xc4\x20", b"\xdc\x00\x01\xc4\x20"),  # the array of cases
        (b"\x97\x00", b"\x97\xcc\x00"),  # the row of a chain
        (b"\x97\x00", b"\x97\xca\x00\x00\x00\x00"),  # the same as a float
        (b"\x92\x01\x01", b"\xdc\x00\x02\x01\x01"),  # parents
        (b"\xc4\x00\xc4\x00", b"\xc5\x00\x00\xc4\x00"),  # a shape
        (b"\xc4\x00\xc4\x00", b"\xc4\x00\xa0"),  # a content that is text
    ],
)
def test_parts_have_one_encoding(canonical: bytes, longer: bytes) -> None:
    raw = codec.encode([4, CIRCLE, True, [CHAIN, CHAIN], [bytes(32)], [ENTRY]])
    assert raw.count(canonical) == 1
    for typed in (True, False):
        said = read(raw.replace(canonical, longer), Batch(), typed=typed)
        assert isinstance(said, tuple)
        assert said[0] is Malformed


@pytest.mark.parametrize("row", BAD_CHAINS, ids=range(len(BAD_CHAINS)))
def test_bad_rows_of_chains(row: Any) -> None:
    with pytest.raises(Malformed):
        batches.extend(Batch(), part([row], [], []))


@pytest.mark.parametrize("row", BAD_ENTRIES, ids=range(len(BAD_ENTRIES)))
def test_bad_rows_of_entries(row: Any) -> None:
    batches.extend(Batch(), part([CHAIN, CHAIN], [bytes(32)], [ENTRY]))  # the same with a good one
    with pytest.raises(Malformed):
        batches.extend(Batch(), part([CHAIN, CHAIN], [bytes(32)], [row]))


@pytest.mark.parametrize("case", [bytes(31), bytes(33), "x" * 32, None, 5])
def test_bad_cases(case: Any) -> None:
    with pytest.raises(Malformed):
        batches.extend(Batch(), part([], [case], []))


DIGEST = Hashed(bytes(32), 17).pack()
ERASED = [0, 0, [1, 1], 0, marked(0, EntryForm.ERASED), b"s", DIGEST]
SKELETON = [0, None, [1, 1], 0, marked(0, EntryForm.SKELETON), DIGEST, DIGEST]
NEWER = [0, 0, [1, 1], 0, marked(0, EntryForm.FULL, 2), b"", b""]
NEWER_SKELETON = [0, None, [1, 1], 0, marked(0, EntryForm.SKELETON, 64), b"", b""]
LONG = Hashed(bytes(32), caps.ENTRY).pack()
OTHER_FORMS = [ERASED, SKELETON, NEWER, NEWER_SKELETON]
BAD_FORMS = [
    (Rule.ENTRY_MARK, ENTRY, (4, marked(0, EntryForm.DETACHED))), (Rule.ENTRY_MARK, NEWER, (4, 256 * 7)),
    (Rule.BATCH_ENTRY, ENTRY, (4, 256 * 256)), (Rule.BATCH_ENTRY, NEWER, (4, 256 * 260)),
    (Rule.ENTRY_FORM, ENTRY, (1, None)), (Rule.ENTRY_FORM, ERASED, (1, None)), (Rule.ENTRY_FORM, NEWER, (1, None)),
    (Rule.ENTRY_FORM, SKELETON, (1, 0)), (Rule.ENTRY_FORM, NEWER_SKELETON, (1, 0)),
    (Rule.ENTRY_FORM, ERASED, (6, DIGEST[1:])), (Rule.ENTRY_FORM, ERASED, (6, bytes(37))),
    (Rule.ENTRY_FORM, SKELETON, (5, DIGEST[1:])), (Rule.ENTRY_FORM, SKELETON, (6, DIGEST + b"x")),
    (Rule.ENTRY_FORM, SKELETON, (5, 0)), (Rule.ENTRY_FORM, NEWER_SKELETON, (5, 0)),
    (Rule.ENTRY_FORM, SKELETON, (4, marked(Kind.FOUND, EntryForm.SKELETON))),
    (Rule.ENTRY_FORM, SKELETON, (4, marked(Kind.ADMIT, EntryForm.SKELETON))),
    (Rule.BATCH_ENTRY, ERASED, (1, 1)), (Rule.BATCH_ENTRY, SKELETON, (1, b"")), (Rule.BATCH_ENTRY, ERASED, (6, None)),
    (Rule.BATCH_ENTRY, ERASED, (5, 7)), (Rule.BATCH_ENTRY, NEWER, (0, 2)), (Rule.ENTRY_PARENTS, NEWER, (2, [1])),
    (Rule.CAP_PARENTS, NEWER, (2, [1, 1] * 65)), (Rule.CAP_ENTRY, NEWER, (6, bytes(caps.ENTRY + 1))),
    (Rule.CAP_ENTRY, ERASED, (6, LONG)), (Rule.CAP_ENTRY, SKELETON, (6, LONG)), (Rule.CAP_ENTRY, SKELETON, (5, LONG)),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "good", "change"), BAD_FORMS, ids=range(len(BAD_FORMS)))
def test_a_row_of_another_form_has_that_form_and_no_other(rule: Rule, good: list[Any], change: tuple[int, Any]) -> None:
    before = [ENTRY, replaced(ENTRY, 5, b"s")]
    taken = Batch()
    batches.extend(taken, part([CHAIN, CHAIN], [bytes(32)], [*before, good]))
    assert taken.newer is (good in (NEWER, NEWER_SKELETON))
    with pytest.raises((Malformed, CapExceeded)) as caught:
        batches.extend(Batch(), part([CHAIN, CHAIN], [bytes(32)], [*before, replaced(good, *change)]))
    assert caught.value.rule is rule


def test_what_stands_in_a_skeleton_for_a_shape_gets_no_number() -> None:
    batch = Batch()
    numbered = [replaced(ERASED, 5, b"of an erased one"), replaced(NEWER, 5, b"of a newer one")]
    later = [replaced(ENTRY, 5, number) for number in (0, 1)]
    rows = [SKELETON, NEWER_SKELETON, *numbered, *later]
    batches.extend(batch, part([CHAIN, CHAIN], [bytes(32)], rows))
    assert [entry.shape for entry in batch.entries[-2:]] == [b"of an erased one", b"of a newer one"]
    takes = sum(46 + len(entry.shape) + len(entry.content) for entry in batch.entries)
    assert batch.size == takes - (72 - 34) - (36 - 17), "they count no more than what they stand for"


def over(rule: Rule, batch: Batch, extension: BatchPart) -> None:
    with pytest.raises(CapExceeded) as caught:
        batches.extend(batch, extension)
    assert caught.value.rule is rule


def test_caps_of_a_batch() -> None:
    row = BatchChain(DeviceId(bytes(32)), Incarnation(bytes(8)), 1, EntryId(bytes(32)), None)
    over(Rule.CAP_CHAINS, Batch([row] * caps.CHAINS), part([CHAIN], [], []))
    over(Rule.CAP_CASES, Batch(cases=[CaseId(bytes(32))] * caps.ELEMENTS), part([], [bytes(32)], []))
    many = [1, 1] * (caps.PARENTS + 1)
    over(Rule.CAP_PARENTS, Batch(), part([CHAIN, CHAIN], [bytes(32)], [replaced(ENTRY, 2, many)]))
    large = replaced(ENTRY, 6, bytes(caps.ENTRY - 1))
    batches.extend(Batch(), part([CHAIN, CHAIN], [bytes(32)], [replaced(large, 5, b"s")]))
    over(Rule.CAP_ENTRY, Batch(), part([CHAIN, CHAIN], [bytes(32)], [replaced(large, 5, b"sh")]))
    full = Batch([row, row], [CaseId(bytes(32))], [], caps.BATCH - 46)
    batches.extend(full, part([], [], [ENTRY]))
    assert full.size == caps.BATCH
    over(Rule.CAP_BATCH, full, part([], [], [replaced(ENTRY, 2, [])]))


@given(any_batches(), st.data())
def test_mutated_messages_give_peer_errors_only(batch: Batch, data: st.DataObject) -> None:
    """Some of their bytes are others, or a part of them is."""
    good = batches.encode_batch(CIRCLE, batch, MAX_PAYLOAD)[0]
    raw = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    whole = codec.decode_message(good)
    changed = [codec.encode(data.draw(otherwise(whole))) for _ in range(4)]
    for mutated in (bytes(raw), *changed):
        gives_peer_errors_only(mutated)


def test_what_an_entry_says_is_hidden() -> None:
    assert "secret" not in repr(BatchEntry(0, 0, [], 0, 0, b"", b"secret"))


def test_short_shapes_travel_once() -> None:
    chain = BatchChain(DeviceId(bytes(32)), Incarnation(bytes(8)), 1, EntryId(bytes(32)), None)
    shapes = [b"short", b"l" * (batches.SHORT_SHAPE + 1), b"other", b"short", b"l" * (batches.SHORT_SHAPE + 1)]
    entries = [batches.BatchEntry(0, 0, [], 0, 0, shape, bytes(17)) for shape in shapes]
    batch = Batch(
        [chain], [CaseId(bytes(32))], entries, sum(batches.entry_size(row.shape, row.content, 0) for row in entries)
    )
    parts = batches.encode_batch(CIRCLE, batch, MAX_PAYLOAD)
    assert read_batch(parts) == batch
    sent = b"".join(parts)
    assert (sent.count(b"short"), sent.count(b"other"), sent.count(b"l" * batches.SHORT_SHAPE)) == (1, 1, 2)


@pytest.mark.parametrize("number", [0, -1, 1, True, 1 << 40])
def test_a_shape_that_was_not_sent_is_refused(number: int) -> None:
    with pytest.raises(Malformed):
        batches.extend(Batch(), part([CHAIN, CHAIN], [bytes(32)], [replaced(ENTRY, 5, number)]))


def test_a_frame_full_of_the_smallest_entries_is_read() -> None:
    row = BatchChain(DeviceId(bytes(32)), Incarnation(bytes(8)), 1, EntryId(bytes(32)), None)
    entries = [BatchEntry(0, 0, [], 0, 10, b"\xc0", bytes(17))] * 6_000
    batch = Batch([row], [CaseId(bytes(32))], entries, 6_000 * batches.entry_size(b"\xc0", bytes(17), 0))
    assert read_batch(batches.encode_batch(CIRCLE, batch, MAX_PAYLOAD)) == batch
