"""A cell that is backed up, lost, put back and used: it knows that it is a copy, and nothing is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell, open_cell, restore
from cellsync.core.errors import CellsyncError, Closed, VaultExists
from cellsync.core.ids import CaseId, Incarnation
from cellsync.testing import MemoryNetwork, SimulatedDevice, level
from cellsync.testing.device import PASSPHRASE
from tests.cell.cells import Visit
from tests.cell.template import Template


def incarnations(cell: Cell) -> set[Incarnation]:
    """The incarnations of this device that it holds."""
    return {
        chain.incarnation for chain in cell.first.circle.replica.held.chains.values() if chain.device == cell.device
    }


def is_unused_copy(cell: Cell) -> bool:
    return cell.copied_at is not None


async def titles(cell: Cell) -> set[str]:
    return {case.title for case in await cell.cases(Visit)}


async def lose(device: SimulatedDevice, backup: Path, *, by_hand: bool = False) -> None:
    """Delete the folder; then put it back from the backup."""
    if by_hand:
        device.put_back(backup)
    else:
        device.lose_disk()
        await restore(backup, device.home, passphrase=PASSPHRASE)


@pytest.fixture
def net(template: Template) -> MemoryNetwork:
    net = MemoryNetwork(4)
    template.copy_to(net)
    return net


async def test_a_backup_knows_whom_the_cell_has_seen(
    memory_network: MemoryNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    """Put back, it said that a device was never seen which held all of its entries."""
    net = memory_network
    device = await net.device("ana").found()
    async with device.opened() as ana, (await net.device("ben").join(ana)).opened() as ben:
        await ben.sync(timeout=30)
        await ana.sync(timeout=30)
        await ana.backup(tmp_path / "backup")
    home = net.device("put back").home
    await restore(tmp_path / "backup", home, passphrase=PASSPHRASE)
    async with open_cell(home, passphrase=PASSPHRASE) as back:
        [peer] = back.peers()
        assert peer.last_seen is not None


@pytest.mark.parametrize("by_hand", [False, True], ids=["restore", "copied by hand"])
async def test_lost_put_back_and_used(
    net: MemoryNetwork, tmp_path: Path, autojump_clock: MockClock, by_hand: bool
) -> None:
    """It writes before it meets anybody: under a new incarnation, so there is no fork, and no flag anywhere."""
    async with net.device("ana").opened() as ana, net.device("cara").opened() as cara:
        async with net.device("ben").opened() as ben:
            await ben.create(Visit, title="before the backup")
            made = await ben.backup(tmp_path / "backup")
            assert made.entries == ben.entries()
            assert not is_unused_copy(ben)
            await ben.create(Visit, title="after the backup")
            await ben.synced(min_peers=2, timeout=300)
        await lose(net.device("ben"), tmp_path / "backup", by_hand=by_hand)
        net.partition("ben", ["ana", "cara"])
        async with net.device("ben").opened() as ben:
            assert ben.copied_at is not None
            assert ben.copied_at.timestamp() * 1000 == pytest.approx(made.at)
            assert "after the backup" not in await titles(ben)
            before = incarnations(ben)
            await ben.create(Visit, title="after the loss")
            await ben.create(Visit, title="and on")
            assert len(incarnations(ben) - before) == 1
            assert not is_unused_copy(ben)
            net.heal()
            await level([ana, ben, cara])
            for cell in (ana, ben, cara):
                assert {"before the backup", "after the backup", "after the loss", "and on"} <= await titles(cell)
                assert not cell.flags
        async with net.device("ben").opened() as ben:  # it goes on under the same incarnation
            used = incarnations(ben)
            await ben.create(Visit, title="after that")
            await level([ana, ben, cara])
            assert incarnations(ben) == used
            assert len(used) == 2
            assert not is_unused_copy(ben)
    net.check_failures()


async def test_opening_and_hearing_use_up_no_incarnation(
    net: MemoryNetwork, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with net.device("ana").opened() as ana:
        async with net.device("ben").opened() as ben:
            before = incarnations(ben)
            await ben.backup(tmp_path / "backup")
        await lose(net.device("ben"), tmp_path / "backup")
        lives = set()
        for number in range(10):
            case = await ana.create(Visit, title=f"number {number}")
            async with net.device("ben").opened() as ben:
                await ben.get(Visit, case.id, wait=300)
                assert incarnations(ben) == before
                assert is_unused_copy(ben)
                lives.add(ben.first.circle.life)
        assert len(lives) == 1  # it has had arrivals of its own since the first time
        async with net.device("ben").opened() as ben:
            await ben.create(Visit, title="at last")
            await ben.synced(timeout=300)
            assert len(incarnations(ben)) == len(before) + 1
            assert ben.first.circle.life in lives
        assert "at last" in await titles(ana)
    net.check_failures()


async def test_cursors_of_the_original_are_reset(net: MemoryNetwork, tmp_path: Path, autojump_clock: MockClock) -> None:
    """The copy has another order of arrival: an old cursor would skip entries that arrived in the same places."""
    async with net.device("ben").opened() as ben:
        await ben.backup(tmp_path / "backup")
        await ben.create(Visit, title="lost")
        old = ben.cursor()
    cursors = [old]
    for _ in range(3):  # one backup, put back, used and lost again
        await lose(net.device("ben"), tmp_path / "backup")
        async with net.device("ben").opened() as ben:
            for cursor in cursors:
                async with ben.changes(since=cursor) as changes:
                    assert (await anext(changes)).cause == "reset"
            await ben.create(Visit, title="in its place")
            for cursor in cursors:
                async with ben.changes(since=cursor) as changes:
                    assert (await anext(changes)).cause == "reset"
            cursors.append(ben.cursor())
            await ben.create(Visit, title="told")
        async with net.device("ben").opened() as ben, ben.changes(since=cursors[-1]) as changes:  # its own one fits
            assert (await anext(changes)).value == "told"
    assert len({cursor.partition(":")[0] for cursor in cursors}) == 4


async def test_a_copy_that_was_not_marked_learns_it_with_its_own_entries(
    net: MemoryNetwork, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """From then on its order of arrival is not the one of its earlier events."""
    device = net.device("ben")
    device.copy_to(tmp_path / "merely copied")
    async with net.device("ana").opened() as ana:
        async with device.opened() as ben:
            await ben.create(Visit, title="one")
            lost = await ben.create(Visit, title="two")
            await ben.synced(timeout=300)
            old = ben.cursor()
        await lose(device, tmp_path / "merely copied", by_hand=True)
        between = await ana.create(Visit, title="three")
        async with device.opened() as ben:
            for case in (lost, between):
                await ben.get(Visit, case.id, wait=300)
            assert ben.first.circle.renewal_due
            assert not is_unused_copy(ben)  # nobody knows when it was copied
            life = ben.first.circle.life
            async with ben.changes(since=old) as changes:
                assert (await anext(changes)).cause == "reset"
        async with device.opened() as ben:
            assert ben.first.circle.life == life
            await ben.create(Visit, title="four")
            await level([ana, ben])
            assert ben.first.circle.life == life
            assert len(incarnations(ben)) == 2
    net.check_failures()


async def test_a_backup_that_hears_its_own_later_entries_still_knows_its_day(
    net: MemoryNetwork, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with net.device("ana").opened():
        async with net.device("ben").opened() as ben:
            await ben.backup(tmp_path / "backup")
            lost = await ben.create(Visit, title="after the backup")
            await ben.synced(timeout=300)
        await lose(net.device("ben"), tmp_path / "backup")
        for _ in range(2):
            async with net.device("ben").opened() as ben:
                await ben.get(Visit, lost.id, wait=300)
                assert is_unused_copy(ben)
    net.check_failures()


async def test_what_had_reached_others_is_asked_anew(
    net: MemoryNetwork, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with net.device("ana").opened():
        async with net.device("ben").opened() as ben:
            await ben.create(Visit, title="known")
            await ben.synced(timeout=300)
        async with net.device("ben").opened() as ben:
            assert ben.only_here() == 0  # remembered from before
            await ben.backup(tmp_path / "backup")
    await lose(net.device("ben"), tmp_path / "backup")
    async with net.device("ben").opened() as ben:
        assert ben.only_here() > 0


async def test_writing_goes_on_meanwhile(net: MemoryNetwork, tmp_path: Path, autojump_clock: MockClock) -> None:
    async with net.device("ana").opened() as ana, net.device("ben").opened() as ben:
        written: list[CaseId] = []

        async def write(cell: Cell) -> None:
            for number in range(30):
                written.append((await cell.create(Visit, title=str(number))).id)
                await trio.sleep(0.01)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write, ana)
            nursery.start_soon(write, ben)
            await trio.sleep(0.1)
            sizes = [(await ben.backup(tmp_path / f"backup {number}")).entries for number in range(5)]
        assert sizes == sorted(sizes)
        assert len(written) == 60
        await level([ana, ben])
    await lose(net.device("ben"), tmp_path / "backup 4")
    async with net.device("ana").opened() as ana, net.device("ben").opened() as ben:
        assert ben.entries() == sizes[4]
        await level([ana, ben])
    net.check_failures()


async def test_it_can_be_used_as_a_home_where_it_lies(
    net: MemoryNetwork, tmp_path: Path, autojump_clock: MockClock
) -> None:

    device = net.device("ben")
    async with device.opened() as ben:
        await ben.create(Visit, title="kept")
        await ben.backup(tmp_path / "backup")
    async with device.with_home(path=tmp_path / "backup").opened() as copy:
        assert "kept" in await titles(copy)


async def test_errors(net: MemoryNetwork, tmp_path: Path, autojump_clock: MockClock) -> None:
    async with net.device("ben").opened() as ben:
        with pytest.raises(CellsyncError) as raised:
            await ben.backup(net.device("ben").home.path / "backup")
        assert raised.value.code == "inside_vault"
        await ben.backup(tmp_path / "backup")
        with pytest.raises(VaultExists):
            await restore(tmp_path / "backup", net.device("ben").home, passphrase=PASSPHRASE)
    with pytest.raises(Closed):
        await ben.backup(tmp_path / "another")
    assert os.listdir(tmp_path) == ["backup"]
