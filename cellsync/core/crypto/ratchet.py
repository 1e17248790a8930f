"""The four branches of an epoch, each ratcheted one way per UTC day.

    state(b, d0)    = BLAKE2b-256(label of b, d0, key = root)         d0: the day the epoch began
    state(b, d + 1) = BLAKE2b-256(RATCHET, d + 1, key = state(b, d))

The root is deleted as soon as the branches are derived, and a state as soon as its day is no longer needed: a thief
who seizes a device reads forward from the oldest state it still holds, never back. The branches are independent, so
keeping an old spool state for a straggler's parcels does not keep old sessions readable, and pairing hands over
today's states only. The floors above decide which day is used and when a state is deleted.
"""

from __future__ import annotations

import hmac
from typing import Final, NamedTuple

from cellsync.core import caps
from cellsync.core.crypto import labels
from cellsync.core.crypto.primitives import KEY_BYTES, blake2b
from cellsync.core.errors import InvalidValue, Malformed
from cellsync.core.ids import BranchState, CircleId, Day, EpochSecret, Psk
from cellsync.core.rule import Rule

Encoded = tuple[int, bytes, bytes, bytes, bytes]
ENDS_AFTER: Final = 400  # days: what a rotation after the first commits to are the states so long after its day


class Branches(NamedTuple):
    """The states of an epoch's four branches on one day."""

    day: Day
    session: BranchState
    spool: BranchState
    discovery: BranchState
    bundle: BranchState

    def at(self, day: Day) -> Branches:
        """The states on `day`. `InvalidValue` for an earlier day, or one more than 4,000 days ahead."""
        return Branches(day, *(ratchet(state, self.day, day) for state in self[1:]))

    def encode(self) -> Encoded:
        """Plain values: the day, then the four states. Secret: for an encrypted container only."""
        session, spool, discovery, bundle = (state.reveal() for state in self[1:])
        return self.day, session, spool, discovery, bundle

    @classmethod
    def decode(cls, encoded: object) -> Branches:
        """The inverse of `encode`, from a tuple or list. `Malformed` for anything else."""
        match encoded:
            case [int(day), bytes(a), bytes(b), bytes(c), bytes(d)] if type(day) is int and 0 <= day < _DAYS:
                if len(a) == len(b) == len(c) == len(d) == KEY_BYTES:
                    return cls(Day(day), BranchState(a), BranchState(b), BranchState(c), BranchState(d))
        raise Malformed(Rule.EPOCH_BRANCHES)


def branches(root: EpochSecret, day: Day) -> Branches:
    """The four branches of an epoch that began on `day`. The caller deletes the root."""
    if not 0 <= day < _DAYS:
        raise InvalidValue("not a day")
    session, spool, discovery, bundle = (
        BranchState(blake2b(label, _encode_day(day), key=root.reveal()))
        for label in (
            labels.BRANCH_SESSION,
            labels.BRANCH_SPOOL,
            labels.BRANCH_DISCOVERY,
            labels.BRANCH_BUNDLE,
        )
    )
    return Branches(day, session, spool, discovery, bundle)


def ratchet(state: BranchState, held: Day, wanted: Day) -> BranchState:
    """One branch, from the day it is held for to a later one.

    `InvalidValue` for an earlier day (it cannot be computed: that is the point), or for one more than 4,000
    days ahead (a wrong clock must not cost minutes of hashing).
    """
    if not held <= wanted <= held + caps.RATCHET_DAYS:
        raise InvalidValue("a branch is ratcheted forward, and at most 4,000 days")
    key = state.reveal()
    for day in range(held + 1, wanted + 1):
        key = blake2b(labels.RATCHET, _encode_day(day), key=key)
    return BranchState(key)


def commitment(root: EpochSecret) -> bytes:
    """What the rotation in a `found` commits to, 32 bytes: its recipients check their wraps against it."""
    return blake2b(labels.COMMITMENT, b"", key=root.reveal())


def ends(begun: Branches) -> bytes:
    """What a rotation after the first commits to: the four states 400 days after the first day.

    Each later state of an epoch leads to these, so whoever is handed states of such a day can check them, and whoever
    opens a wrap has checked them all. `InvalidValue` for a day that has no such end.
    """
    end = begun.day + ENDS_AFTER
    if end >= _DAYS:
        raise InvalidValue("this epoch would end after the last day")
    return _ends_of(begun, Day(end))


def lead_to(handed: Branches, commitment: bytes, first: Day) -> bool:
    """Whether these are states of the epoch that a rotation after the first, of the day `first`, committed to."""
    end = first + ENDS_AFTER
    if not first <= handed.day <= end < _DAYS:
        return False
    return hmac.compare_digest(_ends_of(handed, Day(end)), commitment)


def _ends_of(states: Branches, end: Day) -> bytes:
    return blake2b(labels.ENDS, b"".join(state.reveal() for state in states.at(end)[1:]))


def session_psk(state: BranchState, circle: CircleId) -> Psk:
    """The psk of a circle's sessions on the day of `state`, a state of the session branch."""
    return Psk(blake2b(labels.PSK, circle, key=state.reveal()))


_DAYS = 1 << 32  # a day fits four bytes


def _encode_day(day: int) -> bytes:
    return day.to_bytes(4, "big")
