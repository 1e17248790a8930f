"""Replicas in memory: the devices of the core's tests.

The core does no I/O, so its tests need neither a network nor a vault nor a node, but only a replica, its store in
memory, the secrets of its device, and a clock and entropy that the test sets. `cellsync.testing.SimulatedDevice` is a
device with a whole cell, and costs accordingly more.
"""

from __future__ import annotations

import random
from functools import cached_property, lru_cache

from cellsync.core.crypto.ratchet import Branches
from cellsync.core.history.chain import Chain
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.ids import (
    CaseId,
    CircleId,
    Day,
    DeviceId,
    EntryId,
    EpochId,
    Incarnation,
    Millis,
    SessionPublic,
)
from cellsync.core.membership.control import Admit, DeviceKeys, Role, encode_admit
from cellsync.core.membership.epochs import Epochs, SessionKey, WantedEpoch
from cellsync.core.membership.holders import Holders
from cellsync.core.replica.detached import DetachedEntries
from cellsync.core.replica.founding import ENTROPY as FOUND_ENTROPY
from cellsync.core.replica.founding import DeviceSecrets, device_secrets, found
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.stage import Plan
from cellsync.core.replica.surplus import Surplus
from cellsync.core.session.view import Extent
from cellsync.core.wire import operations
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.detached import Detached
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.places import Line
from cellsync.core.wire.tags import Kind
from cellsync.ledger import audience
from cellsync.ledger.view import ReplicaView
from cellsync.store.sqlite import SqliteStore

START = Millis(1_790_000_000_000)  # some day in 2026


class MemoryReplica(ReplicaView):
    """The replica of one device of one circle, and what a shell would hold beside it."""

    def __init__(
        self, circle: CircleId, secrets: DeviceSecrets, device: DeviceId, incarnation: Incarnation, seed: int
    ) -> None:
        self.random = random.Random(seed)
        self.store = SqliteStore.in_memory()
        super().__init__(circle, self.store)
        self.secrets = secrets
        self.device = device
        self.detached = DetachedEntries(self.replica, self.store, device)
        self.line: Line = (device, incarnation)
        self.epochs = Epochs(circle)
        self.holders = Holders()
        self.chosen: EpochId | None = None
        self.wanted: WantedEpoch | None = None  # the chosen epoch, if its states are lacking
        self.surplus = Surplus()
        self.now = START
        self.other_days: list[Day] = []  # on which others are known to be
        self.sponsor: tuple[DeviceId, SessionPublic] | None = None

    @cached_property
    def public(self) -> DeviceKeys:
        return self.secrets.public

    # --- writing ---------------------------------------------------------------------------------

    def write(self, *intentions: Intention) -> Plan:
        plan = self.replica.plan_writes(self.line, self.secrets.signing, list(intentions), self.now)
        return self.commit(plan)

    def edit(self, case: CaseId, *ops: Operation) -> EntryId:
        shape = operations.encode_shape(ops)
        content = operations.encode_content(self.random.randbytes(16), ops)
        return self.write(Intention(Kind.CASE, case, shape, content)).commit.entries[0].id

    def admit(self, keys: DeviceKeys, name: str, role: Role = Role.WRITER) -> DeviceId:
        shape, content = encode_admit(Admit(role, keys, name), self.random.randbytes(16))
        plan = self.write(Intention(Kind.ADMIT, CaseId(self.replica.circle.id), shape, content))
        return DeviceId(plan.commit.entries[0].id)

    def receive(self, batch: Batch, peer: DeviceId | None = None) -> Plan:
        plan = self.commit(self.replica.plan(batch, self.surplus.room(self.replica.held, peer)))
        if peer is not None:
            self.surplus.take(plan.surplus, peer)
        return plan

    def commit(self, plan: Plan) -> Plan:
        self.store.write(plan.commit)
        self.store.flush()
        self.replica.advance(plan)
        self.detached.attached(plan.controls)
        return plan

    # --- the view of a session -------------------------------------------------------------------

    def session_keys(self) -> list[SessionKey]:
        return self.epochs.session_keys(self.now, self.other_days)

    def keys_on(self, day: Day) -> list[SessionKey]:
        return self.epochs.keys_on(day)

    def offer_key(self, day: Day, peer: SessionPublic) -> SessionKey:
        known = [self.holders.of(device) for device in self.replica.circle.devices_with(peer)]
        return self.epochs.offer_key(day, known, self.now)

    def accepts(self, epoch: EpochId, caller: SessionPublic) -> bool:
        device = self.device_with(caller)
        devices = () if device is None else self.replica.circle.devices_with(caller) or (device,)
        return self.epochs.accepts(epoch, [self.holders.rank(each) for each in devices])

    def wanted_epoch(self) -> WantedEpoch | None:
        return self.wanted

    def handed_over(self, epoch: EpochId) -> Branches | None:
        return self.epochs.states(epoch, self.now) if epoch == self.chosen else None

    def device_with(self, key: SessionPublic) -> DeviceId | None:
        if self.sponsor is not None and key == self.sponsor[1] and not self.replica.circle.is_active(self.device):
            return self.sponsor[0]
        return next(iter(self.replica.circle.devices_with(key)), None)

    def extent(self, key: SessionPublic) -> Extent:
        devices = self.replica.circle.devices_with(key)
        if self.detached.withholds(devices, self.now):
            return Extent.NOTHING
        return audience.extent(self.replica, devices) if devices else Extent.ALL  # a sponsor, of whom nothing is here

    def last_told(self, key: SessionPublic) -> int:
        return audience.last_told(self.replica, self.store, self.replica.circle.devices_with(key))

    def own_chains(self, key: SessionPublic) -> list[Chain]:
        return [one for device in self.replica.circle.devices_with(key) for one in self.replica.held.of_device(device)]

    def to_tell(self, key: SessionPublic) -> list[tuple[EntryId, Detached]]:
        return self.detached.to_tell(self.replica.circle.devices_with(key), self.now)

    def own(self) -> Chain | None:
        """The only branch of the chain that it writes."""
        return next(iter(self.branches(self.line)), None)

    def own_admission(self) -> int:
        return self.replica.arrival_of(self.device)

    def known_of(self, taker: MemoryReplica) -> dict[int, int]:
        """How far the taker holds each branch that is held here, found entry by entry."""
        known: dict[int, int] = {}
        for chain in self.replica.held.chains.values():
            for sequence in range(chain.length, chain.first - 1, -1):
                entry = self.entry_id(chain.number, sequence)
                if entry is not None and taker.find(chain.line, sequence, entry) is not None:
                    known[chain.number] = sequence
                    break
        return known


@lru_cache
def drawn_secrets(entropy: bytes) -> DeviceSecrets:
    """Of a device in a test: to make them takes as long as ten edits, and most tests draw the same."""
    return device_secrets(entropy)


def founded(name: str = "ana", seed: int = 1) -> MemoryReplica:
    source = random.Random(seed)
    secrets = drawn_secrets(source.randbytes(96))
    founding = found("Mill Street", name, secrets.public, START, source.randbytes(FOUND_ENTROPY))
    device = MemoryReplica(founding.circle, secrets, DeviceId(founding.circle), founding.incarnation, seed)
    device.write(founding.intention)

    device.epochs.add(EpochId(founding.circle), founding.branches)
    return device


def admitted(sponsor: MemoryReplica, name: str, seed: int, role: Role = Role.WRITER) -> MemoryReplica:
    """A device that has been admitted by `sponsor`, and has heard nothing else yet."""
    source = random.Random(seed)
    secrets = drawn_secrets(source.randbytes(96))
    identity = sponsor.admit(secrets.public, name, role)
    device = MemoryReplica(sponsor.replica.circle.id, secrets, identity, Incarnation(source.randbytes(8)), seed)
    device.epochs.add(sponsor.epochs.newest, sponsor.epochs.today(sponsor.now))
    device.sponsor = sponsor.device, sponsor.public.session
    device.now = sponsor.now
    return device


def pass_on(giver: MemoryReplica, taker: MemoryReplica) -> list[Plan]:
    """Everything the taker lacks, batch by batch, without a session."""
    known = giver.known_of(taker)
    peer = PeerHoldings(known, (), taker.frontier().equivocators)
    cursor = giver.cursor_for(peer)
    plans: list[Plan] = []
    while True:
        served = giver.serve(cursor, peer, giver.last_arrival())
        if served.batch is None:
            return plans
        cursor = served.cursor
        known.update(served.reaches)
        plans.append(taker.receive(served.batch))


def three() -> tuple[MemoryReplica, MemoryReplica, MemoryReplica]:
    """Ana, who has founded the circle, and two whom she has admitted; all hold the same."""
    ana = founded()
    bea, eva = admitted(ana, "bea", 2), admitted(ana, "eva", 3)
    for device in (bea, eva):
        pass_on(ana, device)
    return ana, bea, eva


def pair() -> tuple[MemoryReplica, MemoryReplica]:
    """Ana, who has founded the circle, and Bea, whom she has admitted."""
    ana = founded()
    bea = admitted(ana, "bea", 2)
    pass_on(ana, bea)
    return ana, bea
