"""Peers: the other devices of a cell, which of our entries have reached them, and which have reached none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final, Literal, NamedTuple

from cellsync.cell.clocks import OtherClock, other_clock
from cellsync.core.errors import NoCommonVersion, PeerOlder
from cellsync.core.history.holdings import OWN_CASE
from cellsync.core.ids import NO_ID, CaseId, CircleId, DeviceId, MemberId
from cellsync.core.schema.values import moment
from cellsync.ledger.circle import OpenCircle
from cellsync.node.node import Node

CASES: Final = 100  # cases named
ENTRIES: Final = 1_000  # entries looked at for that
PAGE: Final = 512  # entries read before other tasks get their turn
QUIET: Final = 50_000  # ms: a connected device is pinged after 45 s at most; one that is silent for longer may be gone
ANSWERS_WITHIN: Final = 10.0  # seconds, when somebody looks at the peers


class Peer(NamedTuple):
    """Another device, as known to this one."""

    name: str
    device: DeviceId
    connected: bool
    has_mine: int  # how many of this device's own entries it is known to hold; remembered across restarts
    last_seen: datetime | None  # UTC; now while it is connected and answers, None if it never was
    lacks: int  # how many of this device's own entries it is not known to hold
    owes: int | None  # how many entries it is known to hold that are not here; None if unknown
    in_step_now: bool  # connected, and both hold the same
    # Whether both held the same at `last_seen`, and it is known to hold everything that has arrived here since. None
    # if unknown. Remembered across restarts.
    in_step: bool | None = None
    lacks_of_others: int | None = None  # how many of other devices' entries it lacks; None if unknown
    version: Literal["older", "newer"] | None = None  # its cellsync's, if the two have no version in common
    clock: OtherClock | None = None  # how far its clock is from this device's; None if unknown
    circle: CircleId = CircleId(NO_ID)
    member: MemberId | None = None  # whose device it is; None before what introduces it has arrived
    suspended: bool = False  # it is told nothing of cases, so it comes in step with nobody (40-membership, rule 10)
    # During a sync:
    reached: bool = False  # connected at some moment since the sync began
    came_in_step: datetime | None = None  # when, since the sync began; it may have left again

    def __repr__(self) -> str:
        return f"<peer {self.device.hex()[:8]}>"  # no name


def peers(circle: OpenCircle, node: Node) -> list[Peer]:
    """All of them. Devices that may hold more than they have told, or may be gone, are asked, for the next call."""
    for link in node.links.all():
        link.ask_again()
    written = circle.own_length
    return [_peer(circle, node, device, written) for device in circle.others()]


def met(circle: OpenCircle, node: Node) -> list[Peer]:
    """The peers that are connected, or have told the versions their build speaks."""
    found = [device for device in circle.others() if device in node.links or node.others.spoken(device) is not None]
    written = circle.own_length
    return [_peer(circle, node, device, written) for device in found]


def _peer(circle: OpenCircle, node: Node, device: DeviceId, written: int) -> Peer:
    now = circle.surroundings.now()
    link = node.links.get(device)
    answers = link is not None and now - link.heard < QUIET and link.waited < ANSWERS_WITHIN
    seen = now if answers else node.others.seen.get(device) if link is None else link.heard
    has_mine = node.others.delivered.get(device, 0)
    lacks = written - has_mine
    balance = node.balance(device)
    in_step = (node.others.was_in_step(device) or None) if link is None else None if balance is None else balance.level
    if circle.is_removed:  # of what they write since, this device hears nothing
        in_step = None
    return Peer(
        circle.replica.name(device),
        device,
        link is not None,
        has_mine,
        None if seen is None else moment(min(seen, now)),  # the clock may have been put back
        lacks,
        None if balance is None else balance.owes,
        answers and in_step is True,
        in_step,
        None if balance is None else max(0, balance.lacks - lacks),
        _version(node.apart(device)),
        clock=other_clock(circle, node, device),
        circle=circle.id,
        member=None if (known := circle.replica.circle.grant(device)) is None else known.member,
        suspended=circle.replica.circle.is_heard(device) and not circle.replica.circle.is_active(device),
    )


def _version(apart: NoCommonVersion | None) -> Literal["older", "newer"] | None:
    return None if apart is None else "older" if isinstance(apart, PeerOlder) else "newer"


def only_here(circle: OpenCircle, node: Node) -> int:
    """The number of our own newest entries that no other active device is known to hold."""
    return circle.own_length - max((node.others.delivered.get(device, 0) for device in circle.others()), default=0)


async def only_here_cases(circle: OpenCircle, node: Node) -> list[tuple[CaseId, int]]:
    """The cases that those entries changed, the newest change first, each with their number."""
    counts: dict[int, int] = {}  # in this order
    async for case, count in _newest(circle, min(only_here(circle, node), ENTRIES)):
        if case != OWN_CASE and (case in counts or len(counts) < CASES):
            counts[case] = counts.get(case, 0) + count
    return [(circle.replica.held.case_ids[case], count) for case, count in counts.items()]


async def _newest(circle: OpenCircle, count: int) -> AsyncIterator[tuple[int, int]]:
    """The cases of our newest `count` entries, newest first, each with their number; a case may come more than once."""
    for chain in circle.own_branches():
        last = chain.length
        while count > 0 and last >= chain.first:
            first = max(chain.first, last - min(count, PAGE) + 1)
            async with circle.lock:
                page = circle.store.cases_changed(chain.number, first, last)
            for item in page:
                yield item
            last, count = first - 1, count - (last - first + 1)
