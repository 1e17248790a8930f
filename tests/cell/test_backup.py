"""A vault that was put back from an older copy. Its device writes again in places where it had written before, so its
chain forks. All devices keep both sides, and the device continues under a new incarnation without being told, which
clears the flag."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell
from cellsync.core import caps
from cellsync.core.errors import OutOfBranches, Timeout
from cellsync.core.ids import EntryId
from cellsync.core.session.session import growth
from cellsync.core.wire.places import Frontier, Head
from cellsync.testing import MemoryNetwork
from tests.cell.cells import Visit
from tests.cell.template import Template


@asynccontextmanager
async def forked(template: Template, folder: Path) -> AsyncIterator[tuple[MemoryNetwork, list[Cell]]]:
    """Ana holds one entry of Ben's in a place where Ben and Cara hold another."""
    net = MemoryNetwork(4)
    template.copy_to(net)
    backup = net.device("ben").copy_to(folder / "backup")
    async with net.device("ana").opened() as ana:
        async with net.device("ben").opened() as ben:
            await ben.create(Visit, title="before the loss")
            await ben.synced(timeout=300)
        net.device("ben").put_back(backup)
        net.partition("ana", ["ben", "cara"])
        async with net.device("ben").opened() as ben, net.device("cara").opened() as cara:
            await ben.create(Visit, title="after the loss")  # in the place of the lost one
            await ben.synced(timeout=300)
            net.heal()
            await trio.sleep(600)
            yield net, [ana, ben, cara]
    net.check_failures()


async def titles(cell: Cell) -> set[str]:
    return {case.title for case in await cell.cases(Visit)}


async def test_a_vault_put_back(template: Template, tmp_path: Path, autojump_clock: MockClock) -> None:
    async with forked(template, tmp_path) as (net, [ana, ben, cara]):
        cells = [ana, ben, cara]
        for cell in cells:
            assert {"before the loss", "after the loss"} <= await titles(cell)
            assert [(flag.reason, flag.author) for flag in cell.flags] == [("fork", "ben")]
        assert len({cell.first.circle.digest() for cell in cells}) == 1
        assert ben.first.circle.renewal_due
        line = ben.first.circle.line
        await ben.create(Visit, title="and on")
        assert ben.first.circle.line != line
        await trio.sleep(60)
        for cell in cells:
            assert "and on" in await titles(cell)
            assert not cell.flags  # ben has gone on from both sides
        for cell in cells:
            await cell.create(Visit, title="written here all the same")
        await trio.sleep(60)
        assert len({cell.first.circle.digest() for cell in cells}) == 1
        sent = net.bytes_sent.total()
        await trio.sleep(3600)
        assert net.bytes_sent.total() - sent < 2_000_000


async def test_other_chains_go_on_after_a_fork(template: Template, tmp_path: Path, autojump_clock: MockClock) -> None:
    async with forked(template, tmp_path) as (_, [ana, ben, cara]):
        case = await cara.create(Visit, title="of Cara")
        for cell in (ana, ben):
            assert (await cell.get(Visit, case.id, wait=300)).title == "of Cara"


async def test_one_vault_used_twice_at_once(template: Template, tmp_path: Path, autojump_clock: MockClock) -> None:
    """Two laptops with copies of one vault, both in use: each goes on under an incarnation of its own."""
    net = MemoryNetwork(4)
    template.copy_to(net)
    net.device("ben").copy_to(net.device("twin").home.path)
    async with net.device("ana").opened() as ana, net.device("ben").opened() as ben:
        await ben.create(Visit, title="by Ben")
        await ben.synced(timeout=300)
        net.partition("ben", ["ana", "twin"])
        async with net.device("twin").opened() as twin:
            for number in range(5):
                await twin.create(Visit, title=f"by the twin, {number}")
                await ben.create(Visit, title=f"by Ben, {number}")
            await trio.sleep(600)
            net.heal()
            await trio.sleep(600)
            for number in range(5):
                await twin.create(Visit, title=f"later, by the twin, {number}")
                await ben.create(Visit, title=f"later, by Ben, {number}")
            await trio.sleep(600)
            assert len({cell.first.circle.digest() for cell in (ana, ben, twin)}) == 1
            assert {
                f"later, {who}, {number}" for who in ("by Ben", "by the twin") for number in range(5)
            } <= await titles(ana)
            assert twin.first.circle.line != ben.first.circle.line
            assert (
                ana.first.circle.replica.held.branches(ben.device) == 4
            )  # the common beginning's two sides, and two more
    net.check_failures()


async def test_a_device_says_when_it_has_begun_anew_too_often(
    template: Template, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """It is told in time, and refuses to write before the last branch that counts is used up."""
    net = MemoryNetwork(4)
    template.copy_to(net)
    backup = net.device("ben").copy_to(tmp_path / "backup")
    written = 0
    async with net.device("ana").opened() as ana:
        while True:
            net.device("ben").put_back(backup)
            async with net.device("ben").opened() as ben:
                if written:
                    await trio.sleep(300)  # it hears of what it has written
                used = ben.first.circle.branches_used
                warned = [flag for flag in ben.flags if flag.reason == "few_branches_left"]
                try:
                    await ben.create(Visit, title=f"life {written}")
                except OutOfBranches:
                    break
                assert bool(warned) == (used >= caps.WARN_BRANCHES)
                written += 1
                await ben.synced(timeout=300)
        assert ana.first.circle.replica.held.branches(ben.device) == caps.BRANCHES - 1
        assert {f"life {number}" for number in range(written)} <= await titles(ana)
        assert not ana.first.circle.frontier().equivocators
    net.check_failures()


async def test_a_vault_put_back_that_writes_nothing_catches_up(
    template: Template, tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = MemoryNetwork(4)
    template.copy_to(net)
    ana_device, ben_device = net.device("ana"), net.device("ben")
    backup = ben_device.copy_to(tmp_path / "backup")
    async with ana_device.opened() as ana:
        async with ben_device.opened() as ben:
            case = await ben.create(Visit, title="before the loss")
            await ben.synced(timeout=300)
        ben_device.put_back(backup)
        async with ben_device.opened() as ben:
            assert (await ben.get(Visit, case.id, wait=300)).title == "before the loss"
            theirs = await ben.create(Visit, title="and on")  # under a new incarnation: another copy may go on, too
            assert (await ana.get(Visit, theirs.id, wait=300)).title == "and on"
            assert not ana.flags
            assert not ben.flags
    net.check_failures()


async def test_who_claims_what_it_does_not_give_is_not_in_step(
    template: Template, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """A frontier that names an entry nobody holds: a sync that waits for it runs out of time, and says so."""
    net = MemoryNetwork(4)
    template.copy_to(net)
    async with net.device("ana").opened() as ana, net.device("ben").opened() as ben:
        [peer] = [peer for peer in await ana.sync(timeout=60) if peer.name == "ben"]
        assert peer.in_step_now
        line = (ben.device, ben.first.circle.life)
        false = Frontier(frozenset({Head(line[0], line[1], 1_000, EntryId(b"?" * 32))}))
        next(iter(ben.node.links.values())).tell(ana.first.circle.id, growth(false))
        await trio.sleep(10)
        with pytest.raises(Timeout):
            await ana.sync(everyone=True, timeout=60)
        [peer] = [peer for peer in ana.peers() if peer.name == "ben"]
        assert not peer.in_step_now
        assert peer.owes
        assert not ana.flags  # it slanders nobody
    net.check_failures()
