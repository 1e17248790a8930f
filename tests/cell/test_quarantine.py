"""Quarantine: whoever wrote what waits reads all of it, and reading costs what is shown."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from cellsync.cell import quarantine
from cellsync.core.errors import NotFound
from cellsync.core.history.entry import Entry
from cellsync.core.ids import EntryId, MemberId
from cellsync.core.membership.standing import DeviceStatus
from cellsync.testing import MemoryNetwork, level
from tests.cell.cells import Visit
from tests.scenarios.test_delivery import promote, status, until

MANY = 130


async def test_all_that_a_device_wrote_while_its_removal_was_disputed_is_read_by_its_author(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        await promote(ana, ben)
        await level([ana, ben])
        memory_network.partition("ana", "ben")
        removal = await ana.first.membership.remove([MemberId(ben.device)], tell=True)
        memory_network.heal()
        await until(lambda: ben.first.circle.is_removed)
        await ben.first.membership.contest(removal)
        await until(lambda: status(ben, ben) is DeviceStatus.SUSPENDED)
        for number in range(MANY):
            await ben.create(Visit, title=f"visit {number}")
        membership = ben.first.membership
        await until(lambda: ben.first.circle.replica.court.ruling.situations.keys() >= {ben.device})
        waiting = await membership.own_waiting()
        assert len(waiting) == MANY

        read: list[int] = []
        store, entry_at = ben.first.circle.store, ben.first.circle.store.entry_at

        def counted(slot: int) -> Entry | None:
            read.append(slot)
            return entry_at(slot)

        monkeypatch.setattr(store, "entry_at", counted)
        titles: list[str] = []
        before: EntryId | None = None
        while True:
            read.clear()
            page = await membership.own_writings(50, before=before)
            assert len(read) == len(page.writings), "what is not shown is not read"
            titles = [str(said.operations[-1].plain) for said in page.writings] + titles
            assert page.older == MANY - len(titles)
            if not page.older:
                break
            before = page.writings[0].entry
        assert titles == [f"visit {number}" for number in range(MANY)]
        [held] = (await membership.roster()).quarantine
        assert [one.entry for one in held.own] == waiting[-quarantine.SHOWN :]
        assert (await membership.own_writing(waiting[7])).operations[-1].plain == "visit 7"
        with pytest.raises(NotFound):
            await membership.own_writing(EntryId(bytes(32)))
        with pytest.raises(NotFound):
            await membership.own_writings(before=EntryId(bytes(32)))
        assert await ana.first.membership.own_waiting() == []
