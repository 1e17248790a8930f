"""One's own devices. What removes one is what removes a member's (`membership`)."""

from __future__ import annotations

from cellsync.api.contract import shapes
from cellsync.api.service import Service
from cellsync.api.times import time_text
from cellsync.cell.device import OwnDevice


async def show_devices(service: Service, _: shapes.Nothing) -> shapes.OwnDevices:
    return shapes.OwnDevices(devices=[_shape(one) for one in service.cell.own_devices()])


def _shape(one: OwnDevice) -> shapes.OwnDevice:
    return shapes.OwnDevice(
        name=one.name,
        me=one.is_me,
        connected=one.connected,
        last_seen=time_text(one.last_seen),
        circles=[
            shapes.DeviceInCircle(
                circle=place.circle.hex(), device=place.device.hex(), name=place.name, suspended=place.suspended
            )
            for place in one.places
        ],
    )
