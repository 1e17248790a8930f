"""When a device turns out to write many histories, its earlier entries no longer count, and readers are told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from trio.testing import MockClock

from cellsync import Cell, Change, GenericCase
from cellsync.core.errors import NotFound
from cellsync.core.ids import MILLIS_PER_DAY, CaseId
from cellsync.core.wire.batches import Batch
from cellsync.testing import MemoryNetwork, SimulatedDevice, level
from tests.cell.cells import Visit
from tests.cell.equivocators import beside_one, show
from tests.cell.test_followers import heard


@asynccontextmanager
async def one_side_short(net: MemoryNetwork) -> AsyncIterator[tuple[SimulatedDevice, Cell, Visit, Batch]]:
    """Ana, a case of hers to which Ben has written sixteen titles in parallel, and the one that proves equivocation."""
    async with beside_one(net) as (laptop, ana, ben):
        case = await ana.create(Visit, title="of Ana")
        await ana.create(Visit, title="another")  # written later, it would cite Ben's entries and make them count
        *before, proof = ben.sides(ana, case.id)
        await show(ana, before)
        yield laptop, ana, case, proof


async def test_what_counts_no_more_is_gone_from_what_is_being_read(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with one_side_short(memory_network) as (_, ana, case, proof):
        tags = case.tags
        [conflict] = case.conflicts()
        assert len(conflict.values) == 17
        await show(ana, [proof])
        assert case.title == "of Ana"
        assert not case.conflicts()
        async with case.edit() as draft:
            draft.title = "later"
            draft.tags.add("x")
        assert case.title == "later"  # it goes on to show what is written
        assert set(tags) == {"x"}


async def test_followers_are_told_to_read_anew(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with one_side_short(memory_network) as (_, ana, case, proof):
        other = next(one for one in await ana.cases(Visit) if one.id != case.id)
        async with case.changes() as of_it, other.changes() as of_another, ana.changes() as of_all:
            await show(ana, [proof])
            for following in (of_it, of_all):
                [change] = await heard(following)
                assert (change.cause, change.case, change.path) == ("reset", case.id, "")
                assert change.cursor == ana.cursor()
            assert await heard(of_another) == []
            async with case.edit() as draft:
                draft.title = "later"
            assert [(change.path, change.before, change.value) for change in await heard(of_it)] == [
                ("title", "of Ana", "later")
            ]


async def test_whoever_comes_back_with_a_cursor_from_before_is_told_too(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Also after a restart; a cursor from afterwards is good."""
    async with one_side_short(memory_network) as (laptop, ana, case, proof):
        before = ana.cursor()
        await show(ana, [proof])
        after = ana.cursor()
        identity = case.id
    async with laptop.opened() as ana:
        async with case_changes(ana, identity, before) as changes:
            [change] = await heard(changes)
            assert (change.cause, change.case) == ("reset", identity)
        async with ana.changes(since=before) as all_changes:
            assert [change.cause for change in await heard(all_changes)] == ["reset"]
        async with (await ana.get(Visit, identity)).edit() as draft:
            draft.title = "later"
        async with ana.changes(since=after) as all_changes:
            assert [change.value for change in await heard(all_changes)] == ["later"]


@asynccontextmanager
async def case_changes(cell: Cell, case: CaseId, since: str) -> AsyncIterator[AsyncIterator[Change]]:
    async with (await cell.get(Visit, case)).changes(since) as changes:
        yield changes


async def test_the_history_marks_what_does_not_count(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with one_side_short(memory_network) as (laptop, ana, case, proof):
        assert {row.counts for row in (await ana.graph(case)).rows} == {True}
        await show(ana, [proof])
        expected = {"ana": True, "ben": False}
        identity = case.id
        assert [row.counts for row in (await ana.graph(case)).rows] == [
            expected[row.author] for row in (await ana.graph(case)).rows
        ]
    async with laptop.opened() as ana:
        rows = (await ana.graph(await ana.get(Visit, identity))).rows
        assert {(row.author, row.counts) for row in rows} == set(expected.items())
        assert len(rows) == 18


async def listed(cell: Cell) -> int:
    return sum(count for _, count, _ in await cell.first.catalogue.look(lambda _, listings: listings.counts()))


async def test_a_case_in_which_nothing_counts_is_not_listed(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Its history is still shown to those who ask for it by its id."""
    async with beside_one(memory_network) as (_, ana, ben):
        await ana.create(Visit, title="of Ana")
        lone = CaseId(b"c" * 32)
        *before, proof = ben.sides(ana, lone)
        await show(ana, before)
        assert await listed(ana) == 2
        await show(ana, [proof])
        assert await listed(ana) == 1
        rows = (await ana.graph(await ana.get(GenericCase, lone))).rows
        assert {row.counts for row in rows} == {False}
        for unseen in (lone, CaseId(b"d" * 32)):
            with pytest.raises(NotFound):
                await ana.get(Visit, unseen)


async def test_what_does_not_count_makes_no_difference(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Which of its entries came is chance, and changes no digest, number of entries, or day that others attest."""
    async with beside_one(memory_network) as (laptop, ana, ben):
        await ana.create(Visit, title="of Ana")

        def known() -> tuple[int, object]:
            return ana.entries(), ana.first.circle._attested()

        before, reads = known(), await ana.state_digest()
        batches = ben.sides(ana, CaseId(b"c" * 32), at=int(ana.first.circle.surroundings.now()) + 90 * MILLIS_PER_DAY)
        await show(ana, batches[:-1])
        assert known() != before
        assert await ana.state_digest() != reads
        await show(ana, batches[-1:])
        assert known() == before
        assert await ana.state_digest() == reads
    async with laptop.opened() as ana:
        assert known() == before
        assert await ana.state_digest() == reads


async def test_what_does_not_count_keeps_nobody_from_writing(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Cara has not written yet. Her first entry cites the one that admits her, though an equivocator cites it too."""
    async with (
        beside_one(memory_network) as (_, ana, ben),
        (await memory_network.device("cara").join(ana)).opened() as cara,
    ):
        await level([ana, cara])
        case = CaseId(bytes(31) + b"c")
        *before, proof = ben.sides(ana, case)
        await show(cara, before)
        memory_network.partition("ana", "cara")
        await show(cara, [proof])
        await cara.create(Visit, title="of Cara")
        memory_network.heal()
        await level([ana, cara])
        assert [visit.title for visit in await ana.cases(Visit)] == ["of Cara"]


async def test_so_it_is_with_what_an_equivocator_writes_later(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with beside_one(memory_network) as (_, ana, ben):
        case = CaseId(bytes(31) + b"c")
        proven = ben.sides(ana, case)
        async with (await memory_network.device("cara").join(ana)).opened() as cara:
            await level([ana, cara])
            await show(cara, proven)
            held = cara.first.circle.replica.held.entries()
            await show(cara, ben.sides(ana, case, 1, at=77, onto=cara))
            assert cara.first.circle.replica.held.entries() > held
            memory_network.partition("ana", "cara")
            await cara.create(Visit, title="of Cara")
            memory_network.heal()
            await level([ana, cara])
            assert [visit.title for visit in await ana.cases(Visit)] == ["of Cara"]
