"""When the beacon is shown: always, or only while a user invites or wants the device to be seen."""

from __future__ import annotations

import pytest
import trio.testing

from cellsync.core.membership.settings import Setting
from cellsync.testing import MemoryNetwork, SimulatedDevice, accept_any
from cellsync.testing.network import MemoryHost


@pytest.fixture
def memory_network() -> MemoryNetwork:
    return MemoryNetwork()


@pytest.fixture
def host(memory_network: MemoryNetwork) -> MemoryHost:
    return memory_network.host("ana")


@pytest.fixture
async def device(memory_network: MemoryNetwork) -> SimulatedDevice:
    return await memory_network.device("ana").found()


async def shown(host: MemoryHost) -> list[bytes]:
    await trio.testing.wait_all_tasks_blocked()
    return [sighting.blob for sighting in host.shown.values()]


async def test_asked_it_is_there_while_anybody_wants_to_be_seen(device: SimulatedDevice, host: MemoryHost) -> None:
    host.mode = "asked"
    async with device.opened() as cell:
        assert not await shown(host)
        for _ in range(2):
            with cell.showing():
                [first] = await shown(host)
                with cell.showing():
                    assert await shown(host) == [first]
                assert await shown(host) == [first]
            assert not await shown(host)
        with pytest.raises(ZeroDivisionError), cell.showing():
            _ = 1 / 0
        assert not await shown(host)


async def test_asked_it_is_there_while_an_invitation_is_open(
    device: SimulatedDevice, host: MemoryHost, memory_network: MemoryNetwork
) -> None:
    host.mode = "asked"
    async with device.opened() as cell:
        taken_back = await cell.create_invite(confirm=accept_any)
        assert len(await shown(host)) == 1
        taken_back.cancel()
        assert not await shown(host)
        await memory_network.device("ben").join(cell)
        assert not await shown(host)


async def test_where_it_is_there_anyway_asking_does_not_change_it(device: SimulatedDevice, host: MemoryHost) -> None:
    """Else those nearby could see when somebody syncs."""
    async with device.opened() as cell:
        before = await shown(host)
        assert before
        with cell.showing():
            assert await shown(host) == before
        assert await shown(host) == before


@pytest.mark.parametrize("mode", ["off", "listen"])
async def test_in_the_quiet_modes_it_is_never_there(device: SimulatedDevice, host: MemoryHost, mode: str) -> None:
    host.mode = "listen" if mode == "listen" else "off"
    async with device.opened() as cell:
        with cell.showing():
            await cell.create_invite(confirm=accept_any)
            assert not await shown(host)
            assert cell.node.hidden_by == "device"


@pytest.mark.parametrize(("value", "always", "asked"), [(0, 0, 0), (1, 0, 1), (2, 1, 1)])
async def test_it_is_shown_no_more_than_the_members_have_chosen(
    value: int, always: int, asked: int, device: SimulatedDevice, host: MemoryHost
) -> None:
    host.mode = "announce"
    async with device.opened() as cell:
        assert len(await shown(host)) == 1
        await cell.first.membership.choose(Setting.SHOWN, value)
        assert cell.node.hidden_by == (None if asked else "members")
        assert len(await shown(host)) == always
        with cell.showing():
            assert len(await shown(host)) == asked
        assert len(await shown(host)) == always


async def test_who_hides_more_stays_hidden(device: SimulatedDevice, host: MemoryHost) -> None:
    host.mode = "asked"
    async with device.opened() as cell:
        await cell.first.membership.choose(Setting.SHOWN, 2)
        assert not await shown(host)
