"""A coordinator introduces a member's session key a second time, as another member's."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from cellsync.core.errors import Timeout
from cellsync.core.membership.control import DeviceKeys, Role
from cellsync.core.replica.founding import device_secrets
from cellsync.testing import MemoryNetwork, level
from tests.cell.cells import Visit


@pytest.mark.parametrize("away", [False, True])
@pytest.mark.parametrize("seed", range(4))  # some of the ids are smaller than hers, some greater
async def test_nobody_is_shadowed(
    memory_network: MemoryNetwork, autojump_clock: MockClock, away: bool, seed: int
) -> None:
    net = memory_network
    async with net.cells("ana", "ben", role="coordinator") as [ana, ben]:
        net.partition("ben", "ana")
        await trio.sleep(100)
        device = await net.device("cara").join(ana)
        net.partition("ben", ["ana", "cara"])  # else Ana tells her where he is, and he hears of her from herself
        async with device.opened() as cara:
            await level([ana, cara])
            hers = ana.first.circle.replica.circle.grants[cara.device].keys
            other = device_secrets(bytes([seed]) * 96).public
            keys = DeviceKeys(other.signing, hers.session, other.seal)
            twin = await ben.first.circle.admit(ben.secrets.signing, keys, "not cara", Role.READER)
            net.heal()
            if away:
                net.partition("cara", ["ana", "ben"])
                await level([ana, ben])
                net.heal()
            await level([ana, ben, cara])
            await trio.sleep(100)
            for link in list(cara.node.links.values()):  # so that it is she who calls: then nobody expects her by id
                link.close()
            with trio.fail_after(600):
                while not all(
                    cara.device in cell.node.links and not cell.node.links[cara.device].called for cell in (ana, ben)
                ):
                    cara.node.calls.now()
                    await trio.sleep(0.25)
            await ben.sync(timeout=60)
            for cell in (ana, ben):
                with trio.fail_after(600):
                    while cara.device not in cell.node.links:  # noqa: ASYNC110  of two links at once one goes
                        await trio.sleep(0.25)
                assert cell.node.links[cara.device].session.remote == hers.session
                assert [one.in_step_now for one in cell.peers() if one.device == cara.device] == [True]
                assert cell.first.circle.devices_with(hers.session) == tuple(sorted([cara.device, twin]))
            await ana.create(Visit, title="one")
            await ana.synced(min_peers=2, timeout=30)
            net.partition("ben", ["ana", "cara"])
            await trio.sleep(100)
            await ana.create(Visit, title="two")
            await ana.synced(min_peers=1, timeout=30)
            with pytest.raises(Timeout):  # a device that was introduced twice confirms once
                await ana.synced(min_peers=2, timeout=30)
            net.heal()
            await level([ana, ben, cara])
    net.check_failures()
