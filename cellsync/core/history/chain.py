"""Chains: the entries of one device in one circle and incarnation, linked by `previous`; and the branches they have.

A chain that never forked is one branch. Where two entries name the same `previous` it forks, and each side continues as
a branch of its own. Branches have no names: an entry's id names its whole past, so a place in a chain is (device,
incarnation, sequence, id), which two devices can refer to whichever side either saw first. Branch numbers, and the
branch to which the common beginning belongs, are local to each store. (protocol/30-history.md, Chains)
"""

from __future__ import annotations

from typing import NamedTuple

from cellsync.core.ids import DeviceId, EntryId, Incarnation
from cellsync.core.wire.places import Head, Line


class Chain(NamedTuple):
    """One branch as stored here, and its newest entry. If `length` is below `first`, nothing of it is held yet."""

    number: int  # local, from 1
    device: DeviceId
    incarnation: Incarnation
    base: int  # number of the branch that this one leaves, 0 if it begins the chain
    first: int  # sequence of its first entry: 1, or the place of the fork
    length: int  # sequence of its newest entry
    head: EntryId  # id of that entry
    height: int
    past: int  # number of the control past of that entry
    cited: bool  # whether another entry names that entry as a parent, so that it is no head of the history

    @property
    def line(self) -> Line:
        return self.device, self.incarnation


def head_of(chain: Chain) -> Head:
    return Head(chain.device, chain.incarnation, chain.length, chain.head)
