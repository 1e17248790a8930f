"""How two devices speak of places in a history: by ids, for each store numbers its branches by itself.

An entry's id names its whole past, so (device, incarnation, sequence, id) says which side of a fork is meant,
whichever side either device saw first. (protocol/30-history.md, Chains and Frontier)
"""

from __future__ import annotations

from typing import NamedTuple

from cellsync.core.ids import DeviceId, EntryId, Incarnation

Line = tuple[DeviceId, Incarnation]
"""What the entries of one chain have in common, whatever its branches."""


class Head(NamedTuple):
    """The newest entry of a branch: it names all that comes before it."""

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
    """All that a replica says of what it holds. Signatures are left out: two replicas that hold the same entries
    agree, whichever signatures came with them."""

    heads: frozenset[Head]  # the newest entry of every branch
    equivocators: frozenset[DeviceId] = frozenset()  # devices of which more than caps.BRANCHES branches are held
    gaps: frozenset[Head] = frozenset()  # entries that are not held whole
