"""An open circle: its replica, its store, and the one place where it commits.

    plan (pure)  ->  store.write, store.flush  ->  replica.advance  ->  watchers

One step at a time: `lock` is held to plan, to read the store and to commit. Frames and events leave only after the
flush. Who its devices are is in `members`, which keys they use in `days`, where our own next entry goes in `own_chain`.

Work that grows with what other members wrote (a batch, the states of cases) runs in a thread, with the lock held: a
member can make this device busy, and must not make it deaf. So of a circle

    without the lock, and in the loop     what is in memory and changes in the loop alone may be read: who is a member,
                                          in which role, how they stand; chains and their lengths; names; settings
    with the lock                         the store; and all that the rules have to work out when it is asked
                                          (`Circle.deliberate`; of a `Decision` who are electors, what is final, whose
                                          word is missing): a step in a thread is planned with the same deeds

What is shown at any moment, flags say, is worked out with the step that changes it. `tests/scenarios/test_locks.py`
holds this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext, suppress
from typing import Final, TypeVar

import trio

from cellsync.core import caps, drawers
from cellsync.core.crypto.primitives import signing_public
from cellsync.core.crypto.ratchet import Branches
from cellsync.core.errors import (
    AlreadyIn,
    CircleFull,
    DiskFull,
    NeverBack,
    NotPermitted,
    Outdated,
    StorageFailed,
    WrongPaper,
)
from cellsync.core.history.entry import Entry, Standing
from cellsync.core.history.store import Arrival, Store
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
    RecoverySecret,
    SessionPublic,
    SigningSecret,
    day_of,
)
from cellsync.core.membership import epochs, rules
from cellsync.core.membership.control import Admit, DeviceKeys, Role, encode_admit
from cellsync.core.membership.epochs import Epochs
from cellsync.core.membership.recovery import device, signing_secrets
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.stage import Plan
from cellsync.core.replica.surplus import Surplus
from cellsync.core.session.building import Building
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.detached import Detached
from cellsync.core.wire.operations import SALT_BYTES
from cellsync.core.wire.places import Line
from cellsync.core.wire.tags import Kind
from cellsync.ledger.days import DaysView
from cellsync.ledger.disk import Disk
from cellsync.ledger.own_chain import OwnChain
from cellsync.ledger.pause import breathe, collector_paused
from cellsync.ledger.source import OWN_HAND, FromSession, OwnHand, Source
from cellsync.ledger.surroundings import Surroundings

LARGE: Final = 256  # entries of a step; with more it runs in a thread
LARGE_BYTES: Final = 64 << 10  # of their contents: two hundred entries may be a megabyte, and fifty thousand operations
MANY: Final = caps.DEVICES  # branches: looking at more of them may take long
FEW: Final = 16  # arrivals after which nothing came yet: a batch of them is built in the loop, if they are small too

Noting = Callable[[Plan], Mapping[str, bytes]]
"""Small named values (`Store.keep`) to store with what is written."""
Watcher = Callable[[Plan, Source], Iterator[Callable[[], None] | None] | None]
"""Called with every step, once durable, and its source.

A watcher with much to do returns an iterator; other tasks get their turn between its items. A callable item is called
in a thread: it may take long.
"""

T = TypeVar("T")


def _is_large(plan: Plan) -> bool:
    """Whether a step may take long to store and fold. One entry may bring back thousands, or change how they stand."""
    entries = plan.commit.entries
    return (
        max(len(entries), len(plan.refold), len(plan.restanding)) > LARGE
        or sum(len(entry.shape) + len(entry.content) for entry in entries) > LARGE_BYTES
    )


def _are_few(arrivals: Iterable[Arrival], until: int) -> bool:
    """Whether a batch of commits that begin at or before arrival `until` has few stretches of entries, and small ones.

    What comes after that is not for the peer yet, and is no reason to build in a thread.
    """
    count = size = 0
    ended = True
    for arrival in arrivals:
        if ended and arrival.number > until:
            break
        count, size, ended = count + 1, size + arrival.size, arrival.last
    return count <= FEW and size <= LARGE_BYTES


class OpenCircle(DaysView):
    """One circle that is open on this device. Implements `core.session.view.CircleView`."""

    def __init__(self, circle: CircleId, store: Store, surroundings: Surroundings) -> None:
        super().__init__(circle, store, surroundings)
        self.replica.states.breathe = breathe
        self.lock = trio.Lock()
        self._own = OwnChain(self.device, store, surroundings)
        self._disk = Disk(store, surroundings)
        self._surplus = Surplus.decode(store.kept(drawers.SURPLUS))
        self._watchers: list[Watcher] = []

    # --- a new circle's first moments ----------------------------------------------------------------

    @staticmethod
    def prepare(
        store: Store, device: DeviceId, incarnation: Incarnation, epoch: EpochId, branches: Branches, circle: CircleId,
        sponsor: tuple[DeviceId, SessionPublic] | None = None,
    ) -> None:  # fmt: skip
        """Stage what a device must remember about a circle that it has founded or joined. Flush afterwards."""
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
            if peer is not None:
                self.spend(peer, batch.size)
            with collector_paused():
                room = self._surplus.room(self.replica.held, peer)
                if self._is_large(batch):
                    plan = await self.apart(lambda: self._plan_beside(batch, room))
                else:
                    plan = self.replica.plan(batch, room)
                if plan.surplus and peer is not None:
                    self._surplus.take(plan.surplus, peer)
                    self.store.keep(drawers.SURPLUS, self._surplus.encode())
                if self._own.is_elsewhere(plan, self.replica.held.chains) and not self.renewal_due:
                    self._own.take_new_life()
                    plan = await self._commit(plan, source, told=batch)
                    self._own.renew()
                    return plan
                return await self._commit(plan, source, told=batch)

    def _plan_beside(self, batch: Batch, room: Mapping[DeviceId, int]) -> Plan:
        """Plan a batch while the store tidies its log: only the former needs the interpreter."""
        with self.store.tidying() if self.surroundings.threads else nullcontext():
            return self.replica.plan(batch, room)

    def _is_large(self, batch: Batch) -> bool:
        """Whether a batch may take long to plan.

        So may one that makes a device an equivocator: all is counted again. So may one about members:
        it may change how thousands of entries stand.
        """
        held = self.replica.held
        return (
            len(batch.entries) > LARGE
            or batch.size > LARGE_BYTES
            or len(batch.chains) > caps.BRANCHES
            or (held.arrival > LARGE and any(entry.kind for entry in batch.entries))
            or any(held.branches(row.device) >= caps.BRANCHES - len(batch.chains) for row in batch.chains)
        )

    async def apart(self, work: Callable[[], T]) -> T:
        """Run work that may take long without stopping the event loop. If it is about the circle, hold the lock."""

        def working() -> T:
            with collector_paused():  # else it goes through all that is here again and again, and nobody else runs then
                return work()

        return await self.surroundings.in_thread(working)

    async def write(self, secret: SigningSecret, intentions: list[Intention]) -> Plan:
        """Write entries of our own; returning means durable. Raises NotPermitted, Outdated, InvalidValue, DiskFull."""
        async with self.lock:
            return await self.write_locked(secret, intentions)

    async def write_locked(
        self, secret: SigningSecret, intentions: list[Intention], noting: Noting = lambda _: {}, *, begin: bool = True
    ) -> Plan:
        """The same for a caller that already holds the lock. `noting`: values to store in the same transaction.

        `begin`: whether to keep the states of cases that begin with it (`States.apply`).
        """
        if self.replica.is_outdated:
            raise Outdated
        now = self.surroundings.now()
        line = self._own.next_line(self.branches_used)
        if len(intentions) > LARGE:
            plan = await self.apart(lambda: self.replica.plan_writes(line, secret, intentions, now))
        else:
            plan = self.replica.plan_writes(line, secret, intentions, now)
        if plan.void or any(not entry.kind and entry.standing is Standing.OUT for entry in plan.commit.entries):
            raise NotPermitted
        return await self._commit(plan, OWN_HAND, line, noting(plan), begin=begin)

    async def write_with_paper(self, secret: RecoverySecret, intentions: list[Intention]) -> Plan:
        """Write control entries that the recovery key signs. They count at once, whoever is hit.

        Raises as `plan_with_paper`, and DiskFull.
        """
        async with self.lock:
            return await self._commit(self.plan_with_paper(secret, intentions), OWN_HAND)

    def plan_with_paper(self, secret: RecoverySecret, intentions: list[Intention]) -> Plan:
        """What that would change. Hold the lock.

        Raises WrongPaper (it does not speak for this circle), Outdated, NotPermitted: nothing is kept then.
        """
        if self.replica.is_outdated:
            raise Outdated
        signing = self.signing_of(secret)
        if signing is None:
            raise WrongPaper
        line = device(signing_public(signing)), Incarnation(self.surroundings.entropy(INCARNATION_BYTES))
        plan = self.replica.plan_writes(line, signing, intentions, self.surroundings.now())
        if plan.void:
            raise NotPermitted
        return plan

    def signing_of(self, paper: RecoverySecret) -> SigningSecret | None:
        """The key with which a paper speaks for this circle; None if it does not."""
        able = (one for one in signing_secrets(paper) if self.replica.speaks(device(signing_public(one))))
        return next(able, None)

    async def entrust(self, epoch: EpochId, states: Branches) -> None:
        """Keep the states of the chosen epoch, which a member has handed over or which begin here."""
        async with self.lock:
            self.safe.keyring.entrust(epoch, states)
            await self.follow(())

    async def note_holder(self, device: DeviceId, epoch: EpochId) -> None:
        """A device has shown that it holds an epoch, or was given it."""
        async with self.lock:
            self.safe.note_holder(device, epoch, day_of(self.surroundings.now()))
            await self.follow(())

    async def admit(self, secret: SigningSecret, keys: DeviceKeys, name: str, role: Role) -> DeviceId:
        """Admit a member with a first device; the device's id.

        Raises as `write` and `check_newcomer`: nothing is kept then.
        """
        shape, content = encode_admit(Admit(role, keys, name), self.surroundings.entropy(SALT_BYTES))
        async with self.lock:
            self.check_newcomer(keys)
            plan = await self.write_locked(secret, [Intention(Kind.ADMIT, CaseId(self.id), shape, content)])
        return DeviceId(plan.commit.entries[0].id)

    def check_newcomer(self, keys: DeviceKeys) -> None:
        """Check that there is room for one more device, and that it is none that is here or was: then what introduces
        it would be void (`pairing.keys-taken`). Raises CircleFull, AlreadyIn, NeverBack."""
        circle = self.replica.circle
        if circle.is_full:
            raise CircleFull
        for known in circle.grants.values():
            if not rules.rule_1_names(keys.known, [known]):
                raise AlreadyIn if circle.is_heard(known.device) else NeverBack

    async def note_backup(self, at: Millis) -> None:
        """A backup of the circle is being made. Hold the lock. Raises DiskFull, StorageFailed."""
        self.store.keep(drawers.BACKED_UP, at.to_bytes(8, "big"))
        await self._disk.flush()

    async def forewarn(self, entry: Detached) -> bool:
        """Whether a peer's detached entry is new here, and heeded. Raises BadSignature, DiskFull, StorageFailed."""
        async with self.lock:
            new = self.detached.take(entry, self.surroundings.now())
            if new:
                await self._disk.flush()
            return new

    async def _commit(
        self, plan: Plan, source: Source, written: Line | None = None, noted: Mapping[str, bytes] | None = None,
        *, begin: bool = True, told: Batch | None = None,
    ) -> Plan:  # fmt: skip
        """`written`: the chain that this device continues or begins with this step. `told`: what it came from."""
        if plan.commit.entries:
            with trio.CancelScope(shield=True):
                if _is_large(plan):
                    folded = await self.apart(lambda: self._store_and_flush(plan, written, noted or {}, begin=begin))
                    self._own.went_on(written)
                    self.replica.advance(plan, fold=False)
                    await self.apart(lambda: self.replica.fold(plan, begin=begin, folded=folded))
                else:
                    self._store(plan, written, noted or {})
                    await self._disk.flush()
                    self._own.went_on(written)
                    self.replica.advance(plan, begin=begin)
                if isinstance(source, OwnHand):
                    self.wrote_at = plan.commit.entries[-1].clock
                self._note_introductions(plan.controls)
                if plan.controls or plan.ruling is not None:
                    await self.follow(plan.controls)
                with suppress(DiskFull, StorageFailed):  # of what is held by then nothing is read when it is opened
                    self.detached.attached(plan.controls)
                if self.replica.states.crowded():
                    with suppress(DiskFull, StorageFailed):  # the entries are stored; snapshots only save time
                        await self.make_room()
                plan = await self._hear_and_look(plan, source, told)
                await self._tell(plan, source)
        else:
            plan = await self._hear_and_look(plan, source, told)
            await self._tell(plan, source)
        return plan

    async def _hear_and_look(self, plan: Plan, source: Source, told: Batch | None) -> Plan:
        try:
            return await self._hear(plan, source, told)
        finally:
            self.note_tellers()
            if plan.controls or plan.ruling is not None or told is not None:
                await self.apart(self.look_for_answer)

    async def _hear(self, plan: Plan, source: Source, told: Batch | None) -> Plan:
        """Take in what was only told with a batch: the rows that are refused even so are. Raises PeerError."""
        if self.hearsay and (plan.controls or plan.ruling is not None):
            size = sum(len(entry.shape) + len(entry.content) for entry in plan.controls)
            if self.hearsay.changes(size) or isinstance(source, OwnHand):
                await self.apart(self.hearsay.renew)
        peer = source.device if isinstance(source, FromSession) else None
        if told is None or peer is None or not plan.refused or self._told_member(peer):
            return plan
        if not self.hearsay.may_be_told(told, peer):
            return plan
        refused = await self.apart(lambda: self.hearsay.take(told, plan.refused, peer))
        if refused is None:
            return plan
        with suppress(DiskFull, StorageFailed):  # it is told again in the next session
            await self._disk.flush()
        return plan._replace(refused=refused, gaps=[])

    async def catch_up(self) -> None:
        """Take into account, with what was told, what has come to be held since that was last heard."""
        async with self.lock:
            if self.hearsay.is_behind:
                await self.apart(self.hearsay.renew)
                self.note_tellers()
                await self.apart(self.look_for_answer)
                await self._tell(self.replica.plan(Batch()), FromSession(None, 0))

    async def follow(self, controls: Iterable[Entry]) -> None:
        """Let the secrets follow a step. On a full disk what follows is kept with the next step, or found again."""
        with suppress(DiskFull, StorageFailed):
            if self.safe.follow(controls, self.surroundings.now(), self._attested_by_others):
                await self._disk.flush()

    def _store(self, plan: Plan, written: Line | None, noted: Mapping[str, bytes]) -> None:
        self.store.write(plan.commit)
        for name, value in noted.items():
            self.store.keep(name, value)
        if plan.refold:
            self.store.keep(drawers.REFOLDED, plan.commit.arrivals[-1].number.to_bytes(8, "big"))
        self._own.stage(written)

    def _store_and_flush(
        self, plan: Plan, written: Line | None, noted: Mapping[str, bytes], *, begin: bool
    ) -> bool:  # fmt: skip
        """Whether the plan was also folded, while the disk was waited for."""
        self._store(plan, written, noted)
        states = self.replica.states
        if plan.commit.refolded:
            self.store.flush()
            return False
        try:
            with self.surroundings.beside(lambda: states.fold(plan.changes, begin=begin)):
                self.store.flush()
        except BaseException:
            states.unfold(plan.changes)
            raise
        return True

    async def _tell(self, plan: Plan, source: Source) -> None:
        for watcher in list(self._watchers):
            for work in watcher(plan, source) or ():
                if work is None:
                    await trio.lowlevel.checkpoint()
                else:
                    await self.apart(work)

    async def make_room(self) -> None:
        """Write the snapshots of evicted states. Hold the lock."""
        await self.apart(lambda: self._save_and_flush(self.replica.states.leaving()))

    def _save_and_flush(self, snapshots: Iterable[tuple[int, int, bytes]]) -> None:
        """In one thread: snapshots are megabytes, however quick the flush before was."""
        self.store.save_snapshots(snapshots)
        self.store.flush()

    async def make_durable(self) -> None:
        """Flush everything staged. Hold the lock. Raises DiskFull or StorageFailed."""
        await self._disk.flush()

    async def keep(self, name: str, value: bytes) -> None:
        """Make a small named value durable. Raises DiskFull or StorageFailed."""
        async with self.lock:
            self.store.keep(name, value)
            await self._disk.flush()

    async def tell(self, members: frozenset[MemberId]) -> None:
        """From now on tell these members, and no others, when they call and were removed. Raises DiskFull."""
        async with self.lock:
            self.keep_telling(members)
            await self._disk.flush()
            await self._tell(self.replica.plan(Batch()), OWN_HAND)  # who is told no more is let go

    async def carry_on(self) -> None:
        """Set aside the present floor, and removals that were announced only: the user says so. Raises DiskFull."""
        async with self.lock:
            floor = self.replica.floor
            self.store.keep(drawers.WAIVED, bytes([floor]))
            self.detached.set_aside(self.surroundings.now())
            await self._disk.flush()
            self.replica.waived = floor

    async def tidy(self) -> None:
        """Write the snapshots of changed cases, so that opening folds little; and forget what is no longer needed."""
        async with self.lock:
            await self.apart(lambda: self._save_and_flush(self.replica.states.snapshots()))
            self._attested_by_others = await self.apart(self._attested)  # the newest entry of every branch
            needed = epochs.oldest_needed(self.surroundings.now(), self._attested_by_others)
            if needed is not None and self.epochs.forget_before(needed):
                self.store.keep(drawers.EPOCHS, self.epochs.encode())
            self.store.forget_ephemerals(self.epochs.oldest)  # below it no key opens; the clock alone forgets nothing
            await self._disk.flush()

    async def accept_ephemeral(self, day: Day, caller: DeviceId | None, ephemeral: bytes) -> bool:
        """Remember an opening durably; False if it was seen before, or the caller has used up its daily share.

        All unknown callers (None) count as one: keys to call with cost nothing.
        """
        async with self.lock:
            fresh = self.store.accept_ephemeral(day, b"" if caller is None else caller, ephemeral)
            if fresh:
                await self._disk.flush()
            return fresh

    # --- our own chain -----------------------------------------------------------------------------------

    @property
    def line(self) -> Line:
        """The chain of our entries, until the next one begins a new incarnation."""
        return self._own.line

    @property
    def renewal_due(self) -> bool:
        """Whether the next entry begins a new incarnation: this store is a copy, or was restored from one."""
        return self._own.renewal_due

    @property
    def copied_at(self) -> Millis | None:
        """When the backup was taken from which this store comes, until something is written to it."""
        return self._own.copied_at

    @property
    def life(self) -> Incarnation:
        """The life of this store: it distinguishes its order of arrival from every other."""
        return self._own.life

    # --- watching ----------------------------------------------------------------------------------------

    def watch(self, watcher: Watcher) -> None:
        self._watchers.append(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        self._watchers.remove(watcher)

    # --- what a session sees (with the lock held) -----------------------------------------------------------

    def mark(self) -> dict[int, int]:
        """How far every branch is held now, except equivocators': of these a peer takes only what others cite."""
        equivocators = self.equivocators
        chains = self.replica.held.chains.values()
        return {chain.number: chain.length for chain in chains if chain.device not in equivocators}

    @property
    def refolded_at(self) -> int:
        """The newest arrival with which earlier entries started or stopped to count; 0 if there was none."""
        return int.from_bytes(self.store.kept(drawers.REFOLDED) or b"", "big")

    async def build(self, building: Building) -> None:
        """Build a batch for a peer. Hold the lock."""
        few = building.after is not None or len(self.replica.held.chains) <= MANY
        after = building.find() if few else await self.apart(building.find)
        if _are_few(self.store.arrivals(after, FEW + 1), building.until):
            building.build()
        else:
            await self.apart(building.build)
