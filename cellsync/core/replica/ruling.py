"""A ruling: what the rules of membership say of all that counts in a replica."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cellsync.core.ids import DeviceId, EntryId
from cellsync.core.membership.deeds import Bit
from cellsync.core.membership.deliberation import Decision
from cellsync.core.membership.label import Label
from cellsync.core.membership.place import Situation


class Ruling(NamedTuple):
    """What follows from one decision. Case entries of devices that are in no trouble are IN, or void."""

    decision: Decision
    labels: Mapping[Bit, Label]  # of ballots, and of what recovery keys signed
    situations: Mapping[DeviceId, Situation]  # of the devices in trouble
    released: frozenset[EntryId]  # what releases that are IN name
    heads: frozenset[EntryId]  # what they name with all that is before it in its chain

    @property
    def releases(self) -> bool:
        """Whether anything is released."""
        return bool(self.released or self.heads)


def rule(decision: Decision) -> Ruling:
    return Ruling(decision, decision.ballots, decision.situations, decision.released, decision.released_heads)
