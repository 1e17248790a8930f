"""The flags of an open cell: lasting facts, and events, which are kept until a person has seen them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from typing import Final

import trio

from cellsync.cell.facts import Facts
from cellsync.cell.flag import LASTING, Flag, Reason, encode, flag_of_case, flag_of_device
from cellsync.core import drawers
from cellsync.core.errors import CellsyncError
from cellsync.core.history.entry import Entry, chain_of
from cellsync.core.ids import DeviceId
from cellsync.core.membership.control import Role
from cellsync.core.membership.deeds import INTRODUCTIONS, REMOVALS, Bit
from cellsync.core.membership.label import IN
from cellsync.core.membership.rules import KnownDevice
from cellsync.core.membership.standing import DeviceStatus
from cellsync.core.replica import own_removal
from cellsync.core.replica.stage import Plan
from cellsync.core.wire.places import Line
from cellsync.core.wire.tags import Kind
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.source import OwnHand, Source
from cellsync.node.node import Node

MOST: Final = 250  # newest flags kept per reason: a flood of one reason cannot evict another
_OWN_DOING: Final = frozenset(
    {Reason.NAMESAKE, Reason.LINKED, Reason.MEMBER_REMOVED, Reason.MEMBER_LEFT}
)  # no news to whoever did it here
KEPT_AFTER: Final = 1.0  # seconds, since flags seldom come alone


class Flags:
    """All flags. `known`: the events stored when the cell was closed."""

    def __init__(self, circle: OpenCircle, node: Node, nursery: trio.Nursery, known: Iterable[Flag]) -> None:
        self._circle = circle
        self._nursery = nursery
        self._wake: Callable[[], None] = node.links.wake  # all tasks that wait for a change
        self._happened: dict[Reason, dict[Flag, None]] = {reason: {} for reason in Reason if reason not in LASTING}
        for flag in known:
            self._happened[flag.reason][flag] = None
        self._facts = Facts(circle, node)
        self._gaps = Gaps()
        self._is_keeping = False
        self._closed = False

    def all(self) -> list[Flag]:
        """As `Cell.flags`."""
        return [*self._facts.flags(), *self._kept()]

    def _kept(self) -> Iterator[Flag]:
        return (flag for flags in self._happened.values() for flag in flags)

    def committed(self, plan: Plan, source: Source) -> None:
        """Called by the circle after every step: raise some flags, and drop others."""
        self._attached(self._gaps.filled(self._circle, plan))
        inviter_asked = isinstance(source, OwnHand)  # then the inviter has already been asked about a namesake
        happened = happened_in(self._circle, plan)
        self.add(flag for flag in happened if not (inviter_asked and flag.reason in _OWN_DOING))
        self._gaps.note(plan)
        self._facts.look(plan)

    def add(self, flags: Iterable[Flag]) -> None:
        """Raise these events."""
        for flag in flags:
            same_reason = self._happened[flag.reason]
            if flag not in same_reason:
                same_reason[flag] = None
                self._changed()
                self._wake()
            if len(same_reason) > MOST:
                del same_reason[next(iter(same_reason))]

    def add_burnt_codes(self) -> None:
        """Wrong guesses have used up three short codes of this device."""
        self.add([flag_of_device(self._circle, Reason.BURNT_CODES, self._circle.device)])

    def dismiss(self, flag: Flag) -> None:
        """As `Cell.dismiss`."""
        if flag.reason not in LASTING and self._happened[flag.reason].pop(flag, 0) is None:
            self._changed()
            self._wake()

    def _attached(self, devices: Collection[DeviceId]) -> None:
        unattached = self._happened[Reason.UNATTACHED]
        for flag in [flag for flag in unattached if flag.device in devices]:
            del unattached[flag]
            self._changed()

    # --- at rest -----------------------------------------------------------------------------------------

    def _changed(self) -> None:
        if not self._is_keeping and not self._closed:
            self._is_keeping = True
            self._nursery.start_soon(self._keep_later)

    async def _keep_later(self) -> None:
        await trio.sleep(KEPT_AFTER)
        await self.keep()

    async def keep(self) -> None:
        """As `Cell.keep_flags`."""
        self._is_keeping = False
        with suppress(CellsyncError):
            await self._circle.keep(drawers.FLAGS, encode(self._kept()))

    def close(self) -> None:
        """Stop making flags durable unasked."""
        self._closed = True


def happened_in(circle: OpenCircle, plan: Plan) -> Iterator[Flag]:
    """The events of a step that has just been taken; of each reason the newest, at most MOST."""

    def flags(reason: Reason, entries: list[Entry]) -> Iterator[Flag]:
        places = list(dict.fromkeys((chain_of(entry.slot), entry.case) for entry in reversed(entries)))
        for chain, case in reversed(places[:MOST]):
            yield flag_of_case(circle, reason, circle.replica.held.chains[chain].device, case)

    yield from flags(Reason.NO_RIGHT, plan.void)
    yield from flags(Reason.NEWER, plan.unknown)
    if plan.newer:  # what does not attach then says nothing about anyone
        yield flag_of_device(circle, Reason.TOO_NEW, circle.device)
    else:
        yield from (flag_of_device(circle, Reason.UNATTACHED, line[0]) for line, _ in plan.gaps)
    members = circle.replica.circle
    for entry in plan.controls:
        grant = members.grants.get(DeviceId(entry.id)) if entry.kind in INTRODUCTIONS else None
        if grant is None:
            continue
        if _is_anothers(circle, grant):
            yield flag_of_device(circle, Reason.NAMESAKE, grant.device)
        if entry.kind == Kind.LINK and _is_told(circle, grant):
            yield flag_of_device(circle, Reason.LINKED, grant.device)
    for device in _removed(circle, plan):
        left = own_removal.has_left(circle.replica, device)
        yield flag_of_device(circle, Reason.MEMBER_LEFT if left else Reason.MEMBER_REMOVED, device)


def _is_anothers(circle: OpenCircle, grant: KnownDevice) -> bool:
    """Whether a device came in under a name that passes for another member's."""
    members = circle.replica.circle
    earlier = members.grants[members.names.like(grant.name)[0]]
    return earlier.member != grant.member


def _is_told(circle: OpenCircle, linked: KnownDevice) -> bool:
    """Whether this device tells of a further device: it is a coordinator's, or of the same member, and was here before
    it. Who joins is not told of those that were there."""
    members = circle.replica.circle
    own = members.grants.get(circle.device)
    if own is None or linked.device == own.device or members.saw(Bit(own.bit), Bit(linked.bit)):
        return False
    return members.current_role(own.device) is Role.COORDINATOR or own.member == linked.member


def _removed(circle: OpenCircle, plan: Plan) -> Iterator[DeviceId]:
    """The devices that a removal of this step has removed, without this one."""
    decision, members = circle.shown.court.ruling.decision, circle.shown.circle
    came = {entry.id for entry in plan.controls}
    for strike in decision.strikes:
        if strike.entry in came and strike.kind in REMOVALS and strike.label == IN:
            single = decision.linked_by(strike.devices)
            for device, grant in members.grants.items():
                hit = grant.member in strike.members or device in single
                if hit and device != circle.device and decision.statuses.get(device) is DeviceStatus.REMOVED:
                    yield device


class Gaps:
    """The chains of which a slice did not attach. Their flag goes when these chains grow, not when others do.

    The peer that delivers such a slice need not have it from the device named in it, and that cannot be checked: so it
    proves nothing, and a person can dismiss the flag. It is raised again if the slice is delivered again.
    """

    def __init__(self) -> None:
        self._open: dict[Line, None] = {}

    def note(self, plan: Plan) -> None:
        if not plan.newer:
            self._open.update(dict.fromkeys(gap.line for gap in plan.gaps))
        while len(self._open) > MOST:
            del self._open[next(iter(self._open))]

    def filled(self, circle: OpenCircle, plan: Plan) -> set[DeviceId]:
        """Devices whose chains grew, and which have no chain with a known gap left."""
        grown = [circle.replica.held.chains[arrival.chain].line for arrival in plan.commit.arrivals]
        for line in grown:
            self._open.pop(line, None)
        return {device for device, _ in grown} - {device for device, _ in self._open}
