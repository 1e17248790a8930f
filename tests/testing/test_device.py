from __future__ import annotations

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from cellsync.core.errors import Closed
from cellsync.testing import MemoryNetwork, SimulatedDevice, level
from tests.cell.cells import DAY, Visit


async def titles(device: SimulatedDevice) -> set[str]:
    async with device.opened() as cell:
        return {case.title for case in await cell.cases(Visit)}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_a_device_is_the_same_at_every_call_and_has_the_home_of_its_name() -> None:
    net = MemoryNetwork()
    assert net.device("ana") is net.device("ana")
    assert net.device("ana").home is net.home("ana")


async def test_closed_it_has_no_cell(autojump_clock: MockClock) -> None:
    device = await MemoryNetwork().device("ana").found()
    async with device.opened() as cell:
        assert device.cell is cell
    assert not device.is_open
    with pytest.raises(Closed):
        _ = device.cell


async def test_open_until_it_is_closed(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    device = await MemoryNetwork().device("ana").found()
    cell = await device.open(nursery)
    assert await device.open(nursery) is cell
    await device.close()
    await device.close()
    assert not device.is_open
    assert await device.open(nursery) is not cell
    await device.close()


async def test_a_crash_leaves_on_the_disk_what_was_there(
    tmp_path: Path, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """Closing in order would have tidied up."""
    device = await MemoryNetwork().device("ana").found()
    cell = await device.open(nursery)
    await cell.create(Visit, title="acknowledged")
    before = files(device.copy_to(tmp_path / "before"))
    await device.crash()
    assert files(device.home.path) == before
    await device.open(nursery)
    await device.close()
    assert files(device.home.path) != before
    assert await titles(device) == {"acknowledged"}


async def test_a_disk_that_is_put_back_knows_what_it_knew(tmp_path: Path, autojump_clock: MockClock) -> None:
    device = await MemoryNetwork().device("ana").found()
    async with device.opened() as cell:
        await cell.create(Visit, title="before")
        copy = device.copy_to(tmp_path / "copy")
        await cell.create(Visit, title="after")
    assert await titles(device) == {"before", "after"}
    device.put_back(copy)
    assert await titles(device) == {"before"}


async def test_a_copy_on_another_host_is_a_vault_used_twice(tmp_path: Path, autojump_clock: MockClock) -> None:
    net = MemoryNetwork()
    device = await net.device("ana").found()
    net.device("twin").put_back(device.copy_to(tmp_path / "copy"))
    async with device.opened() as one, net.device("twin").opened() as other:
        assert one.device == other.device


async def test_a_clock_that_shows_something_else(autojump_clock: MockClock) -> None:
    device = MemoryNetwork().device("ana")
    ahead = device.with_clock(DAY)
    assert ahead.home.surroundings.now() - device.home.surroundings.now() == DAY * 1000
    assert ahead.home.path == device.home.path


async def test_what_never_comes_into_step_is_a_failure(autojump_clock: MockClock) -> None:
    net = MemoryNetwork()
    async with net.cells("ana", "ben") as [ana, ben]:
        net.partition("ana", "ben")
        await ana.create(Visit, title="here alone")
        with pytest.raises(AssertionError, match="not in step after 60 s"):
            await level([ana, ben], within=60)
        net.heal()
        await level([ana, ben])


async def test_handlers_end_because_of_peers_only() -> None:
    net = MemoryNetwork()
    net.failures.append(Closed())
    net.check_failures()
    net.failures.append(KeyError("ours"))
    with pytest.raises(AssertionError, match="ours"):
        net.check_failures()
