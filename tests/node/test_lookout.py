"""The lookout: beacons of the devices of all circles, and a crowd in one of them."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from cellsync.core.ids import DeviceId
from cellsync.node.lookout import LOOKED_FOR
from cellsync.node.network import Address, Sighting
from cellsync.testing import MemoryNetwork, level


async def test_a_crowd_in_one_circle_hides_no_device_of_another(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever coordinates one circle can make any number of devices there."""
    net = MemoryNetwork(5)
    async with net.cells("ana", "mallory") as [ana, _]:
        inner, _ = await ana.create_circle("Lawyers")
        lea = await net.device("lea").join(ana, circle=inner.id)
        async with lea.opened() as guest:
            await level([ana, guest])
            address = Address("10.0.0.9", 4_000)
            shown = Sighting(guest.node._beacons._make((address,)), (address,))
            crowd = [DeviceId(number.to_bytes(32, "big")) for number in range(5_000)]
            monkeypatch.setattr(ana.first.circle, "others", lambda: list(crowd))
            ana.node.others.seen.clear()  # none was met before
            assert ana.node._lookout._recognise(shown) == (guest.first.device, address)
            assert len(ana.node._lookout._missing()) <= LOOKED_FOR + 1
