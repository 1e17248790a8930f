"""Batches for those who learn nothing of cases, or no names."""

from __future__ import annotations

from cellsync.core import caps
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.history.withholding import Withheld, withhold
from cellsync.core.ids import CaseId
from cellsync.core.wire.batches import Batch, BatchEntry
from cellsync.core.wire.mark import EntryForm, form_of, kind_of
from cellsync.core.wire.operations import Operation
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


def test_what_is_too_large_in_that_form_is_left_out() -> None:
    short = BatchEntry(0, 0, [], 0, Kind.CASE, b"s", b"c" * 17)
    many = Batch(entries=[short] * (caps.BATCH // 100), cases=[CASE])
    assert withhold(many, Withheld.CASES) is None
