"""What the rules have said of smaller sets: each rule asks only for sets that are strictly smaller than its own.

That is why they end: the past of a deed in a set, or what two pasts share, lacks at least that deed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from cellsync.core.membership.deeds import NOBODY, Bit
from cellsync.core.membership.label import Label


class Verdicts(Protocol):
    """What is decided within a set of deeds that holds the past of each of them."""

    def electors(self, within: int, parties: frozenset[Bit] = NOBODY) -> frozenset[Bit]:
        """Rule 8."""

    def forked(self, within: int) -> int:
        """Rule 9: the strikes and votes that are OUT because their device forked."""

    def by_paper(self, within: int) -> Mapping[Bit, Label]:
        """Rule 12: the labels of what recovery keys signed."""

    def frozen(self, within: int) -> int:
        """Rules 9 and 9b."""

    def labels(self, within: int) -> Mapping[Bit, Label]:
        """Rules 2 to 6, of the ballots: grants, strikes, endorsements and recovery keys."""
