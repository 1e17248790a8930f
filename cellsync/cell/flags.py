"""Flags: what arrived and needs a person's eye. Nothing flagged is lost, and a flag alone blames nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from cellsync.core import caps
from cellsync.core.errors import PeerError
from cellsync.core.history.entry import Entry, chain_of, sequence_of, unpack_slots
from cellsync.core.ids import CaseId, DeviceId
from cellsync.core.stage import Plan
from cellsync.core.wire import codec
from cellsync.node.circle import OpenCircle

_MOST_BYTES: Final = 1 << 18


class Reason(StrEnum):
    NO_RIGHT = "no_right"  # its author's role did not allow it: held, not shown
    FUTURE = "future"  # dated more than a day ahead: shown
    UNATTACHED = "unattached"  # does not continue what is held here: a gap, not held until it is filled
    FORK = "fork"  # two entries in one place, both signed and held: that vault was copied, or put back from a backup
    EQUIVOCATOR = "equivocator"  # more branches than any honest device has: only what others cite of them counts
    FEW_BRANCHES_LEFT = "few_branches_left"  # this device has begun anew so often that it soon may not again
    BURNT_CODES = "burnt_codes"  # three short codes of this device were used up by wrong guesses: is someone guessing?

    OLDER = "older"  # a device speaks an older version of the protocol than it did before


class Flag(NamedTuple):
    reason: Reason
    device: DeviceId  # whose entries they are, or whose codes they were
    author: str
    case: CaseId | None

    def __repr__(self) -> str:
        return f"<flag {self.reason.value}>"  # no name


def flags_of(circle: OpenCircle, plan: Plan, most: int) -> Iterator[Flag]:
    """What is flagged in a step that has just been taken; of each reason the newest, at most so many."""

    def flags(reason: Reason, entries: list[Entry]) -> Iterator[Flag]:
        places = list(dict.fromkeys((chain_of(entry.slot), entry.case) for entry in reversed(entries)))
        for chain, case in reversed(places[:most]):
            device = circle.replica.held.chains[chain].device
            yield Flag(reason, device, circle.replica.name(device), circle.replica.held.case_ids.get(case))

    yield from flags(Reason.NO_RIGHT, plan.void)
    yield from flags(Reason.FUTURE, plan.skewed)
    yield from (flag_of_device(circle, Reason.UNATTACHED, line[0]) for line in plan.gaps)
    for fork in plan.forks:
        device = fork.line[0]
        reason = Reason.EQUIVOCATOR if device in circle.equivocators else Reason.FORK
        yield flag_of_device(circle, reason, device)
    if plan.commit.chains and circle.branches_used >= caps.WARN_BRANCHES:
        yield flag_of_device(circle, Reason.FEW_BRANCHES_LEFT, circle.device)


def gone(circle: OpenCircle, plan: Plan) -> Iterator[tuple[Reason, DeviceId]]:
    """Whose standing facts this step ended: a gap is filled, or a device went on from both sides of its fork."""
    chains = circle.replica.held.chains
    for chain in plan.commit.chains:
        yield Reason.UNATTACHED, chain.device
    for entry in plan.commit.entries:
        if sequence_of(entry.slot) == 1 and entry.parents:  # a new incarnation names what it continues
            device = chains[chain_of(entry.slot)].device
            if any(chains[chain_of(slot)].device == device for slot in unpack_slots(entry.parents)):
                yield Reason.FORK, device


def flag_of_device(circle: OpenCircle, reason: Reason, device: DeviceId) -> Flag:
    return Flag(reason, device, circle.replica.name(device), None)


def encode(flags: Iterable[Flag]) -> bytes:
    """For the circle's own database."""
    return codec.encode([[flag.reason.value, flag.device, flag.case] for flag in flags])


def decode(circle: OpenCircle, raw: bytes | None) -> list[Flag]:
    """What was kept; a row that cannot be read is left out, for a newer version may have written it."""
    try:
        rows = codec.decode(raw or b"\x90", _MOST_BYTES, "flags")
    except PeerError:
        return []
    found = []
    for row in rows if isinstance(rows, list) else []:
        match row:
            case [str(reason), bytes(device), (bytes() | None) as case] if reason in set(Reason):
                author = circle.replica.name(DeviceId(device))
                found.append(Flag(Reason(reason), DeviceId(device), author, None if case is None else CaseId(case)))
    return found
