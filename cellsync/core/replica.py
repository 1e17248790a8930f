"""A replica: one device's whole knowledge of one circle.

replica.plan(batch, now)   -> Plan      pure; reads through the store's port
store.write(plan.commit); store.flush() the only write
replica.advance(plan)                   what is durable becomes what is known
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cellsync.core import serving
from cellsync.core.case.fold import CaseState
from cellsync.core.case.states import States
from cellsync.core.crypto import labels, primitives
from cellsync.core.history import frontier
from cellsync.core.history.entry import chain_of, sequence_of
from cellsync.core.holdings import Holdings
from cellsync.core.ids import CaseId, CircleId, DeviceId, EntryId, Millis, SigningSecret
from cellsync.core.membership import control
from cellsync.core.membership.circle import Circle
from cellsync.core.planner import Intention, plan_batch, plan_writes
from cellsync.core.ports import Store
from cellsync.core.serving import Served
from cellsync.core.stage import Plan
from cellsync.core.wire.messages import Batch, ChainName


class Replica:
    """Entries held, members known, cases folded; over a store that already holds what this was loaded from."""

    def __init__(self, circle: CircleId, store: Store) -> None:
        self.held = Holdings.load(circle, store)
        self.circle = Circle(circle)
        self.states = States(self.held, store)
        self._store = store
        self.circle.restore_pasts(store.pasts())
        for entry in self.held.introductions(store):
            author = self.held.chains[entry.slot >> 40].device
            operation = control.decode(entry.kind, entry.shape, entry.content)
            self.circle.add(entry.id, entry.kind, self.circle.without_newest(entry.past), author, operation)

    # --- the step ----------------------------------------------------------------------------------

    def plan(self, batch: Batch, now: Millis) -> Plan:
        """What a peer's batch would change. Raises PeerError if the batch breaks a rule."""
        return plan_batch(self.held, self.circle, self._store, batch, now)

    def plan_writes(self, chain: ChainName, secret: SigningSecret, intentions: list[Intention], now: Millis) -> Plan:
        """What writing these entries would change. Raises InvalidValue if one is too large."""
        return plan_writes(self.held, self.circle, chain, secret, intentions, now)

    def advance(self, plan: Plan, *, fold: bool = True) -> None:
        """Take in a plan whose commit is durable. Without `fold`, call `fold` next."""
        self.held.advance(plan.commit)
        self.circle = plan.circle
        if fold:
            self.fold(plan)

    def fold(self, plan: Plan) -> None:
        """The part of taking in a plan that only cases see, and that may take long."""
        self.states.apply(plan.changes)

    # --- what peers ask ------------------------------------------------------------------------------

    def frontier(self) -> dict[ChainName, tuple[int, EntryId]]:
        return self.held.frontier()

    def digest(self) -> bytes:
        """32 bytes that say which entries are held."""
        return frontier.digest(self.held.frontier())

    def serve(self, cursor: int, known: Mapping[int, int], refused: Collection[int], until: int) -> Served:
        return serving.serve(self.held, self._store, cursor, known, refused, until)

    def arrival_of(self, introduction: EntryId) -> int:
        """The number of the arrival that brought the entry which introduces a device, 0 if it is not here."""
        for entry in self.held.introductions(self._store):
            if entry.id == introduction:
                return self._store.first_arrival(chain_of(entry.slot), sequence_of(entry.slot))
        return 0

    # --- what people ask -----------------------------------------------------------------------------

    def read(self, case: CaseId) -> CaseState | None:
        """The whole state of a case, or None if nothing of it is here."""
        number = self.held.cases.get(case)
        return None if number is None or not self.held.heads.get(number) else self.states.read(number)

    def state_digest(self) -> bytes:
        """32 bytes that are equal on devices whose cases read the same."""
        states = (
            case + self.states.read(number).digest() for case, number in sorted(self.held.cases.items()) if number != 1
        )
        return primitives.blake2b(labels.STATE, b"".join(states))

    def name(self, device: DeviceId) -> str:
        return self.circle.name(device)
