"""News: what is not stored, told as it happens: who comes and goes, how they stand, what is chosen, and flags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import trio

from cellsync.cell.cell import Cell
from cellsync.cell.choices import NAMES, in_words
from cellsync.cell.circle import CellCircle
from cellsync.cell.member import members
from cellsync.cell.peer import Peer, met
from cellsync.core.ids import CircleId, DeviceId
from cellsync.core.membership.settings import Setting
from cellsync.core.membership.standing import DeviceStatus
from cellsync.core.replica import own_removal

_TOGETHER: Final = 0.05  # seconds: several come together
_UNCHOSEN: Final = (None, None)
_BY_THEMSELVES: Final = {
    DeviceStatus.REMOVED: own_removal.has_left, DeviceStatus.SUSPENDED: own_removal.is_leaving,
}  # fmt: skip
_STANDS: Final = {
    DeviceStatus.REMOVED: "member.removed", DeviceStatus.SUSPENDED: "member.suspended",
    DeviceStatus.ACTIVE: "member.returned",
}  # fmt: skip


Tell = Callable[[str, Mapping[str, object]], None]
"""Tells all followers of an event, and its data."""


async def news(cell: Cell, tell: Tell) -> None:
    """Tell of devices that come and go or have to be updated, of new members, of settings and of flags."""
    connected: dict[str, str] = {}
    versions = {peer.device: peer.version for peer in _met(cell)}
    known = {member.device for member in cell.members()}
    flags, chosen, stood = cell.flags, _chosen(cell), _statuses(cell)
    while True:
        changed = cell.node.links.changed
        peers = _met(cell)
        now = {peer.device.hex(): peer for peer in peers if peer.connected}
        for device in now.keys() - connected.keys():
            told = {"device": device, "name": now[device].name, "circle": now[device].circle.hex()}
            tell("peer.up", told)
        for device in connected.keys() - now.keys():
            tell("peer.down", {"device": device, "circle": connected[device]})
        connected = {device: peer.circle.hex() for device, peer in now.items()}
        for peer in peers:
            if versions.get(peer.device) != peer.version:
                versions[peer.device] = peer.version
                about = {"device": peer.device.hex(), "circle": peer.circle.hex()}
                tell("peer.version", about | {"name": peer.name, "version": peer.version})
        for member in [one for circle in cell.circles for one in members(circle.circle, besides=known)]:
            known.add(member.device)
            about = {"device": member.device.hex(), "circle": member.circle.hex()}
            tell("member.added", about | {"name": member.name, "role": member.role, "member": member.member.hex()})
        earlier, stood = stood, _statuses(cell)
        for (circle, whose), status in stood.items():
            if status is not earlier.get((circle, whose), DeviceStatus.ACTIVE):
                about = {"device": whose.hex(), "circle": circle.id.hex()}
                left = status in _BY_THEMSELVES and await _by_themselves(circle, whose, status)
                tell(_STANDS[status], about | {"name": circle.circle.shown.name(whose), "left": left})
        before, flags = flags, cell.flags
        for flag in [flag for flag in flags if flag not in before]:
            of = {"device": flag.device.hex(), "circle": flag.circle.hex()}
            tell("flag", of | {"reason": flag.reason.value})
        previous, chosen = chosen, _chosen(cell)
        for place, (in_force, wanted) in chosen.items():
            if previous.get(place, _UNCHOSEN) != (in_force, wanted):
                of_circle, setting = place
                values = {"in_force": _words(setting, in_force), "wanted": _words(setting, wanted)}
                tell("settings.changed", {"name": NAMES[setting], "circle": of_circle.hex(), **values})
        await changed.wait()
        await trio.sleep(_TOGETHER)


def _met(cell: Cell) -> list[Peer]:
    return [peer for circle in cell.circles for peer in met(circle.circle, cell.node)]


def _statuses(cell: Cell) -> dict[tuple[CellCircle, DeviceId], DeviceStatus]:
    """How each device stands in each circle, by what is held and what was told."""
    return {
        (circle, device): status
        for circle in cell.circles
        for device, status in circle.circle.shown.court.ruling.decision.statuses.items()
    }


async def _by_themselves(circle: CellCircle, device: DeviceId, status: DeviceStatus) -> bool:
    """Whether its member has left, or wants to."""
    async with circle.circle.lock:
        return await circle.circle.apart(lambda: _BY_THEMSELVES[status](circle.circle.shown, device))


def _chosen(cell: Cell) -> dict[tuple[CircleId, Setting], tuple[int | None, int | None]]:
    """What is in force, and what is wanted."""
    return {
        (circle.id, setting): (circle.choice(setting), None if wanted is None else wanted.value)
        for circle in cell.circles
        for setting in Setting
        for wanted in [circle.circle.replica.choices.wanted(setting)]
    }


def _words(setting: Setting, value: int | None) -> str | None:
    return None if value is None else in_words(setting, value)
