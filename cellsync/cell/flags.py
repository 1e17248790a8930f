"""Flags: what arrived and needs a person's eye. Nothing flagged is lost, and a flag alone blames nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from cellsync.core.errors import PeerError
from cellsync.core.history.entry import Entry, chain_of
from cellsync.core.ids import CaseId, DeviceId
from cellsync.core.stage import Plan
from cellsync.core.wire import codec
from cellsync.core.wire.messages import ChainName
from cellsync.node.circle import OpenCircle

_MOST_BYTES: Final = 1 << 18


class Reason(StrEnum):
    NO_RIGHT = "no_right"  # its author's role did not allow it: held, not shown
    FUTURE = "future"  # dated more than a day ahead: shown
    UNATTACHED = "unattached"  # does not continue what is held here, a gap or a fork: not held
    FORK = "fork"  # a peer holds another entry in the place of one that is held here
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
    yield from (flag_of_chain(circle, Reason.UNATTACHED, chain) for chain in plan.refused)


def flag_of_chain(circle: OpenCircle, reason: Reason, chain: ChainName) -> Flag:
    return Flag(reason, chain[0], circle.replica.name(chain[0]), None)


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
