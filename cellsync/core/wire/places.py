"""How two devices refer to places in a history: by ids, since branch numbers are local to each store.

An entry's id names its whole past, so (device, incarnation, sequence, id) identifies the side of a fork, whichever
side either device saw first. (protocol/30-history.md, Chains and Frontier)
"""

from __future__ import annotations

from typing import NamedTuple

from cellsync.core.ids import DeviceId, EntryId, Incarnation

Line = tuple[DeviceId, Incarnation]
"""The identity of a chain, shared by the entries of all its branches."""


class Head(NamedTuple):
    """The newest entry of a branch: it names everything before it."""

    device: DeviceId
    incarnation: Incarnation
    sequence: int
    id: EntryId

    @property
    def line(self) -> Line:
        return self.device, self.incarnation


class Gap(NamedTuple):
    """A slice whose `previous` or parents are not held."""

    line: Line
    last: int  # sequence of the slice's last entry


class Frontier(NamedTuple):
    """Everything a replica says about its holdings. Signatures are left out: two replicas with the same entries
    agree, whichever signatures came with them."""

    heads: frozenset[Head]  # the newest entry of every branch
    equivocators: frozenset[DeviceId] = frozenset()  # devices of which more than caps.BRANCHES branches are held
    gaps: frozenset[Head] = frozenset()  # entries not held in full
