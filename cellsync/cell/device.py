"""One's own devices: those of this device's member, in whichever circles each of them is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from cellsync.core.ids import CircleId, DeviceId, SessionPublic

if TYPE_CHECKING:
    from cellsync.cell.circle import CellCircle


class DeviceInCircle(NamedTuple):
    """A device has another id, and perhaps another name, in each circle."""

    circle: CircleId
    device: DeviceId
    name: str
    suspended: bool

    def __repr__(self) -> str:
        return f"<device {self.device.hex()[:8]}>"  # no name


class OwnDevice(NamedTuple):
    """A device of this device's member, in however many circles: it has the same keys in all of them."""

    name: str  # in the first of them
    is_me: bool
    connected: bool
    last_seen: datetime | None  # UTC; None if it never was
    places: tuple[DeviceInCircle, ...]

    def __repr__(self) -> str:
        return f"<own device {self.places[0].device.hex()[:8]}>"  # no name


def own_devices(circles: Iterable[CellCircle]) -> list[OwnDevice]:
    """One's own devices that are not removed; this one first, the others in the order in which they came."""
    found: dict[SessionPublic | None, OwnDevice] = {}
    for circle in circles:
        peers = {peer.device: peer for peer in circle.peers()}
        for device in circle.membership.own_devices():
            name, peer = circle.name_of(device), peers.get(device)
            place = DeviceInCircle(circle.id, device, name, not circle.circle.replica.circle.is_active(device))
            key = circle.circle.key_of(device) if device != circle.device else circle.secrets.public.session
            new = OwnDevice(
                name, device == circle.device, peer is not None and peer.connected, peer and peer.last_seen, ()
            )
            known = found.get(key, new)
            found[key] = known._replace(places=(*known.places, place))
    return sorted(found.values(), key=lambda one: not one.is_me)
