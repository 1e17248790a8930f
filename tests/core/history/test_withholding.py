"""Batches for those who learn nothing of cases, or no names."""

from __future__ import annotations

from typing import Any

from cellsync.core import caps
from cellsync.core.crypto.channel import MAX_PAYLOAD
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.history.withholding import Withheld, withhold
from cellsync.core.ids import CaseId
from cellsync.core.replica.planner import Intention
from cellsync.core.wire.batches import Batch, BatchPart, encode_batch, entry_size, extend
from cellsync.core.wire.mark import EntryForm, Hashed, form_of, kind_of
from cellsync.core.wire.messages import decode
from cellsync.core.wire.operations import Operation, encode_content, encode_shape
from cellsync.core.wire.tags import Kind
from tests.core.replicas import MemoryReplica, admitted, founded

CASE = CaseId(b"secret case id, of thirty-two by")
SAID = Operation(1, "title", b"", "what nobody else may read")


def all_of(device: MemoryReplica, withheld: Withheld) -> Batch:
    served = device.serve(0, PeerHoldings({}, (), ()), device.last_arrival(), withheld)
    assert served.batch is not None
    return served.batch


def cell() -> MemoryReplica:
    ana = founded()
    ana.edit(CASE, SAID)
    admitted(ana, "bea", 2)
    return ana


def texts(batch: Batch) -> bytes:
    return repr((batch.cases, [(row.shape, row.content) for row in batch.entries])).encode()


def test_of_case_entries_only_the_header_is_left() -> None:
    batch = all_of(cell(), Withheld.CASES)
    forms = [(kind_of(row.kind), form_of(row.kind)) for row in batch.entries]
    full = EntryForm.FULL
    assert forms == [(Kind.FOUND, full), (Kind.CASE, EntryForm.SKELETON), (Kind.ADMIT, full)]
    assert b"title" not in texts(batch)
    assert b"nobody else" not in texts(batch)
    assert b"bea" in texts(batch)


def test_no_case_is_named() -> None:
    """Not even in the table to which rows of entries refer."""
    assert b"secret case id" not in texts(all_of(cell(), Withheld.CASES))


def test_names_go_with_the_content_of_control_entries() -> None:
    batch = all_of(cell(), Withheld.CASES_AND_NAMES)
    assert [form_of(row.kind) for row in batch.entries] == [EntryForm.ERASED, EntryForm.SKELETON, EntryForm.ERASED]
    for name in (b"bea", b"ana", b"Mill Street"):
        assert name not in texts(batch)


def test_nothing_is_changed_where_nothing_is_withheld() -> None:
    batch = all_of(cell(), Withheld.NOTHING)
    assert withhold(batch, Withheld.NOTHING) is batch


def test_a_step_of_the_shortest_entries_goes_along_in_one_batch() -> None:
    """As outlines they take more than a batch may hold: so they count no more than what they stand for."""
    ana = founded()
    said = [Operation(1, "t", b"", "")]
    shape, content = encode_shape(said), encode_content(bytes(16), said)
    count = caps.BATCH // entry_size(shape, content, 0)
    ana.write(*[Intention(Kind.CASE, CASE, shape, content)] * count)
    whole, arrived = all_of(ana, Withheld.CASES), Batch()
    assert len(whole.entries) * entry_size(bytes(36), bytes(36), 0) > caps.BATCH
    for raw in encode_batch(bytes(8), whole, MAX_PAYLOAD):
        part = decode(raw)
        assert isinstance(part, BatchPart)
        extend(arrived, part)
    assert arrived.entries == whole.entries
    assert arrived.size <= caps.BATCH


def test_what_is_claimed_to_stand_for_much_counts_what_it_takes() -> None:
    row: list[Any] = [0, None, [], 0, Kind.CASE + 256 * EntryForm.SKELETON, *(Hashed(bytes(32), 30_000).pack(),) * 2]
    batch = Batch()
    extend(batch, BatchPart(bytes(8), True, [[bytes(32), bytes(8), 1, bytes(32), bytes(64)]], [], [row] * 100))
    assert batch.size == 100 * (72 + 32)
