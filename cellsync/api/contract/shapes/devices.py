"""One's own devices."""

from __future__ import annotations

from msgspec import Struct

from cellsync.api.contract.shapes.base import Answer, Name, RequestKey, Takes, Words


class DeviceInCircle(Struct, kw_only=True, frozen=True):
    """A device has another id, and perhaps another name, in each circle. `suspended`: until a dispute is decided it
    receives nothing of cases there."""

    circle: str
    device: str
    name: str
    suspended: bool


class OwnDevice(Struct, kw_only=True, frozen=True):
    """A device of this device's member: this one, if `me`. `name`: as in the first of the circles in which it is."""

    name: str
    me: bool
    connected: bool
    last_seen: str | None
    circles: list[DeviceInCircle]


class OwnDevices(Answer, kw_only=True, frozen=True):
    """This one first."""

    devices: list[OwnDevice]


class OpenLink(Takes, kw_only=True, frozen=True):
    """Invite a further device of one's own. `name`: what it is called there, behind its member's name. `circle`: into
    which; "": into the only one."""

    name: Name
    circle: Words = ""
    short_code: bool = True
    key: RequestKey | None = None
