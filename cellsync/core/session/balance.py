"""The balance between two devices: whether both hold the same."""

from __future__ import annotations

from typing import NamedTuple


class Balance(NamedTuple):
    """What each side is known to hold that the other lacks, in entries."""

    lacks: int  # held here, and not by the peer
    owes: int  # held by the peer, and not here
    moving: bool  # the peer has said or sent something that is not processed yet
    declined: bool  # something from the peer did not attach here: a gap
    gaps: int  # entries that the peer does not hold in full

    @property
    def level(self) -> bool:
        """Whether both hold the same, as far as is known here."""
        return self == (0, 0, False, False, 0)
