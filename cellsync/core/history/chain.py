"""Chains: the entries of one device in one circle and incarnation, linked by `previous`."""

from __future__ import annotations

from typing import NamedTuple

from cellsync.core.ids import Branch, DeviceId, EntryId, Incarnation
from cellsync.core.wire.messages import ChainName


class Chain(NamedTuple):
    """One chain and its newest entry here. `length` 0 means that nothing of it is held yet."""

    number: int  # local, from 1
    device: DeviceId
    incarnation: Incarnation
    branch: Branch
    length: int  # sequence of its newest entry
    head: EntryId  # id of that entry
    height: int
    past: int  # number of the control past of that entry
    cited: bool  # whether another entry names it as a parent, so that it is no head of the history


def name_of(chain: Chain) -> ChainName:
    """What a chain is called between devices; numbers are local."""
    return chain.device, chain.incarnation, chain.branch
