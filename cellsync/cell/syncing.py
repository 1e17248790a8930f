"""Syncing as a user asks for it: call everybody, and return when those who were reached hold the same as we do.

A connection that was there before may be dead without anybody having noticed, after a laptop slept, say. So each of
these is pinged, and what it said before counts only once it has answered.

Nobody waits for a device that has been met and has no version of the protocol in common with this one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio

from cellsync.cell.clocks import HINT, SILENT, keeps_apart
from cellsync.cell.peer import Peer, peers
from cellsync.core import plain
from cellsync.core.errors import ClocksDiffer, NoPeer, Timeout
from cellsync.core.ids import DeviceId
from cellsync.node.circle import OpenCircle
from cellsync.node.node import Node

GRACE: Final = 2.0  # seconds for others that are just connecting: who sees our beacon may let us call first
PAUSE: Final = 0.1  # seconds between two looks, however much happens

Progress = Callable[[list[Peer]], None]


async def sync(
    circle: OpenCircle, node: Node, check_open: Callable[[], None], everyone: bool, timeout: float,
    progress: Progress | None,
) -> list[Peer]:  # fmt: skip
    """As `Cell.sync`."""
    if not circle.others():
        raise NoPeer("there is no other device in this cell", hint="Invite somebody, or join with another device.")
    began = trio.current_time()
    until = began + timeout
    enough_at = until
    reached: set[DeviceId] = set()
    level: set[DeviceId] = set()  # at some moment: who goes on writing may never be so for long
    told: list[Peer] = []
    with node.showing(), node.searching():
        node.call_now()
        pings = {link: link.ask() for link in node.links.values()}
        while True:
            check_open()
            changed, now = node.changed, trio.current_time()
            answered = {device for device, link in node.links.items() if link.session.answered >= pings.get(link, 0)}
            found = [peer._replace(ready=peer.ready and peer.device in answered) for peer in peers(circle, node)]
            reached |= {peer.device for peer in found if peer.connected}
            level |= {peer.device for peer in found if peer.ready}
            silent = [peer._replace(last_seen=None) for peer in found]  # of those connected, it is now
            if progress is not None and silent != told:
                progress(found)
            told = silent
            parted = [peer.device for peer in found if peer.version and node.parted_since(began, peer.device)]
            if all(peer.ready or peer.device in parted for peer in found):
                break
            if not everyone and level and all(peer.ready for peer in found if peer.connected):
                enough_at = min(enough_at, now + GRACE)
                if now >= enough_at:
                    return found
            if now >= until:
                break
            with trio.move_on_at(enough_at if now < enough_at else until):
                await changed.wait()
            await trio.sleep_until(min(now + PAUSE, until))
    if level:
        return found
    apart = next((error for error in map(node.apart, parted) if error is not None), None)
    if apart is not None:
        raise apart
    if reached:
        raise Timeout("no device that was reached was in step in time", hint="Sync again: what has arrived is kept.")
    clock = next((one for device in circle.others() if (one := keeps_apart(circle, node, device, began))), None)
    if clock is not None:
        seems = "" if clock.measured else "seems to be "
        raise ClocksDiffer(
            f"A device is there whose clock {seems or 'is '}{plain.apart(clock.ahead)} this one's.", hint=HINT
        )
    if any(node.unanswered.get(device, -1.0) >= began for device in circle.others()):
        raise NoPeer(hint=SILENT)
    raise NoPeer
