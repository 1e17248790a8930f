"""Facts: the lasting flags, derived from what is held and known."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import NamedTuple

from cellsync.cell.choices import NAMES, in_words
from cellsync.cell.flag import Flag, Reason, flag_of_case, flag_of_device
from cellsync.core import caps
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import Standing, chain_of, slot_of
from cellsync.core.ids import DeviceId, Millis
from cellsync.core.membership.label import OUT, UNDECIDED
from cellsync.core.membership.settings import Setting
from cellsync.core.membership.standing import DeviceStatus
from cellsync.core.replica import own_removal
from cellsync.core.replica.stage import Plan
from cellsync.core.wire.tags import Kind
from cellsync.ledger.circle import OpenCircle
from cellsync.node.node import Node

_IN_QUARANTINE = attrgetter("in_quarantine")


class Facts:
    """The facts of one circle.

    Everything is looked at once, then only what a step changes: a step costs as much as it brings, however many forks
    and future dates there are. An equivocator gets no other flag: it has no newest entry, and its forks are endless.
    """

    def __init__(self, circle: OpenCircle, node: Node) -> None:
        self._circle, self._node = circle, node
        self._newest = _newest(circle)
        self._begun: dict[int, int] = {}  # number of a chain of a forked device -> height of its first entry
        self._forked: set[DeviceId] = set()
        self._aside = _in_quarantine(circle)
        self._of_members = list(_of_members(circle))
        self._shown = circle.shown
        self._look_at_forks({line[0] for line, numbers in circle.replica.held.lines.items() if len(numbers) > 1})

    def look(self, plan: Plan) -> None:
        """Look at what a step has changed. Hold the lock."""
        aside = self._circle.replica.court.ruling.situations  # none is in quarantine but by what the rules say of these
        if plan.ruling is not None or plan.restanding or (aside and any(map(_IN_QUARANTINE, plan.commit.entries))):
            self._aside = _in_quarantine(self._circle)
        if plan.controls or plan.ruling is not None or self._circle.shown is not self._shown:
            self._shown, self._of_members = self._circle.shown, list(_of_members(self._circle))
        chains, newest = self._circle.replica.held.chains, self._newest
        left = {arrival.chain for arrival in plan.commit.arrivals}
        for entry in reversed(plan.commit.entries):  # heights rise along a chain: its last entry is the newest
            if not left:
                break
            number = chain_of(entry.slot)
            if number not in left:
                continue
            left.discard(number)
            device = chains[number].device
            before = newest.get(device)
            if before is None or entry.height > before.height:
                newest[device] = _Newest(entry.height, entry.clock, entry.case)
        grown = {chain.device for chain in plan.commit.chains}
        self._look_at_forks((grown & self._forked) | {fork.line[0] for fork in plan.forks})

    def flags(self) -> Iterator[Flag]:
        circle = self._circle
        latest = circle.surroundings.now() + caps.CLOCK_SKEW
        for device, newest in self._newest.items():
            if newest.clock > latest and device not in circle.equivocators:
                yield flag_of_case(circle, Reason.FUTURE, device, newest.case)
        for device in sorted(self._forked):
            yield flag_of_device(circle, Reason.FORK, device)
        for device in sorted(circle.equivocators):
            yield flag_of_device(circle, Reason.EQUIVOCATOR, device)
        if circle.branches_used >= caps.WARN_BRANCHES:
            yield flag_of_device(circle, Reason.FEW_BRANCHES_LEFT, circle.device)
        if circle.replica.floor > circle.replica.circle.edition.number:
            reason = Reason.OUTDATED if circle.replica.is_outdated else Reason.WAIVED
            yield flag_of_device(circle, reason, circle.device)
        for said in circle.detached.said(circle.surroundings.now()):
            reason = Reason.REMOVAL_AHEAD if said.heeded else Reason.REMOVAL_LAPSED
            about = tuple(map(circle.replica.name, said.targets))
            yield flag_of_device(circle, reason, said.author)._replace(about=about)
        yield from self._of_members
        yield from self._of_settings()
        for device in sorted(self._aside):
            yield flag_of_device(circle, Reason.QUARANTINED, device)
        for device in self._node.others.went_back(circle):
            yield flag_of_device(circle, Reason.OLDER, device)

    def _of_settings(self) -> Iterator[Flag]:
        """What one coordinator wants to be harsher."""
        choices = self._circle.replica.choices
        for setting in Setting:
            wanted = choices.wanted(setting)
            if wanted is not None:
                about = NAMES[setting], in_words(setting, wanted.value)
                yield flag_of_device(self._circle, Reason.WANTED, DeviceId(wanted.by))._replace(about=about)

    def _look_at_forks(self, devices: set[DeviceId]) -> None:
        if devices:
            of = devices - self._circle.equivocators
            self._forked = (self._forked - devices) | {device for device in of if not self._is_settled(device)}

    def _is_settled(self, device: DeviceId) -> bool:
        """Whether the device has learnt of all its forks: some entry builds on both sides of each, and the device has
        begun an incarnation beyond them."""
        held = self._circle.replica.held
        lines = list(dict.fromkeys(chain.line for chain in held.of_device(device)))
        begun = {line: max(map(self._begins, held.lines[line])) for line in lines}
        return all(
            side.cited and side.height < max((begun[other] for other in lines if other != line), default=0)
            for line in lines
            if len(held.lines[line]) > 1
            for side in held.of_line(line)
        )

    def _begins(self, number: int) -> int:
        """The height of a chain's first entry, 0 for a branch that leaves another one."""
        if self._circle.branch(number).first > 1:
            return 0
        if number not in self._begun:
            first = self._circle.store.entry_at(slot_of(number, 1))
            self._begun[number] = 0 if first is None else first.height
        return self._begun[number]


def _of_members(circle: OpenCircle) -> Iterator[Flag]:
    """What is not settled about members, and whether this device is one no more. It asks the rules: hold the lock."""
    shown = circle.shown
    decision = shown.court.ruling.decision
    if circle.is_removed:
        left = own_removal.has_left(shown, circle.device)
        yield flag_of_device(circle, Reason.LEFT if left else Reason.REMOVED, circle.device)
    for device, status in decision.statuses.items():
        if status is DeviceStatus.SUSPENDED:
            leaving = own_removal.is_leaving(shown, device)
            yield flag_of_device(circle, Reason.LEAVING if leaving else Reason.SUSPENDED, device)
    for strike in decision.strikes:
        if strike.kind != Kind.REMOVE or strike.author is None or strike.label == OUT:
            continue
        whom = sorted(map(shown.name, {*map(DeviceId, strike.members), *strike.devices}))
        flag = flag_of_device(circle, Reason.UNDECIDED, DeviceId(strike.author))._replace(about=tuple(whom))
        if strike.label == UNDECIDED:
            yield flag
        elif (second := decision.seconds(strike.entry)) is not None and second.missing:
            yield flag._replace(reason=Reason.ONE_WORD)


def _in_quarantine(circle: OpenCircle) -> set[DeviceId]:
    """The devices of which something is held and not shown."""
    held = circle.replica.held
    return {
        device
        for device in circle.replica.court.ruling.situations
        if any(
            row.kind == Kind.CASE and row.standing in (Standing.OUT, Standing.UNDECIDED)
            for chain in held.of_device(device)
            for row in circle.store.standings(chain.number, chain.first, chain.length, aside=True)
        )
    }


class _Newest(NamedTuple):
    """The newest entry of a device."""

    height: int
    clock: Millis
    case: int


def _newest(circle: OpenCircle) -> dict[DeviceId, _Newest]:
    """The newest entry of each device."""
    highest: dict[DeviceId, Chain] = {}
    for chain in circle.replica.held.chains.values():
        highest[chain.device] = max(chain, highest.get(chain.device, chain), key=attrgetter("height"))
    ends = ((device, circle.store.entry_at(slot_of(chain.number, chain.length))) for device, chain in highest.items())
    return {device: _Newest(end.height, Millis(end.clock), end.case) for device, end in ends if end is not None}
