"""A sync requested by a user: call every device, and return when those reached are in step.

A device is *in step* if it has confirmed everything that was held here when the sync began, and everything it named as
held there when it answered is here; or if at some moment both held the same. A refusal prevents that. A device that
leaves afterwards was in step all the same: the sync does not wait for its return.

An existing connection may be dead unnoticed, after a laptop slept, say. So each of these is pinged, and what its peer
said before counts only once it has answered.

The sync does not wait for a device that has been met and has no version of the protocol in common with this one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import trio

from cellsync.cell.clocks import HINT, SILENT, keeps_apart, may_be_here
from cellsync.cell.peer import Peer, peers
from cellsync.core import plain
from cellsync.core.errors import ClocksDiffer, NoPeer, Removed, Timeout
from cellsync.core.ids import CircleId, DeviceId
from cellsync.core.schema.values import moment
from cellsync.core.wire.places import Head
from cellsync.ledger.circle import OpenCircle
from cellsync.node.node import Node

GONE: Final = "Who has heard already that this device was removed, or has left, does not answer it: cellsync members"
SUSPENDED: Final = "It hears who is a member, and nothing of cases, so it is in step with nobody: cellsync members"
GRACE: Final = 2.0  # seconds for devices that are just connecting: one that sees our beacon may let us call first
PAUSE: Final = 0.1  # minimum seconds between two looks

Progress = Callable[[list[Peer]], None]


async def sync(
    circles: Sequence[OpenCircle], node: Node, check_open: Callable[[], None], everyone: bool, timeout: float,
    progress: Progress | None,
) -> list[Peer]:  # fmt: skip
    """As `Cell.sync`."""
    others = [(circle, device) for circle in circles for device in circle.others()]
    if not others and circles and all(circle.is_removed for circle in circles):
        raise Removed("This device belongs to no circle any more: there is nobody to sync with.")
    if not others:
        raise NoPeer("there is no other device in this cell", hint="Invite one: cellsync invite")
    began = trio.current_time()
    until = began + timeout
    enough_at = until
    reached: set[DeviceId] = set()
    level: dict[DeviceId, datetime] = {}  # in step at some moment since the sync began, with that moment
    marks = {circle.id: circle.mark() for circle in circles}
    named: dict[DeviceId, frozenset[Head]] = {}  # the heads it named, when it first answered, that we did not hold
    told: list[Peer] = []
    with node.showing(), node.searching():
        node.calls.now()
        pings = {link: link.ask() for link in node.links.values()}
        while True:
            check_open()
            changed, now = node.links.changed, trio.current_time()
            answered = {device for device, link in node.links.items() if link.session.answered >= pings.get(link, 0)}
            found = [
                peer._replace(in_step_now=peer.in_step_now and peer.device in answered)
                for circle in circles
                for peer in peers(circle, node)
            ]
            reached |= {peer.device for peer in found if peer.connected}
            caught_up = {
                peer.device
                for peer in found
                if peer.device in answered and _caught_up(peer.circle, node, peer.device, marks[peer.circle], named)
            }
            for device in caught_up | {peer.device for peer in found if peer.in_step_now}:
                level.setdefault(device, moment(node.circles.surroundings.now()))
            found = [
                peer._replace(
                    in_step_now=peer.connected and peer.device in level, reached=peer.device in reached,
                    came_in_step=level.get(peer.device),
                )
                for peer in found
            ]  # fmt: skip
            silent = [peer._replace(last_seen=None) for peer in found]  # of connected devices it is always now
            if progress is not None and silent != told:
                progress(found)
            told = silent
            parted = [peer.device for peer in found if peer.version and node.others.parted_since(began, peer.device)]
            if all(peer.device in level or peer.device in parted for peer in found):
                break
            if not everyone and level and all(peer.in_step_now for peer in found if peer.connected):
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
    if reached and all(circle.is_suspended for circle, _ in others):
        raise Timeout("others were reached, and this device is suspended", hint=SUSPENDED)
    if reached:
        raise Timeout("no device that was reached was in step in time", hint="Sync again: what has arrived is kept.")
    if all(circle.is_removed for circle, _ in others):
        raise NoPeer("No other device answers.", hint=GONE)
    clock = next((one for circle, device in others if (one := keeps_apart(circle, node, device, began))), None)
    if clock is not None:
        seems = "" if clock.measured else "seems to be "
        raise ClocksDiffer(
            f"A device is there whose clock {seems or 'is '}{plain.apart(clock.ahead)} this one's.", hint=HINT
        )
    if maybe := next((said for circle in circles if (said := may_be_here(circle, node))), ""):
        raise NoPeer(hint=maybe)
    if any(node.calls.unanswered.get(device, -1.0) >= began for _, device in others):
        raise NoPeer(hint=SILENT)
    raise NoPeer


async def confirmed(
    circle: OpenCircle, node: Node, check_open: Callable[[], None], min_peers: int, timeout: float
) -> None:
    """As `Cell.synced`."""
    own, began = circle.own_length, trio.current_time()
    node.calls.now()
    with trio.move_on_after(timeout):
        while True:
            check_open()
            others = circle.others()
            have = {circle.key_of(device) for device in others if node.others.delivered.get(device, -1) >= own}
            if len(have) >= min_peers:  # counted by key: a device introduced twice is one device
                return
            missing = [device for device in others if circle.key_of(device) not in have]
            parted = [device for device in missing if node.others.parted_since(began, device)]
            if parted and parted == missing:
                break  # none of the others can confirm before someone updates
            await node.links.changed.wait()
    for device in circle.others():
        error, theirs = node.apart(device), node.others.spoken(device)
        if node.others.parted_since(began, device) and error is not None and theirs is not None:
            ours = node.versions.said
            raise type(error)(message=f"{error} It speaks {theirs.said} of the protocol there, and {ours} here.")
    raise Timeout("not enough other devices have confirmed in time")


def _caught_up(
    circle: CircleId, node: Node, device: DeviceId, mark: dict[int, int], named: dict[DeviceId, frozenset[Head]]
) -> bool:
    """Whether a device has confirmed everything in `mark`, and everything it named when it first answered is here."""
    link, balance = node.links.get(device), node.balance(device)
    if link is None or balance is None or balance.declined or balance.gaps:
        return False
    ahead = link.session.ahead(circle)
    return not (named.setdefault(device, ahead) & ahead) and link.session.confirmed(circle, mark)
