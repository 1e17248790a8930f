"""Batches at the edges of their caps, read with types and without: at each cap they are taken, one beyond it not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cellsync.core import caps
from cellsync.core.errors import CapExceeded, Malformed
from cellsync.core.ids import CaseId, DeviceId, EntryId, Incarnation
from cellsync.core.rule import Rule
from cellsync.core.wire import batches, codec
from cellsync.core.wire.batches import SHORT_SHAPE, Batch, BatchChain, BatchEntry, BatchPart
from cellsync.core.wire.forms import PART_OVERHEAD, SEQUENCE_END
from cellsync.core.wire.mark import KINDS, MARKED_END

CIRCLE = b"circle 8"
ROW = BatchChain(DeviceId(bytes(32)), Incarnation(bytes(8)), 1, EntryId(bytes(32)), None)
CHAIN = [bytes(32), bytes(8), 1, bytes(32), b""]
CASE = CaseId(bytes(32))


def typed(entries: list[Any]) -> BatchPart:
    part = batches.read_typed(codec.encode([4, CIRCLE, True, [], [], entries]))
    assert part is not None
    return part


def plain(entries: list[Any]) -> BatchPart:
    return BatchPart(CIRCLE, True, [], [], entries)


both = pytest.mark.parametrize("part", [typed, plain], ids=["typed", "plain"])
Part = Callable[[list[Any]], BatchPart]


def taken(part: BatchPart, chains: int = 2) -> Batch:
    batch = Batch([ROW] * chains, [CASE])
    batches.extend(batch, part)
    return batch


def rule_of(part: BatchPart, chains: int = 2) -> Rule:
    with pytest.raises((Malformed, CapExceeded)) as caught:
        taken(part, chains)
    return caught.value.rule


def entry(**other: Any) -> list[Any]:
    fields = {"chain": 0, "case": 0, "parents": [], "clock": 0, "kind": 0, "shape": b"s", "content": b"c"} | other
    return list(fields.values())


def test_a_batch_may_have_as_many_chains_and_cases_as_their_caps_say() -> None:
    for more in (0, 1):
        for table, cap, rule in (("chains", caps.CHAINS, Rule.CAP_CHAINS), ("cases", caps.ELEMENTS, Rule.CAP_CASES)):
            batch = Batch([ROW] * (cap - 1), []) if table == "chains" else Batch([], [CASE] * (cap - 1))
            rows: dict[str, Any] = {"chains": [], "cases": []} | {
                table: [CHAIN if table == "chains" else bytes(32)] * (1 + more)
            }
            part = BatchPart(CIRCLE, True, rows["chains"], rows["cases"], [])
            if more:
                with pytest.raises(CapExceeded) as caught:
                    batches.extend(batch, part)
                assert caught.value.rule is rule
            else:
                batches.extend(batch, part)


@both
def test_a_short_shape_is_numbered_up_to_64_bytes(part: Part) -> None:
    shapes = [b"a" * SHORT_SHAPE, b"b" * (SHORT_SHAPE + 1), b"c"]
    rows = [entry(shape=shape) for shape in (*shapes, 0, 1)]
    assert [one.shape for one in taken(part(rows)).entries] == [*shapes, shapes[0], shapes[2]]
    assert rule_of(part([entry(shape=shapes[0]), entry(shape=1)])) is Rule.BATCH_ENTRY
    assert rule_of(part([entry(shape=shapes[1]), entry(shape=0)])) is Rule.BATCH_ENTRY
    written = [BatchEntry(0, 0, [], 0, 0, shape, b"c") for shape in (*shapes, *shapes)]
    numbered = [row[5] for row in batches._with_numbered_shapes(written)]  # type: ignore[index]
    assert numbered == [*shapes, 0, shapes[1], 1]


@both
def test_an_entry_cites_as_many_as_the_cap_says_each_another_chains(part: Part) -> None:
    chains = caps.PARENTS + 2
    most = [number for chain in range(1, caps.PARENTS + 1) for number in (chain, chain + 7)]
    batch = taken(part([entry(parents=most)]), chains)
    assert batch.entries[0].parents == most
    assert batch.size == 2 + 32 + 14 * caps.PARENTS
    assert isinstance(batch.size, int)
    for wrong in ([1], [0, 1], [1, 0], [1, SEQUENCE_END], [chains, 1], [1, 1, 1]):
        assert rule_of(part([entry(parents=wrong)]), chains) is Rule.ENTRY_PARENTS
    assert taken(part([entry(parents=[1, SEQUENCE_END - 1])]), chains).entries[0].parents == [1, SEQUENCE_END - 1]


def test_one_parent_more_is_over_the_cap() -> None:
    many = [number for chain in range(1, caps.PARENTS + 2) for number in (chain, 1)]
    assert rule_of(plain([entry(parents=many)]), caps.PARENTS + 3) is Rule.CAP_PARENTS


@both
def test_an_entry_is_as_long_as_the_cap_says(part: Part) -> None:
    for shape, more, fits in ((1, 0, True), (100, 0, True), (100, 1, False), (1, 1, False)):
        row = entry(shape=b"s" * shape, content=bytes(caps.ENTRY - shape + more))
        if fits:
            assert taken(part([row])).size == caps.ENTRY + 32
        else:
            assert rule_of(part([row])) is Rule.CAP_ENTRY


def test_a_part_is_as_full_as_its_rows_allow() -> None:
    batch = Batch([ROW], [CASE], [BatchEntry(0, 0, [], 0, 0, b"s", b"c" * 50)] * 3)
    rows = [codec.encode_known((*ROW[:4], b"")), codec.encode_known(CASE)]
    rows += [codec.encode_known(row) for row in batches._with_numbered_shapes(batch.entries)]
    whole = PART_OVERHEAD + sum(map(len, rows))
    assert len(batches.encode_batch(CIRCLE, batch, whole)) == 1
    assert len(batches.encode_batch(CIRCLE, batch, whole - 1)) == 2
    assert len(batches.encode_batch(CIRCLE, batch, whole - len(rows[-1]))) == 2


def test_a_maps_keys_are_strings() -> None:
    with pytest.raises(ValueError, match=r"^a map's keys are strings$"):
        codec._string_keys({b"k": 1})
    assert codec._string_keys({"k": 1}) == {"k": 1}


@both
@pytest.mark.parametrize("kind", [-280, -1, -KINDS, MARKED_END, MARKED_END + 2 * KINDS])
def test_a_kind_that_none_can_be_is_no_skeleton_with_a_shapes_number(part: Part, kind: int) -> None:
    """Found by the fuzzer: such a mark, taken as it is, says skeleton."""
    assert rule_of(part([entry(), entry(kind=kind, shape=0)])) is Rule.BATCH_ENTRY
