"""A sync requested by a user: call every device, and return when those reached are in step.

A device is *in step* if it has confirmed everything that was held here when the sync began, and everything it named as
held there when it answered is here; or if at some moment both held the same. A refusal prevents that. A device that
leaves afterwards was in step all the same: the sync does not wait for its return.

A device that was removed, or has left, gets nothing of cases any more, so it is in step with nobody. Who still talks to
it has *heard* it once they have confirmed what is held here: its answer, or that it left.

An existing connection may be dead unnoticed, after a laptop slept, say. So each of these is pinged, and what its peer
said before counts only once it has answered.

The sync does not wait for a device that has been met and has no version of the protocol in common with this one; for
one that is suspended, which is told nothing of cases, as long as it takes to say what is new of members.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import trio

from cellsync.cell.clocks import HINT, SILENT, keeps_apart, may_be_here
from cellsync.cell.peer import Peer, peers
from cellsync.core import plain
from cellsync.core.errors import CellsyncError, ClocksDiffer, NoPeer, Removed, Timeout
from cellsync.core.ids import DeviceId
from cellsync.core.schema.values import moment
from cellsync.core.wire.places import Head
from cellsync.ledger.circle import OpenCircle
from cellsync.node.node import Node

GONE: Final = "Who has heard already that this device was removed, or has left, does not answer it: cellsync members"
SUSPENDED: Final = "It hears who is a member, and nothing of cases, so it is in step with nobody: cellsync members"
REMOVED: Final = (
    "It hears what is said of its removal, and nothing of cases, so it is in step with nobody: cellsync members"
)
GRACE: Final = 2.0  # seconds for devices that are just connecting: one that sees our beacon may let us call first
PAUSE: Final = 0.1  # minimum seconds between two looks

Progress = Callable[[list[Peer]], None]


async def sync(
    circles: Sequence[OpenCircle], node: Node, check_open: Callable[[], None], everyone: bool, timeout: float,
    progress: Progress | None,
) -> list[Peer]:  # fmt: skip
    """As `Cell.sync`."""
    if not any(circle.others() for circle in circles):
        if circles and all(circle.is_removed for circle in circles):
            raise Removed("This device belongs to no circle any more: there is nobody to sync with.")
        raise NoPeer("there is no other device in this cell", hint="Invite one: cellsync invite")
    until = enough_at = trio.current_time() + timeout
    told: list[Peer] = []
    with node.showing(), node.searching():
        view = _View(circles, node)
        while True:
            check_open()
            changed, now = node.links.changed, trio.current_time()
            found = view.look()
            silent = [peer._replace(last_seen=None) for peer in found]  # of connected devices it is always now
            if progress is not None and silent != told:
                progress(found)
            told = silent
            if view.is_all(found) or now >= until:
                break
            if not everyone and view.is_enough(found):
                enough_at = min(enough_at, now + GRACE)
                if now >= enough_at:
                    break
            with trio.move_on_at(min(enough_at if now < enough_at else until, view.next_done(found))):
                await changed.wait()
            await trio.sleep_until(min(now + PAUSE, until))
    if view.level:
        return found
    raise view.nobody(found)


class _View:
    """What a sync has seen of the other devices since it began."""

    def __init__(self, circles: Sequence[OpenCircle], node: Node) -> None:
        self._circles, self._node = circles, node
        self._began = trio.current_time()
        self._marks = {circle.id: circle.mark() for circle in circles}
        self._named: dict[DeviceId, frozenset[Head]] = {}  # when it first answered: the heads that we did not hold
        self._reached: dict[DeviceId, float] = {}  # since when
        self.level: dict[DeviceId, datetime] = {}  # in step at some moment, with that moment
        self._heard: set[DeviceId] = set()  # of circles that this device was removed from: who has confirmed all
        node.calls.now()
        self._pings = {link: link.ask() for link in node.links.values()}

    def look(self) -> list[Peer]:
        node = self._node
        answered = {one for one, link in node.links.items() if link.session.answered >= self._pings.get(link, 0)}
        found = [peer for circle in self._circles for peer in peers(circle, node)]
        for peer in found:
            if peer.connected:
                self._reached.setdefault(peer.device, trio.current_time())
        removed = {circle.id for circle in self._circles if circle.is_removed}
        for peer in found:
            if peer.device not in answered or not (peer.in_step_now or self._caught_up(peer)):
                continue
            if peer.circle in removed:
                self._heard.add(peer.device)
            else:
                self.level.setdefault(peer.device, moment(node.circles.surroundings.now()))
        return [
            peer._replace(
                in_step_now=peer.connected and peer.device in self.level, reached=peer.device in self._reached,
                came_in_step=self.level.get(peer.device),
            )
            for peer in found
        ]  # fmt: skip

    def _caught_up(self, peer: Peer) -> bool:
        """Whether it has confirmed what was held here at the beginning, and what it first named is here."""
        link, balance = self._node.links.get(peer.device), self._node.balance(peer.device)
        if link is None or balance is None or balance.declined or balance.gaps:
            return False
        ahead = link.session.ahead(peer.circle)
        named = self._named.setdefault(peer.device, ahead)
        return not (named & ahead) and link.session.confirmed(peer.circle, self._marks[peer.circle])

    def is_all(self, found: list[Peer]) -> bool:
        """Nobody is left to be waited for."""
        return all(self._is_done(peer) or self._parted(peer) for peer in found)

    def is_enough(self, found: list[Peer]) -> bool:
        """All that are here are in step, or have heard this device; and somebody is, or has."""
        return bool(self.level or self._heard) and all(self._is_done(peer) for peer in found if peer.connected)

    def _is_done(self, peer: Peer) -> bool:
        if peer.suspended:
            return self._told_by(peer) <= trio.current_time()
        return peer.device in self.level or peer.device in self._heard

    def _told_by(self, peer: Peer) -> float:
        """When a suspended device has been told what it may be told."""
        return self._reached.get(peer.device, math.inf) + GRACE

    def next_done(self, found: list[Peer]) -> float:
        """When one more is no longer waited for, if nothing happens until then."""
        times = (self._told_by(peer) for peer in found if peer.suspended)
        return min((at for at in times if at > trio.current_time()), default=math.inf)

    def _parted(self, peer: Peer) -> bool:
        """It has been met, and has no version of the protocol in common with this device."""
        return bool(peer.version) and self._node.others.parted_since(self._began, peer.device)

    def nobody(self, found: list[Peer]) -> CellsyncError:
        """Why no device came in step: the surest reason first."""
        node, began = self._node, self._began
        others = [(circle, device) for circle in self._circles for device in circle.others()]
        parted = (node.apart(peer.device) for peer in found if self._parted(peer))
        if apart := next((error for error in parted if error is not None), None):
            return apart
        if self._reached and all(circle.is_suspended for circle, _ in others):
            return Timeout("others were reached, and this device is suspended", hint=SUSPENDED)
        if self._reached and all(circle.is_removed for circle, _ in others):
            return Timeout("others were reached, and this device was removed, or has left", hint=REMOVED)
        if self._reached:
            return Timeout(
                "no device that was reached was in step in time", hint="Sync again: what has arrived is kept."
            )
        if all(circle.is_removed for circle, _ in others):
            return NoPeer("No other device answers.", hint=GONE)
        if clock := next((one for circle, device in others if (one := keeps_apart(circle, node, device, began))), None):
            seems = "is" if clock.measured else "seems to be"
            return ClocksDiffer(
                f"A device is there whose clock {seems} {plain.apart(clock.ahead)} this one's.", hint=HINT
            )
        if maybe := next((said for circle in self._circles if (said := may_be_here(circle, node))), ""):
            return NoPeer(hint=maybe)
        if any(node.calls.unanswered.get(device, -1.0) >= began for _, device in others):
            return NoPeer(hint=SILENT)
        return NoPeer()


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
