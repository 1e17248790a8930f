"""Flags: what arrived and needs a person's eye. Nothing flagged is lost, and a flag alone blames nobody.

Some of it is so, and `Facts` sees it from what is held and known: it cannot be dismissed, is there after a restart,
and goes when it is so no more. The rest has happened, and is kept until a person has seen it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from operator import attrgetter
from typing import Final, NamedTuple

from cellsync.core import caps
from cellsync.core.errors import PeerError
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import Entry, chain_of, slot_of
from cellsync.core.ids import CaseId, DeviceId, Millis
from cellsync.core.replica.stage import Plan
from cellsync.core.wire import codec
from cellsync.core.wire.places import Line
from cellsync.core.wire.tags import Kind
from cellsync.ledger.circle import OpenCircle
from cellsync.node.node import Node

_MOST_BYTES: Final = 1 << 18


class Reason(StrEnum):
    NO_RIGHT = "no_right"  # its author's role did not allow it: held, not shown
    FUTURE = "future"  # its newest entry is dated more than a day ahead: shown
    UNATTACHED = "unattached"  # does not continue what is held here: a gap, not held until it is filled
    FORK = "fork"  # two entries in one place, both signed and held: that vault was copied, or put back from a backup
    EQUIVOCATOR = "equivocator"  # more branches than any honest device has: only what others cite of them counts
    FEW_BRANCHES_LEFT = "few_branches_left"  # this device has taken so many incarnations that it soon may take no more
    BURNT_CODES = "burnt_codes"  # three short codes of this device were used up by wrong guesses: is someone guessing?
    OLDER = "older"  # a device speaks an older version of the protocol than it did before
    NAMESAKE = "namesake"  # a new member has a name that passes for another's: is it the same person?


LASTING: Final = frozenset({Reason.FUTURE, Reason.FORK, Reason.EQUIVOCATOR, Reason.FEW_BRANCHES_LEFT, Reason.OLDER})
"""What stays for as long as it is so. The others have happened."""


class Flag(NamedTuple):
    """What needs a person's eye: why, and whose device or which case it is about. It blames nobody by itself."""

    reason: Reason
    device: DeviceId  # whose entries they are, or whose codes they were
    author: str
    case: CaseId | None

    def __repr__(self) -> str:
        return f"<flag {self.reason.value}>"  # no name


def flags_of(circle: OpenCircle, plan: Plan, most: int) -> Iterator[Flag]:
    """What has happened in a step that has just been taken; of each reason the newest, at most so many."""

    def flags(reason: Reason, entries: list[Entry]) -> Iterator[Flag]:
        places = list(dict.fromkeys((chain_of(entry.slot), entry.case) for entry in reversed(entries)))
        for chain, case in reversed(places[:most]):
            yield _flag(circle, reason, circle.replica.held.chains[chain].device, case)

    yield from flags(Reason.NO_RIGHT, plan.void)
    yield from (flag_of_device(circle, Reason.UNATTACHED, line[0]) for line, _ in plan.gaps)
    members = circle.replica.circle
    for entry in plan.controls:
        grant = members.grants.get(DeviceId(entry.id)) if entry.kind == Kind.ADMIT else None
        if grant is not None and members.names.first_like(grant.name) != grant.device:
            yield flag_of_device(circle, Reason.NAMESAKE, grant.device)


# --- what is so, and for how long ------------------------------------------------------------------------


class Facts:
    """What is so as long as it can be seen from what is held and known.

    It is looked at once, and then only where a step changes it: a step costs as much as it brings, whatever forks or
    dates ahead are standing. Of an equivocator only that is said: it has no one newest entry, and forks without end.
    """

    def __init__(self, circle: OpenCircle, node: Node) -> None:
        self._circle, self._node = circle, node
        self._newest = _newest(circle)
        self._begun: dict[int, int] = {}  # number of a chain of a forked device -> height of its first entry
        self._forked: set[DeviceId] = set()
        self._look_at_forks({line[0] for line, numbers in circle.replica.held.lines.items() if len(numbers) > 1})

    def look(self, plan: Plan) -> None:
        """A step has been taken. Hold the lock."""
        chains, newest = self._circle.replica.held.chains, self._newest
        left = {arrival.chain for arrival in plan.commit.arrivals}
        for entry in reversed(plan.commit.entries):  # heights grow along a chain: its last entry is the newest
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
                yield _flag(circle, Reason.FUTURE, device, newest.case)
        for device in sorted(self._forked):
            yield flag_of_device(circle, Reason.FORK, device)
        for device in sorted(circle.equivocators):
            yield flag_of_device(circle, Reason.EQUIVOCATOR, device)
        if circle.branches_used >= caps.WARN_BRANCHES:
            yield flag_of_device(circle, Reason.FEW_BRANCHES_LEFT, circle.device)
        for device in self._node.others.went_back():
            yield flag_of_device(circle, Reason.OLDER, device)

    def _look_at_forks(self, devices: set[DeviceId]) -> None:
        if devices:
            of = devices - self._circle.equivocators
            self._forked = (self._forked - devices) | {device for device in of if not self._is_settled(device)}

    def _is_settled(self, device: DeviceId) -> bool:
        """Whether for each fork of a device somebody has built on each side, and the device has begun an incarnation
        beyond them: it knows of both."""
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


class _Newest(NamedTuple):
    """An entry above which a device has none."""

    height: int
    clock: Millis
    case: int


def _newest(circle: OpenCircle) -> dict[DeviceId, _Newest]:
    """The newest entry of each device."""
    highest: dict[DeviceId, Chain] = {}
    for chain in circle.replica.held.chains.values():
        highest[chain.device] = max(chain, highest.get(chain.device, chain), key=attrgetter("height"))
    entries = ((device, circle.store.entry_at(slot_of(one.number, one.length))) for device, one in highest.items())
    return {device: _Newest(one.height, Millis(one.clock), one.case) for device, one in entries if one is not None}


class Gaps:
    """The chains of which a slice did not attach: the flag goes when these grow, and not with another one.

    Who brings a slice that does not attach need not have it from its device, and nobody can check that: so this is
    no proof of anything, and a person can dismiss it. It comes back when it is brought again.
    """

    def __init__(self) -> None:
        self._open: dict[Line, None] = {}

    def note(self, plan: Plan, most: int) -> None:
        self._open.update(dict.fromkeys(gap.line for gap in plan.gaps))
        while len(self._open) > most:
            del self._open[next(iter(self._open))]

    def filled(self, circle: OpenCircle, plan: Plan) -> set[DeviceId]:
        """Devices whose chains grew, and of whose chains none with a gap is known any more."""
        grown = [circle.replica.held.chains[arrival.chain].line for arrival in plan.commit.arrivals]
        for line in grown:
            self._open.pop(line, None)
        return {device for device, _ in grown} - {device for device, _ in self._open}


def _flag(circle: OpenCircle, reason: Reason, device: DeviceId, case: int) -> Flag:
    return Flag(reason, device, circle.replica.name(device), circle.replica.held.case_ids.get(case))


def flag_of_device(circle: OpenCircle, reason: Reason, device: DeviceId) -> Flag:
    return Flag(reason, device, circle.replica.name(device), None)


def encode(flags: Iterable[Flag]) -> bytes:
    """For the circle's own database."""
    return codec.encode([[flag.reason.value, flag.device, flag.case] for flag in flags])


def decode(circle: OpenCircle, raw: bytes | None) -> list[Flag]:
    """What was kept; a row that cannot be read is left out: another version may have written it."""
    try:
        rows = codec.decode(raw or b"\x90", _MOST_BYTES, "flags")
    except PeerError:
        return []
    found = []
    for row in rows if isinstance(rows, list) else []:
        match row:
            case [str(reason), bytes(device), (bytes() | None) as case] if reason in set(Reason) - LASTING:
                author = circle.replica.name(DeviceId(device))
                found.append(Flag(Reason(reason), DeviceId(device), author, None if case is None else CaseId(case)))
    return found
