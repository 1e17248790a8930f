"""An open circle: its replica, its store, and the one place where it commits.

    plan (pure)  ->  store.write, store.flush  ->  replica.advance  ->  watchers

One step at a time: `lock` is held to plan, to read the store and to commit. Frames and events leave only after the
flush. While the disk is quick the flush runs inline, because a hop to a thread and back costs as much as it does;
on a slow one it runs in a thread, so that a disk that takes its time does not stop the other sessions.

What grows with what somebody else wrote (a batch, the states of cases) is worked off in a thread, with the lock held:
a member can make this device busy, and must not make it deaf. What others read without the lock is changed in the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from time import perf_counter
from typing import Final, TypeVar

import trio

from cellsync.core import caps, drawers
from cellsync.core.crypto.ratchet import Branches
from cellsync.core.errors import CircleFull, DiskFull, Malformed, NotPermitted, OutOfBranches, StorageFailed
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import Entry, Standing, slot_of
from cellsync.core.history.serving import PeerHoldings, Served
from cellsync.core.history.store import Store
from cellsync.core.ids import (
    INCARNATION_BYTES,
    CaseId,
    CircleId,
    Day,
    DeviceId,
    EpochId,
    Incarnation,
    MemberId,
    Millis,
    SessionPublic,
    SigningSecret,
    day_of,
)
from cellsync.core.membership import epochs, rules
from cellsync.core.membership.clocks import Clocks, Difference
from cellsync.core.membership.control import Admit, DeviceKeys, Role, encode_admit
from cellsync.core.membership.epochs import Epochs, SessionKey
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.replica import Replica
from cellsync.core.replica.stage import Plan
from cellsync.core.replica.surplus import Surplus
from cellsync.core.session.building import Building
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.operations import SALT_BYTES
from cellsync.core.wire.places import Line
from cellsync.core.wire.tags import Kind
from cellsync.ledger.pause import collector_paused
from cellsync.ledger.source import OWN_HAND, FromSession, Source
from cellsync.ledger.surroundings import Surroundings
from cellsync.ledger.view import ReplicaView
from cellsync.store.backup import time_of

FURTHER: Final = 45  # days: how far from our day another device is looked for when a user waits for it
QUICK: Final = 0.003  # seconds: a flush that takes longer goes to a thread
LARGE: Final = 256  # entries of a step; with more it is worked off in a thread
LARGE_BYTES: Final = 64 << 10
MANY: Final = caps.DEVICES  # branches: to look at more of them may take long
FEW: Final = 16  # arrivals after which nothing came yet: a batch of them is built in the loop, if they are small too

Noting = Callable[[Plan], Mapping[str, bytes]]
"""Small named values (`Store.keep`) that say something about what is written."""
Watcher = Callable[[Plan, Source], Iterator[Callable[[], None] | None] | None]
"""Told of every step after it is durable, and where it came from.

One that has much to do returns an iterator, and others get their turn between its items. An item that can be called is
called in a thread: it may take long.
"""

T = TypeVar("T")


class OpenCircle(ReplicaView):
    """One circle that is open on this device. Implements `core.session.view.CircleView`."""

    def __init__(self, circle: CircleId, store: Store, surroundings: Surroundings) -> None:
        self.replica = Replica(circle, store)
        self.store = store
        self.lock = trio.Lock()
        self.surroundings = surroundings
        self.device = DeviceId(store.kept(drawers.DEVICE) or b"")
        self.epochs = Epochs.decode(circle, store.kept(drawers.EPOCHS) or b"\x90")
        self.clocks = Clocks.decode(store.kept(drawers.CLOCKS))
        # The day of the entry that introduces a device; also if it does not count now, for it may later.
        self._introduced: dict[DeviceId, Day] = {}
        self._attested_by_others: Day | None = None
        self._line: Line = (self.device, Incarnation(store.kept(drawers.INCARNATION) or b""))
        self._renewal_due = store.kept(
            drawers.RENEWAL_DUE
        )  # None: this store is no copy, or has taken a new incarnation since
        self._life, self._life_unkept = self._life_of(store)
        self._surplus = Surplus.decode(store.kept(drawers.SURPLUS))
        self._sponsor = DeviceId(store.kept(drawers.SPONSOR) or b"")
        self._sponsor_key = SessionPublic(store.kept(drawers.SPONSOR_KEY) or b"")
        self._watchers: list[Watcher] = []
        self._flush_takes = 0.0
        self._note_introductions(self.replica.held.introductions(store))
        self._attested_by_others = self._attested()

    # --- a new circle's first moments ----------------------------------------------------------------

    @staticmethod
    def prepare(
        store: Store, device: DeviceId, incarnation: Incarnation, epoch: EpochId, branches: Branches, circle: CircleId,
        sponsor: tuple[DeviceId, SessionPublic] | None = None,
    ) -> None:  # fmt: skip
        """Stage what a device must remember of a circle that it has founded or joined. Flush afterwards."""
        known = Epochs(circle)
        known.add(epoch, branches)
        store.keep(drawers.DEVICE, device)
        store.keep(drawers.INCARNATION, incarnation)
        store.keep(drawers.EPOCHS, known.encode())
        if sponsor is not None:
            store.keep(drawers.SPONSOR, sponsor[0])
            store.keep(drawers.SPONSOR_KEY, sponsor[1])

    # --- the step --------------------------------------------------------------------------------------

    async def ingest(self, batch: Batch, source: Source) -> Plan:
        """Verify and store a batch from `source`. Raises PeerError, DiskFull, StorageFailed: nothing of it is kept."""
        async with self.lock:
            peer = source.device if isinstance(source, FromSession) else None
            with collector_paused():
                room = self._surplus.room(self.replica.held, peer)
                if self._is_large(batch):
                    plan = await self.apart(lambda: self.replica.plan(batch, room))
                else:
                    plan = self.replica.plan(batch, room)
                if plan.surplus and peer is not None:
                    self._surplus.take(plan.surplus, peer)
                    self.store.keep(drawers.SURPLUS, self._surplus.encode())
                if self._is_elsewhere(plan) and not self.renewal_due:
                    # Durable with what shows it: a device that forgot it would fork its chain with the next write.
                    self.store.keep(drawers.RENEWAL_DUE, b"1")
                    # The order of arrival has left that of the store this one was copied from: no cursor fits both.
                    self._life, self._life_unkept = Incarnation(self.surroundings.entropy(INCARNATION_BYTES)), True
                    plan = await self._commit(plan, source)
                    self._renewal_due = b"1"
                    return plan
                return await self._commit(plan, source)

    def _is_large(self, batch: Batch) -> bool:
        """Whether a batch may take long to plan.

        So may one that makes a device an equivocator: all is counted again. So may one about members, if rules look at
        more than an entry's own past: it may change how thousands of entries stand.
        """
        held = self.replica.held
        return (
            len(batch.entries) > LARGE
            or batch.size > LARGE_BYTES
            or len(batch.chains) > caps.BRANCHES
            or (self.replica.judge is not None and any(entry.kind for entry in batch.entries))
            or any(held.branches(row.device) >= caps.BRANCHES - len(batch.chains) for row in batch.chains)
        )

    async def apart(self, work: Callable[[], T]) -> T:
        """Run what may take long without stopping the event loop. Hold the lock."""

        def working() -> T:
            with collector_paused():  # else it goes through all that is here again and again, and nobody else runs then
                return work()

        return await self.surroundings.in_thread(working)

    async def write(self, secret: SigningSecret, intentions: list[Intention]) -> Plan:
        """Write entries of our own; returning means durable. Raises NotPermitted, InvalidValue, DiskFull."""
        async with self.lock:
            return await self.write_locked(secret, intentions)

    async def write_locked(
        self, secret: SigningSecret, intentions: list[Intention], noting: Noting = lambda _: {}, *, begin: bool = True
    ) -> Plan:
        """The same for one who holds the lock already. `noting`: what is kept beside it, in one transaction.

        `begin`: whether the states of cases that begin with it are kept (`States.apply`).
        """
        now = self.surroundings.now()
        line = self._renewed() if self.renewal_due else self._line
        if len(intentions) > LARGE:
            plan = await self.apart(lambda: self.replica.plan_writes(line, secret, intentions, now))
        else:
            plan = self.replica.plan_writes(line, secret, intentions, now)
        if plan.void:
            raise NotPermitted
        return await self._commit(plan, OWN_HAND, line, noting(plan), begin=begin)

    # --- incarnations ------------------------------------------------------------------------------------

    def _is_elsewhere(self, plan: Plan) -> bool:
        """Whether a peer brings entries that this device wrote in its present incarnation, and does not know of.

        Then its store was put back from a backup, or copied: whatever it writes on that chain forks it. Entries are
        proof, for nobody else can sign them; a frontier that claims as much proves nothing.
        """
        chains = self.replica.held.chains
        new = {chain.number: chain for chain in plan.commit.chains}
        # each entry's branch has an arrival: a step has few of these, and thousands of entries
        return any((new.get(one.chain) or chains[one.chain]).line == self._line for one in plan.commit.arrivals)

    def _renewed(self) -> Line:
        """This device under a new incarnation. Raises OutOfBranches before the last one: it is left as a reserve."""
        if self.branches_used >= caps.BRANCHES - 1:
            raise OutOfBranches
        return self.device, Incarnation(self.surroundings.entropy(INCARNATION_BYTES))

    @property
    def branches_used(self) -> int:
        """How many branches this device has, over all its incarnations; caps.BRANCHES are too many."""
        return self.replica.held.branches(self.device)

    @property
    def renewal_due(self) -> bool:
        """Whether the next entry begins a new incarnation: this store is a copy, or was put back from one."""
        return self._renewal_due is not None

    @property
    def copied_at(self) -> Millis | None:
        """When the backup was taken that this store is, as long as nothing has been written to it."""
        return time_of(self._renewal_due)

    def _life_of(self, store: Store) -> tuple[Incarnation, bool]:
        """The life of the order of arrival, and whether it is still to be kept.

        A copy's order goes another way than the original's, so no cursor must fit both. Its life is drawn when it is
        opened and kept with the first commit: one backup may be put back, opened and lost any number of times.
        """
        kept = store.kept(drawers.LIFE)
        if kept is None and self.renewal_due:
            return Incarnation(self.surroundings.entropy(INCARNATION_BYTES)), True
        return (self._line[1] if kept is None else Incarnation(kept)), False

    async def admit(self, secret: SigningSecret, keys: DeviceKeys, name: str, role: Role) -> DeviceId:
        """Admit a member with a first device; the device's id.

        Raises as `write`, CircleFull, or Malformed for keys that a device here has already: nothing is kept then.
        """
        shape, content = encode_admit(Admit(role, keys, name), self.surroundings.entropy(SALT_BYTES))
        async with self.lock:
            circle = self.replica.circle
            if circle.is_full:
                raise CircleFull
            if not rules.rule_1_names(keys.known, circle.active()):
                raise Malformed("its keys are those of a device that is here")
            plan = await self.write_locked(secret, [Intention(Kind.ADMIT, CaseId(self.id), shape, content)])
        return DeviceId(plan.commit.entries[0].id)

    async def _commit(
        self, plan: Plan, source: Source, written: Line | None = None, noted: Mapping[str, bytes] | None = None,
        *, begin: bool = True,
    ) -> Plan:  # fmt: skip
        """`written`: the chain that this device continues or begins with it."""
        if plan.commit.entries:
            with trio.CancelScope(shield=True):
                # One entry may bring back thousands, or change how they stand.
                if max(len(plan.commit.entries), len(plan.refold), len(plan.restanding)) > LARGE:
                    await self.apart(lambda: self._store_and_flush(plan, written, noted or {}))
                    self._went_on(written)
                    self.replica.advance(plan, fold=False)
                    await self.apart(lambda: self.replica.fold(plan, begin=begin))
                else:
                    self._store(plan, written, noted or {})
                    await self._flush()
                    self._went_on(written)
                    self.replica.advance(plan, begin=begin)
                self._note_introductions(plan.controls)
                if self.replica.states.crowded():
                    with suppress(DiskFull, StorageFailed):  # the entries are stored; snapshots only save time
                        await self.make_room()
                await self._tell(plan, source)
        else:
            await self._tell(plan, source)
        return plan

    def _store(self, plan: Plan, written: Line | None, noted: Mapping[str, bytes]) -> None:
        self.store.write(plan.commit)
        for name, value in noted.items():
            self.store.keep(name, value)
        if plan.refold:
            self.store.keep(drawers.REFOLDED, plan.commit.arrivals[-1].number.to_bytes(8, "big"))
        if self._life_unkept:
            self.store.keep(drawers.LIFE, self._life)
        if written is not None and written != self._line:  # in one transaction with its first entry
            self.store.keep(drawers.INCARNATION, written[1])
            self.store.forget(drawers.RENEWAL_DUE)

    def _store_and_flush(self, plan: Plan, written: Line | None, noted: Mapping[str, bytes]) -> None:
        self._store(plan, written, noted)
        self.store.flush()

    def _went_on(self, written: Line | None) -> None:
        self._life_unkept = False
        if written is not None and written != self._line:
            self._line, self._renewal_due = written, None

    async def _tell(self, plan: Plan, source: Source) -> None:
        for watcher in list(self._watchers):
            for work in watcher(plan, source) or ():
                if work is None:
                    await trio.lowlevel.checkpoint()
                else:
                    await self.apart(work)

    async def make_room(self) -> None:
        """Write the snapshots of states that left the memory. Hold the lock."""
        await self.apart(lambda: self.store.save_snapshots(self.replica.states.leaving()))
        await self._flush()

    async def make_durable(self) -> None:
        """Flush what is staged. Hold the lock. Raises DiskFull or StorageFailed."""
        await self._flush()

    async def keep(self, name: str, value: bytes) -> None:
        """Make a small named value durable. Raises DiskFull or StorageFailed."""
        async with self.lock:
            self.store.keep(name, value)
            await self._flush()

    async def _flush(self) -> None:
        if not self.surroundings.threads or self._flush_takes < QUICK:
            began = perf_counter()
            self.store.flush()
            self._flush_takes = perf_counter() - began
        else:
            began = perf_counter()
            await trio.to_thread.run_sync(self.store.flush)
            # forget a slow moment by and by, so that a disk that is quick again is noticed
            self._flush_takes = max(perf_counter() - began, self._flush_takes * 0.9)

    async def tidy(self) -> None:
        """Write the snapshots of what changed, so that opening folds little; and forget what is no longer needed."""
        async with self.lock:
            await self.apart(lambda: self.store.save_snapshots(self.replica.states.snapshots()))
            self._attested_by_others = await self.apart(self._attested)  # the newest entry of every branch
            needed = epochs.oldest_needed(self.surroundings.now(), self._attested_by_others)
            if needed is not None and self.epochs.forget_before(needed):
                self.store.keep(drawers.EPOCHS, self.epochs.encode())
            self.store.forget_ephemerals(self.epochs.oldest)  # below it no key opens; the clock alone forgets nothing
            await self._flush()

    def _attested(self) -> Day | None:
        grants, held = self.replica.circle.grants, self.replica.held
        own = grants.get(self.device)
        if own is None:
            return None
        newest: list[tuple[MemberId, Millis]] = []
        for chain in held.chains.values():
            last = held.counted_end(chain)  # an equivocator attests no more than what others cite of it
            entry = self.store.entry_at(slot_of(chain.number, last)) if last >= chain.first else None
            if entry is not None and self.replica.circle.is_active(chain.device):
                newest.append((grants[chain.device].member, Millis(entry.clock)))
        return epochs.attested_day(newest, own.member)

    async def accept_ephemeral(self, day: Day, caller: DeviceId | None, ephemeral: bytes) -> bool:
        """Remember an opening durably; False if it was seen before, or the caller has had its share of today.

        All that we do not know (None) are one caller: keys to call with cost nothing.
        """
        async with self.lock:
            fresh = self.store.accept_ephemeral(day, b"" if caller is None else caller, ephemeral)
            if fresh:
                await self._flush()
            return fresh

    # --- clocks ------------------------------------------------------------------------------------------

    def difference(self, device: DeviceId) -> Difference | None:
        """How far another device's clock is from ours, as it was when the two last spoke."""
        key = self.key_of(device)
        return None if key is None else self.clocks.of(self.devices_with(key)[0])

    def shift(self) -> int | None:
        """How many ms the others' clocks show more than ours, if two other members at least have said so."""
        return self.clocks.shift(self.member_of)

    def member_of(self, device: DeviceId) -> MemberId | None:
        circle = self.replica.circle
        return circle.grants[device].member if circle.is_active(device) and device != self.device else None

    def calling_keys(self, device: DeviceId, guess: int | None) -> list[SessionKey]:
        """The keys under which to call a device, the likeliest first: of its own day as far as we know it, of ours.

        `guess`: by how many ms its clock seems to be ahead.
        """
        now = self.surroundings.now()
        own = self.epochs.day(now)
        seems = None if guess is None else day_of(Millis(max(0, now + guess)))
        days = [seems, self._day_of(device, now), own, self._lost_day(now)]
        return self.epochs.calling_keys(day for day in days if day is not None and (day == own or abs(day - own) > 1))

    def further_keys(self) -> list[SessionKey]:
        """Keys of days on which a device may be without our knowing, the nearest first: each accepts a day either side.

        A clock that lags behind what others wrote is not ahead of theirs.
        """
        now = self.surroundings.now()
        own, lost = self.epochs.day(now), self._lost_day(now)
        days = (Day(day) for away in range(3, FURTHER + 1, 3) for day in ((lost or own) + away, own - away))
        return self.epochs.calling_keys(days)

    def shown_by(self, devices: Iterable[DeviceId], day: Day) -> Iterator[tuple[bytes, bytes]]:
        """Under which keys these devices show themselves while their clocks show a day: (key, device)."""
        keys: dict[Day, bytes] = {}
        for device in devices:
            used = max(day, self._introduced.get(device, day))  # nobody holds states from before its admission
            if used not in keys:
                state = self.epochs.discovery_key(used)
                keys[used] = b"" if state is None else state.reveal()
            if keys[used]:
                yield keys[used], bytes(device)

    def _other_days(self, now: Millis) -> Iterator[Day]:
        """Days on which others are whose clocks differ, and the day on which we would be if ours did not lag."""
        later = [device for device, day in self._introduced.items() if day > day_of(now)]
        others = {self._sponsor} if self._before_history() else {*self.clocks.devices(), *later} - {self.device}
        for device in sorted(others):  # not all that are introduced: there may be thousands
            day = self._day_of(device, now) if self.key_of(device) is not None else None
            if day is not None:
                yield day
        lost = self._lost_day(now)
        if lost is not None:
            yield lost

    def _day_of(self, device: DeviceId, now: Millis) -> Day | None:
        """The day in use at another device, as far as that is known: its clock's, and none before it was admitted."""
        difference = self.difference(device)
        introduced = self._introduced.get(device)
        if difference is None:
            return introduced if introduced is not None and introduced > day_of(now) else None
        shown = day_of(Millis(max(0, now + difference.ahead)))
        return shown if introduced is None else max(shown, introduced)

    def _lost_day(self, now: Millis) -> Day | None:
        """The day that others' entries have reached, if our clock lags behind it: it has been set back, say."""
        attested = self._attested_by_others
        return attested if attested is not None and attested > self.epochs.day(now) + 1 else None

    def _note_introductions(self, controls: Iterable[Entry]) -> None:
        for entry in controls:
            if entry.kind in (Kind.FOUND, Kind.ADMIT) and entry.standing != Standing.VOID:
                self._introduced[DeviceId(entry.id)] = day_of(Millis(entry.clock))

    # --- watching ----------------------------------------------------------------------------------------

    def watch(self, watcher: Watcher) -> None:
        self._watchers.append(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        self._watchers.remove(watcher)

    # --- what a session sees (with the lock held) -----------------------------------------------------------

    @property
    def id(self) -> CircleId:
        return self.replica.circle.id

    @property
    def life(self) -> Incarnation:
        """What tells this store, and its order of arrival, from every other."""
        return self._life

    def mark(self) -> dict[int, int]:
        """How far every branch is held now, but those of equivocators: of these a peer takes what others cite."""
        equivocators = self.equivocators
        chains = self.replica.held.chains.values()
        return {chain.number: chain.length for chain in chains if chain.device not in equivocators}

    def own_branches(self) -> list[Chain]:
        """The branches that this device wrote, in all its incarnations, the newest first."""
        return sorted(self.replica.held.of_device(self.device), reverse=True)

    @property
    def own_length(self) -> int:
        """How many entries this device has written."""
        return sum(chain.length - chain.first + 1 for chain in self.own_branches())

    def own_held(self, known: Mapping[int, int]) -> int:
        """How many of them somebody holds who holds each branch up to the sequence in `known`."""
        return sum(
            min(max(known.get(chain.number, 0) - chain.first + 1, 0), chain.length - chain.first + 1)
            for chain in self.own_branches()
        )

    def session_keys(self) -> list[SessionKey]:
        now = self.surroundings.now()
        return self.epochs.session_keys(now, self._other_days(now))

    def keys_on(self, day: Day) -> list[SessionKey]:
        return self.epochs.keys_on(day)

    def device_with(self, key: SessionPublic) -> DeviceId | None:
        return next(iter(self.devices_with(key)), None)

    def devices_with(self, key: SessionPublic) -> tuple[DeviceId, ...]:
        """The active devices that the holder of this session key is; more than one only if somebody cheats."""
        if self._before_history() and key == self._sponsor_key:
            return (self._sponsor,)
        return self.replica.circle.devices_with(key)

    def key_of(self, device: DeviceId) -> SessionPublic | None:
        key = self.replica.circle.session_key(device)
        if key is None and self._before_history() and device == self._sponsor:
            return self._sponsor_key
        return key

    def _before_history(self) -> bool:
        """Whether we have joined, and nothing has come yet: then we know nobody but our sponsor."""
        return bool(self._sponsor) and not self.replica.circle.is_active(self.device)

    def others(self) -> list[DeviceId]:
        """The active devices besides this one."""
        if self._before_history():
            return [self._sponsor]
        return [grant.device for grant in self.replica.circle.active() if grant.device != self.device]

    @property
    def refolded_at(self) -> int:
        """The newest arrival with which earlier entries began to count, or count no more; 0 if there was none."""
        return int.from_bytes(self.store.kept(drawers.REFOLDED) or b"", "big")

    def own_admission(self) -> int:
        return self.replica.arrival_of(self.device)

    async def build(self, building: Building) -> None:
        """Build a batch for a peer. Hold the lock."""
        few = building.after is not None or len(self.replica.held.chains) <= MANY
        after = building.find() if few else await self.apart(building.find)
        next_ones = self.store.arrivals(after, FEW + 1)
        if len(next_ones) <= FEW and sum(arrival.size for arrival in next_ones) <= LARGE_BYTES:
            building.build()
        else:
            await self.apart(building.build)

    def serve(self, cursor: int, peer: PeerHoldings, until: int) -> Served:
        with collector_paused():
            return self.replica.serve(cursor, peer, until)
