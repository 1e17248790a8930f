"""The chain that this device writes on, and its incarnations.

A store that was copied, or restored from a backup, must not continue the chain it finds: the other copy may have done
so. It takes a new incarnation with its next entry, and its order of arrival a new life with its next commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeGuard

from cellsync.core import caps, drawers
from cellsync.core.errors import OutOfBranches
from cellsync.core.history.chain import Chain
from cellsync.core.history.store import Store
from cellsync.core.ids import INCARNATION_BYTES, DeviceId, Incarnation, Millis
from cellsync.core.replica.stage import Plan
from cellsync.core.wire.places import Line
from cellsync.ledger.surroundings import Surroundings
from cellsync.store.backup import time_of


class OwnChain:
    """Where this device's next entry goes."""

    def __init__(self, device: DeviceId, store: Store, surroundings: Surroundings) -> None:
        self.line: Line = (device, Incarnation(store.kept(drawers.INCARNATION) or b""))
        self._store = store
        self._surroundings = surroundings
        # None: this store is no copy, or has taken a new incarnation since.
        self._renewal_due = store.kept(drawers.RENEWAL_DUE)
        # Distinguishes the order of arrival of this store from every other.
        self.life, self._life_unkept = self._life_of(store)

    @property
    def renewal_due(self) -> bool:
        """Whether the next entry begins a new incarnation: this store is a copy, or was restored from one."""
        return self._renewal_due is not None

    @property
    def copied_at(self) -> Millis | None:
        """When the backup was taken from which this store comes, until something is written to it."""
        return time_of(self._renewal_due)

    def next_line(self, branches_used: int) -> Line:
        """Where the next entry goes. Raises OutOfBranches before the last branch: it is left as a reserve."""
        if not self.renewal_due:
            return self.line
        if branches_used >= caps.BRANCHES - 1:
            raise OutOfBranches
        return self.line[0], Incarnation(self._surroundings.entropy(INCARNATION_BYTES))

    def is_elsewhere(self, plan: Plan, chains: Mapping[int, Chain]) -> bool:
        """Whether a peer delivers entries that this device wrote in its present incarnation, but does not hold.

        Then its store was restored from a backup, or copied: writing on that chain would fork it. Entries are proof,
        since nobody else can sign them; a frontier that merely claims them proves nothing.
        """
        new = {chain.number: chain for chain in plan.commit.chains}
        # each entry's branch has an arrival: a step has few of these, and thousands of entries
        return any(
            (new.get(arrival.chain) or chains[arrival.chain]).line == self.line for arrival in plan.commit.arrivals
        )

    # --- with a commit ---------------------------------------------------------------------------------

    def take_new_life(self) -> None:
        """Stage that entries of ours were elsewhere. Call `renew` when it is durable.

        Durable together with the evidence: a device that forgot it would fork its chain with the next write. And the
        order of arrival has diverged from that of the original store: no cursor fits both.
        """
        self._store.keep(drawers.RENEWAL_DUE, b"1")
        self.life, self._life_unkept = Incarnation(self._surroundings.entropy(INCARNATION_BYTES)), True

    def renew(self) -> None:
        """The next entry begins a new incarnation."""
        self._renewal_due = b"1"

    def stage(self, written: Line | None) -> None:
        """Stage what is stored with a commit: about the chain that it continues or begins, if it is ours."""
        if self._life_unkept:
            self._store.keep(drawers.LIFE, self.life)
        if self._is_new(written):  # in one transaction with its first entry
            self._store.keep(drawers.INCARNATION, written[1])
            self._store.forget(drawers.RENEWAL_DUE)

    def went_on(self, written: Line | None) -> None:
        """Everything staged is durable."""
        self._life_unkept = False
        if self._is_new(written):
            self.line, self._renewal_due = written, None

    def _is_new(self, written: Line | None) -> TypeGuard[Line]:
        return written is not None and written != self.line

    def _life_of(self, store: Store) -> tuple[Incarnation, bool]:
        """The life of the order of arrival, and whether it is yet to be stored.

        A copy's order diverges from the original's, so no cursor must fit both. Its life is drawn when it is opened and
        stored with the first commit: one backup may be restored, opened and lost any number of times.
        """
        kept = store.kept(drawers.LIFE)
        if kept is None and self.renewal_due:
            return Incarnation(self._surroundings.entropy(INCARNATION_BYTES)), True
        return (self.line[1] if kept is None else Incarnation(kept)), False
