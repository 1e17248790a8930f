"""A replica: one device's whole knowledge of one circle.

replica.plan(batch)        -> Plan      pure; reads through the store's port
store.write(plan.commit); store.flush() the only write
replica.advance(plan)                   takes in what is now durable
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cellsync.core.case.fold import CaseState
from cellsync.core.case.states import States
from cellsync.core.crypto import labels, primitives
from cellsync.core.errors import VaultDamaged
from cellsync.core.history import serving
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import (
    Entry,
    Outline,
    Standing,
    chain_of,
    outline,
    sequence_of,
    unpack_slots,
)
from cellsync.core.history.fork_proof import ForkProof, Side
from cellsync.core.history.holdings import OWN_CASE, Holdings
from cellsync.core.history.serving import PeerHoldings, Served
from cellsync.core.history.store import Store
from cellsync.core.history.withholding import Withheld
from cellsync.core.ids import NO_ID, CaseId, CircleId, DeviceId, EntryId, Millis, SigningSecret
from cellsync.core.membership import floor
from cellsync.core.membership.charter import Charter
from cellsync.core.membership.circle import Circle
from cellsync.core.membership.control import Role
from cellsync.core.membership.deeds import Bit
from cellsync.core.membership.deliberation import Decision
from cellsync.core.membership.editions import OURS, Edition
from cellsync.core.membership.recovery import RecoveryKeys
from cellsync.core.replica.choices import Choices, choices
from cellsync.core.replica.court import Court
from cellsync.core.replica.planner import Intention, plan_batch, plan_writes
from cellsync.core.replica.stage import Judge, Plan
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.places import Frontier, Line
from cellsync.core.wire.tags import Kind

_MOST_OUTLINES: Final = 20_000  # of one proof: it stays within caps.FORK_PROOF unless entries have many parents


class Replica:
    """The entries held, the members known and the cases folded, loaded from a store and kept level with it."""

    def __init__(self, circle: CircleId, store: Store, edition: Edition = OURS) -> None:
        self.held = Holdings.load(circle, store)
        self.circle = Circle(circle, edition=edition)
        self.charter = Charter()
        self.waived = floor.LOWEST  # the floor that the user of this device has set aside
        self.states = States(self.held, store)
        self._store = store
        self._digest: bytes | None = None
        for number, bits in store.pasts():
            self.circle.pasts.restore(number, bits)
        slots = self._load()
        self.held.count_anew(store)
        self.court = Court(self.circle, self.held, store, slots)
        self.judge: Judge = self.court.judge
        self._lay_floor()

    def _load(self) -> dict[Bit, int]:
        """Take in the control entries that are held; returns the slots of deeds."""
        slots: dict[Bit, int] = {}
        edition, pasts = self.circle.edition, self.circle.pasts
        entries = list(self.held.controls(self._store, edition.known))
        entries.sort(key=lambda entry: pasts.newest(entry.past))  # a deed's own bit is the newest of its past
        for entry in entries:
            author = self.held.chains[chain_of(entry.slot)].device
            operation = edition.decode(entry.kind, entry.shape, entry.content, held=True)
            past = pasts.without(entry.past, self.circle.next_bit)
            self.circle.add(entry.id, entry.kind, past, author, operation, entry.height)
            bit = self.circle.bit(entry.id)
            if bit is not None:
                slots[bit] = entry.slot
            self.charter.take(entry.id, entry.slot, author, operation, entry.height)
        return slots

    # --- the step ----------------------------------------------------------------------------------

    def plan(self, batch: Batch, room: Mapping[DeviceId, int] | None = None) -> Plan:
        """What a peer's batch would change. Raises PeerError if the batch breaks a rule.

        `room`: how many uncited branches of each equivocator may be taken (core/replica/surplus.py).
        """
        return plan_batch(self.held, self.circle, self._store, batch, room or {}, self.judge)

    def plan_writes(self, line: Line, secret: SigningSecret, intentions: list[Intention], now: Millis) -> Plan:
        """What writing these entries would change. Raises TooLarge."""
        return plan_writes(self.held, self.circle, self._store, line, secret, intentions, now, self.judge)

    def advance(self, plan: Plan, *, fold: bool = True, begin: bool = True) -> None:
        """Take in a plan whose commit is durable. Without `fold`, call `fold` next. `begin`: as in `fold`."""
        self.held.advance(plan.commit)
        self._digest = None
        if plan.circle is not self.circle:
            self.circle.take(plan.circle)
        self.held.counted = plan.counted
        if plan.controls or plan.ruling is not None or self.court.ruling.heads:
            self._advance_circle(plan)
        if fold:
            self.fold(plan, begin=begin)

    def _advance_circle(self, plan: Plan) -> None:
        slots: dict[Bit, int] = {}
        for entry in plan.controls:
            bit = self.circle.bit(entry.id)
            if bit is not None:
                slots[bit] = entry.slot
            if entry.standing != Standing.VOID:
                author = self.held.chains[chain_of(entry.slot)].device
                operation = self.circle.edition.decode(entry.kind, entry.shape, entry.content, held=True)
                self.charter.take(entry.id, entry.slot, author, operation, entry.height)
        self.court.advance(plan.ruling, slots, plan.commit.entries)
        self._lay_floor()

    def fold(self, plan: Plan, *, begin: bool = True, folded: bool = False) -> None:
        """The part of taking in a plan that only affects cases, and may take long. `begin`: as in `States.apply`.

        `folded`: whether its changes were folded before it was durable, which only a plan without refolding allows.
        """
        self.held.take_cases(plan.commit.cases)
        if folded:
            self.states.evict()
        else:
            self.states.forget(plan.commit.refolded)
            self.states.apply(plan.changes, begin=begin)

    # --- what coordinators have laid down -----------------------------------------------------------

    def _lay_floor(self) -> None:
        """The least edition with which this circle may be used. An equivocator's word is not heard."""
        decision, ruled = self.court.ruling.decision, bool(self.circle.edition.paper)
        coordinators = [
            (one.member, one.device)
            for one in self.circle.active()
            if self.circle.current_role(one.device) is Role.COORDINATOR
            and one.device not in self.held.equivocators
            and (not ruled or one.member in decision.electors)
        ]
        self.floor = self.charter.floor(self._stands, coordinators, decision.papers if ruled else ())
        self.choices = self._chosen(decision)

    def _chosen(self, counts: Decision) -> Choices:
        """What has been chosen together. `counts`: says whose words count."""
        decision = self.court.ruling.decision
        return choices(self.circle, self.charter, counts, decision, self.held.equivocators)

    def _stands(self, entry: EntryId, slot: int) -> bool:
        """Whether a control entry that is not void counts, and is IN."""
        decision = self.court.ruling.decision
        return decision.is_in(entry) if self.circle.bit(entry) is not None else self.held.counts(slot)

    @property
    def is_outdated(self) -> bool:
        """Whether this build is below the floor: it then writes nothing here, and hands nothing out."""
        return self.floor > max(self.circle.edition.number, self.waived)

    def requires(self, device: DeviceId) -> int:
        """The greatest edition that a device requires of this circle."""
        return self.charter.word(device, self._stands)

    def recovery_keys(self) -> list[RecoveryKeys]:
        """The recovery keys in force, in order of arrival."""
        return list(self.papers().values())

    def papers(self) -> dict[EntryId, RecoveryKeys]:
        """The same by the entries that brought them in."""
        if self.circle.edition.paper:
            return self.charter.opening(self._stands, self.court.ruling.decision.replaced_papers)
        return self.charter.recovery_keys(self.circle.id, self._stands)

    def speaks(self, paper: DeviceId) -> bool:
        """Whether a recovery key speaks for the circle. `paper`: the id under which it writes."""
        return paper in self.charter.devices(self.court.ruling.decision.papers)

    # --- what peers ask ------------------------------------------------------------------------------

    def frontier(self) -> Frontier:
        return self.held.frontier()

    def agreed(self) -> list[tuple[int, int]]:
        """What a device with the same digest holds of each branch: all that counts. The rest may differ."""
        return list(self.held.counted_lengths())

    def digest(self) -> bytes:
        """32 bytes that say which entries count."""
        if self._digest is None:  # cached, because peers and people ask for it often
            self._digest = self.held.digest(self.held.equivocators - self.hidden)
        return self._digest

    @property
    def hidden(self) -> frozenset[DeviceId]:
        """Equivocators whose introduction does not count: a peer that does not hold it need not know of them."""
        return frozenset(device for device in self.held.equivocators if not self.circle.is_active(device))

    def find(self, line: Line, sequence: int, entry: EntryId) -> int | None:
        """The number of the branch that holds this entry, None if it is not held."""
        return self.held.find(self._store, line, sequence, entry)

    def entry_id(self, branch: int, sequence: int) -> EntryId | None:
        """The id of the entry at a place on the way to a branch's head."""
        entry = self._store.entry_at(self.held.slot_on(branch, sequence))
        return None if entry is None else entry.id

    def cursor_for(self, peer: PeerHoldings) -> int:
        return serving.start(self.held, self._store, peer)

    def lacking(self, peer: PeerHoldings) -> int:
        return serving.lacking(self.held, peer)

    def serve(self, cursor: int, peer: PeerHoldings, until: int, withheld: Withheld = Withheld.NOTHING) -> Served:
        return serving.serve(self.held, self._store, cursor, peer, until, withheld)

    def introduction_of(self, device: DeviceId) -> int | None:
        """The slot of the entry that introduces a device."""
        bit = self.circle.bit(EntryId(device))
        return None if bit is None or self.circle.grant(device) is None else self.court.slots[bit]

    def arrival_of(self, device: DeviceId) -> int:
        """The arrival that brought a device's introduction, or its first entry if it has written; 0 if neither is here.

        A device that was admitted by what turned out to be an equivocator is a member through its own entries.
        """
        slot = self.introduction_of(device)
        if slot is None:
            return 0
        own = [branch.number for branch in self.held.of_device(device) if branch.first == 1]
        first = min((self._store.first_arrival(number, 1) for number in own), default=0)
        return max(first, self._store.first_arrival(chain_of(slot), sequence_of(slot)))

    # --- forks ---------------------------------------------------------------------------------------

    def forks(self) -> list[Chain]:
        """The branches that begin where a branch that arrived earlier continues: each is a fork."""
        beside = ((chain, self.held.sibling(chain)) for chain in self.held.chains.values())
        return [chain for chain, other in beside if other is not None and other.number < chain.number]

    def fork_proof(self, branch: int) -> ForkProof | None:
        """Proof that this branch and another begin in one place; None if none does, or the proof would be too large."""
        chain = self.held.chains[branch]
        other = self.held.sibling(chain)
        if other is None:
            return None
        before = EntryId(NO_ID) if chain.first == 1 else self.entry_id(branch, chain.first - 1)
        sides = [self._side(branch, chain.first) for branch in (chain, other)]
        if before is None or sum(len(side.outlines) for side in sides) > _MOST_OUTLINES:
            return None
        proof = ForkProof(self.circle.id, *chain.line, chain.first, before, (sides[0], sides[1]))
        return proof if proof.ids(sides[0]) < proof.ids(sides[1]) else proof._replace(sides=(sides[1], sides[0]))

    def _side(self, chain: Chain, first: int) -> Side:
        """The entries of a branch from `first` up to the next signature."""
        last = self._store.signed_at(chain.number, first)
        entries = self._store.chain_slice(chain.number, first, last)
        signature = entries[-1].signature
        if signature is None:
            raise VaultDamaged
        return Side([self.outline(entry) for entry in entries], signature)

    def outline(self, entry: Entry) -> Outline:
        case = CaseId(NO_ID) if entry.kind == Kind.FOUND else self.held.case_ids[entry.case]
        cited = (self._store.entry_at(slot) for slot in unpack_slots(entry.parents))
        return outline(entry, case, [parent.id for parent in cited if parent is not None])

    # --- what people ask -----------------------------------------------------------------------------

    def read(self, case: CaseId) -> CaseState | None:
        """The whole state of a case, or None if no entry of it that counts is held."""
        number = self.held.cases.find(case)
        state = self.states.read(number) if self.held.heads.of(number) else None
        return state if state is not None and state.counted else None

    def shows(self, case: CaseId) -> bool:
        """Whether any entry of a case counts: otherwise the case is treated as absent."""
        number = self.held.cases.find(case)
        head = self.held.heads.of(number)
        if not head:
            return False
        newest = self._store.entry_at(head)  # it nearly always counts, and reading it is cheaper than folding the case
        return (newest is not None and self.held.shows(newest)) or bool(self.states.get(number).counted)

    def state_digest(self) -> bytes:
        """32 bytes that are equal on devices whose cases read the same."""
        cases = sorted(case for case, number in self.held.cases.items() if number != OWN_CASE)
        states = ((case, self.read(case)) for case in cases)
        return primitives.blake2b(
            labels.STATE, b"".join(case + state.digest() for case, state in states if state is not None)
        )

    def name(self, device: DeviceId) -> str:
        return self.circle.name(device)
