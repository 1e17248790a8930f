"""Flags: what arrived and needs a person's eye. Nothing flagged is lost, and a flag alone blames nobody."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from cellsync.core.history.entry import Entry, chain_of
from cellsync.core.ids import CaseId, DeviceId
from cellsync.core.stage import Plan
from cellsync.core.wire.messages import ChainName
from cellsync.node.circle import OpenCircle


class Reason(StrEnum):
    NO_RIGHT = "no_right"  # its author's role did not allow it: held, not shown
    FUTURE = "future"  # dated more than a day ahead: shown
    UNATTACHED = "unattached"  # does not continue what is held here, a gap or a fork: not held
    FORK = "fork"  # a peer holds another entry in the place of one that is held here
    BURNT_CODES = "burnt_codes"  # three short codes of this device were used up by wrong guesses: is someone guessing?


class Flag(NamedTuple):
    reason: Reason
    device: DeviceId  # whose entries they are, or whose codes they were
    author: str
    case: CaseId | None

    def __repr__(self) -> str:
        return f"<flag {self.reason.value}>"  # no name


def flags_of(circle: OpenCircle, plan: Plan) -> Iterator[Flag]:
    """What is flagged in a step that has just been taken."""

    def flag(reason: Reason, entry: Entry) -> Flag:
        device = circle.replica.held.chains[chain_of(entry.slot)].device
        return Flag(reason, device, circle.replica.name(device), circle.replica.held.case_ids.get(entry.case))

    yield from (flag(Reason.NO_RIGHT, entry) for entry in plan.void)
    yield from (flag(Reason.FUTURE, entry) for entry in plan.skewed)
    yield from (flag_of_chain(circle, Reason.UNATTACHED, chain) for chain in plan.refused)


def flag_of_chain(circle: OpenCircle, reason: Reason, chain: ChainName) -> Flag:
    return Flag(reason, chain[0], circle.replica.name(chain[0]), None)
