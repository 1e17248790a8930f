"""The balance between two devices: whether both hold the same."""

from __future__ import annotations

from typing import NamedTuple


class Balance(NamedTuple):
    """What each side is known to hold that the other lacks, in entries."""

    lacks: int  # the peer, of what is here
    owes: int  # the peer: it holds them, and they are not here
    moving: bool  # it has said or sent something that has not been dealt with yet
    declined: bool  # something of the peer did not attach here: a gap
    gaps: int  # entries that the peer does not hold whole

    @property
    def level(self) -> bool:
        """Whether both hold the same, as far as can be known here."""
        return self == (0, 0, False, False, 0)
