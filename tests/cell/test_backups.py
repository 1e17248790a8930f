"""A vault that was put back from an older copy. Its device writes again where it had written before: its chain forks.
Nothing crashes, both sides keep what they have, and the fork is flagged."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell
from cellsync.testing import MemoryNetwork
from tests.cell.cells import Visit, check_failures, opened
from tests.cell.same import Template


@asynccontextmanager
async def forked(template: Template, folder: Path) -> AsyncIterator[tuple[MemoryNetwork, list[Cell]]]:
    """Ana holds one entry of Ben's in a place where Ben and Cara hold another."""
    net = MemoryNetwork(4)
    template.copy_to(net)
    backup = shutil.copytree(net.home("ben").path, folder / "backup")
    async with opened(net.home("ana")) as ana:
        async with opened(net.home("ben")) as ben:
            await ben.create(Visit, title="before the loss")
            await ben.synced(timeout=300)
        shutil.rmtree(net.home("ben").path)
        shutil.copytree(backup, net.home("ben").path)
        net.partition("ana", ["ben", "cara"])
        async with opened(net.home("ben")) as ben, opened(net.home("cara")) as cara:
            await ben.create(Visit, title="after the loss")  # in the place of the lost one
            await ben.synced(timeout=300)
            net.heal()
            await trio.sleep(600)
            yield net, [ana, ben, cara]
    check_failures(net)


async def titles(cell: Cell) -> set[str]:
    return {case.title for case in await cell.cases(Visit)}


async def test_a_vault_put_back(template: Template, tmp_path: Path, autojump_clock: MockClock) -> None:
    async with forked(template, tmp_path) as (net, [ana, ben, cara]):
        assert "before the loss" in await titles(ana)
        assert "after the loss" in await titles(ben) & await titles(cara)
        for cell in (ana, ben, cara):
            assert {flag.reason for flag in cell.flags} <= {"fork", "unattached"}
            assert {flag.author for flag in cell.flags} <= {"ben"}
        assert any(cell.flags for cell in (ana, ben, cara))
        for cell in (ana, ben, cara):
            await cell.create(Visit, title="written here all the same")
            assert "written here all the same" in await titles(cell)
        sent = net.bytes_sent.total()
        await trio.sleep(3600)
        assert net.bytes_sent.total() - sent < 2_000_000  # no storm of refusals


@pytest.mark.xfail(reason="what cites one side of a fork waits where the other side is held; settling forks is to come")
async def test_other_chains_go_on_after_a_fork(template: Template, tmp_path: Path, autojump_clock: MockClock) -> None:
    async with forked(template, tmp_path) as (_, [ana, ben, cara]):
        case = await cara.create(Visit, title="of Cara")
        for cell in (ana, ben):
            assert (await cell.get(Visit, case.id, wait=300)).title == "of Cara"


async def test_a_vault_put_back_that_writes_nothing_catches_up(
    template: Template, tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = MemoryNetwork(4)
    template.copy_to(net)
    at_ana, at_ben = net.home("ana"), net.home("ben")
    backup = shutil.copytree(at_ben.path, tmp_path / "backup")
    async with opened(at_ana) as ana:
        async with opened(at_ben) as ben:
            case = await ben.create(Visit, title="before the loss")
            await ben.synced(timeout=300)
        shutil.rmtree(at_ben.path)
        shutil.copytree(backup, at_ben.path)
        async with opened(at_ben) as ben:
            assert (await ben.get(Visit, case.id, wait=300)).title == "before the loss"
            theirs = await ben.create(Visit, title="and on")  # continues its own chain
            assert (await ana.get(Visit, theirs.id, wait=300)).title == "and on"
            assert not ana.flags
            assert not ben.flags
    check_failures(net)
