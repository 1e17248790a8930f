"""The joint: entries whose standing changes in a later step. No rule does that yet, so it is done by hand.

States, digests, a reader's events, snapshots and listings depend only on the set of entries that are IN at the end,
however it came about.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from cellsync.cell.catalogue import Catalogue
from cellsync.cell.description import describe
from cellsync.core import caps
from cellsync.core.case.fold import CaseState
from cellsync.core.history.entry import Standing, chain_of
from cellsync.core.history.holdings import OWN_CASE
from cellsync.core.history.store import ListedCase, Wanted
from cellsync.core.ids import CaseId, EntryId, Incarnation
from cellsync.core.membership.control import Role
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.replica import Replica
from cellsync.core.replica.stage import Plan
from cellsync.core.wire import operations
from cellsync.core.wire.mark import EntryForm
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind, Op
from tests.cell.test_catalogue import CASES, OPERATIONS
from tests.core.replicas import MemoryReplica, admitted, founded, pass_on
from tests.models.standing import Opinion, Opinions, entries, is_void
from tests.scenarios.forks import Equivocator, Honest

LABELS = st.sampled_from([Standing.IN, Standing.OUT, Standing.UNDECIDED])
CASE = CASES[0]
MOST = 4  # incarnations of a device here


class Judged(Honest):
    """A device on which verdicts are given by hand; it keeps a catalogue, and a reader follows it all the time."""

    opinions: Opinions
    catalogue: Catalogue

    def open(self) -> None:
        """Load everything from the store."""
        self.replica = Replica(self.id, self.store)
        rules, opinions = self.replica.judge, self.opinions.judge(self)
        self.replica.judge = lambda stage: [*rules(stage), *opinions(stage)]
        self.catalogue = Catalogue(self.replica, self.store)

    def edit(self, case: CaseId, *done: Operation) -> EntryId:
        self.renew()
        return super().edit(case, *done)

    def renew(self) -> None:
        """Continue under another incarnation if it turned out that this vault is a copy."""
        if self.due:
            taken = self.replica.held.branches(self.device)
            self.line, self.due = (self.device, Incarnation(bytes([taken, *self.device[:7]]))), False

    def commit(self, plan: Plan) -> Plan:
        super().commit(plan)
        self.catalogue.note(plan)
        if plan.commit.entries:
            self.opinions.taken()
        return plan


def judged(
    device: MemoryReplica, giver: MemoryReplica, seed: int, said: Mapping[EntryId, Opinion] | None = None
) -> Judged:
    life = Judged(device.id, device.secrets, device.device, device.line[1], seed)
    life.epochs, life.sponsor = device.epochs, device.sponsor
    life.opinions = Opinions()
    life.opinions.said |= said or {}
    life.open()
    pass_on(giver, life)
    return life


def _edit(case: CaseId) -> Intention:
    done = [Operation(Op.SET, "title", b"", "not durable")]
    return Intention(Kind.CASE, case, operations.encode_shape(done), operations.encode_content(bytes(16), done))


class Restandings(RuleBasedStateMachine):
    """Ana, Ben and Cat write; Dan only reads, so what he writes is void; Mal forks without end."""

    devices: list[Judged]
    lost: list[Judged]  # vaults that were put back from a backup, and turn up in the end

    @initialize()
    def found(self) -> None:
        ana = founded()
        born = [admitted(ana, "ben", 2), admitted(ana, "cat", 3), admitted(ana, "dan", 4, Role.READER)]
        self.lost = []
        self.mal = Equivocator(admitted(ana, "mal", 5), ana, random.Random(1))
        self.devices = [judged(one, ana, number) for number, one in enumerate([ana, *born], start=6)]

    # --- what happens ------------------------------------------------------------------------------

    @rule(at=st.integers(0, 3), case=st.sampled_from(CASES), done=st.lists(OPERATIONS, min_size=1, max_size=3))
    def edit(self, at: int, case: CaseId, done: list[Operation]) -> None:
        self.devices[at].edit(case, *done)
        self.check(at)

    @rule(at=st.integers(0, 3), case=st.sampled_from(CASES), data=st.data())
    def replace(self, at: int, case: CaseId, data: st.DataObject) -> None:
        """Replace something live, so the replacement may itself be taken back next."""
        state = self.devices[at].replica.read(case)
        if state is not None and "title" in state.registers:
            live = b"".join(sorted(state.registers["title"].live)[:64])
            self.devices[at].edit(case, Operation(Op.SET, "title", live, data.draw(st.integers(0, 9))))

    @rule(pair=st.permutations(range(4)))
    def sync(self, pair: list[int]) -> None:
        pass_on(self.devices[pair[0]], self.devices[pair[1]])
        self.check(pair[1])

    @rule(
        at=st.integers(0, 3), of=st.integers(0, 3), data=st.data(), label=LABELS, released=st.booleans(),
        controls=st.booleans(), then=st.none() | st.sampled_from(CASES), killed=st.booleans(),
    )  # fmt: skip
    def judge(
        self, at: int, of: int, data: st.DataObject, label: int, released: bool, controls: bool, then: CaseId | None,
        killed: bool,
    ) -> None:  # fmt: skip
        """Of entries that are held, and of some that may come later: how they stand from the next step on.

        `then`: the step that brings it about, after all that was known is durable. `killed`: right after it.
        """
        known = [entry.id for entry in entries(self.devices[of]) if controls or not entry.kind]
        if known:
            some = data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=4))
            self.devices[at].opinions.said |= dict.fromkeys(some, (label, released))
        if then is not None:
            self.look(at)
            self.devices[at].edit(then, Operation(Op.SET, "status", b"", "judged"))
            if killed:
                self.reopen(at)
            self.check(at)

    @rule(at=st.integers(0, 3), times=st.sampled_from([1, 20]))
    def fork(self, at: int, times: int) -> None:
        for _ in range(times):
            self.mal.show(self.devices[at])
        self.check(at)

    @rule(at=st.integers(1, 3), giver=st.integers(0, 3), marked=st.booleans(), twice=st.booleans())
    def restore(self, at: int, giver: int, marked: bool, twice: bool) -> None:
        """A device is put back with what another one holds of it, as from a backup taken then.

        `marked`: it knows that it is a copy. Otherwise it finds out when it is shown what it wrote before. `twice`: the
        lost vault turns up in the end, with what had reached nobody else.
        """
        lost = self.devices[at]
        if giver != at and lost.replica.held.branches(lost.device) < MOST:
            back = judged(lost, self.devices[giver], 20 + len(self.lost) + at, lost.opinions.said)
            back.due = back.due or marked
            self.devices[at] = back
            self.lost += [lost] * twice
            self.check(at)

    @rule(at=st.integers(0, 3), case=st.sampled_from(CASES))
    def step_fails(self, at: int, case: CaseId) -> None:
        """A step fails, and nothing that it would have changed has changed."""
        device = self.devices[at]
        device.renew()
        before = {entry.slot: entry for entry in entries(device)}
        plan = device.replica.plan_writes(device.line, device.secrets.signing, [_edit(case)], device.now)
        device.store.write(plan.commit)
        device.store._roll_back()
        assert {entry.slot: entry for entry in entries(device)} == before
        self.check(at)

    @rule(at=st.integers(0, 3), leave=st.booleans())
    def snapshot(self, at: int, leave: bool) -> None:
        device = self.devices[at]
        for number in device.replica.held.heads:
            device.replica.states.get(number)
        device.store.save_snapshots(device.replica.states.snapshots(worth=0))
        device.store.flush()
        if leave:
            device.replica.states._shrink(0)
        self.check(at)

    @rule(at=st.integers(0, 3))
    def look(self, at: int) -> None:
        self.devices[at].catalogue.fresh()
        self.devices[at].store.flush()
        self.devices[at].catalogue.settled()

    @rule(at=st.integers(0, 3))
    def reopen(self, at: int) -> None:
        self.devices[at].store._roll_back()  # what was not durable
        members = self.devices[at].replica.circle.active()
        self.devices[at].open()
        assert self.devices[at].replica.circle.active() == members, "what stands otherwise keeps its place in the pasts"
        self.check(at)

    # --- what has to be so -------------------------------------------------------------------------

    def check(self, at: int) -> None:
        device = self.devices[at]
        replica, opinions = device.replica, device.opinions
        self.check_rows(at)
        listed: list[ListedCase] = []
        for case, number in replica.held.cases.items():
            if number == OWN_CASE:
                continue
            whole = opinions.state(device, number, logs=True)
            read = replica.read(case)
            assert (read is not None) == bool(whole.counted)
            assert read is None or read.digest() == whole.digest()
            assert device.shown.get(number, CaseState(logs=True)).digest() == whole.digest(), "as its reader was told"
            assert replica.states.get(number).with_logs(whole.logs).digest() == whole.digest()
            bare = opinions.state(device, number, logs=False)
            listing = describe(number, replica.held.heads[number], bare)
            if listing.shown:
                listed.append(ListedCase(number, listing.kind, listing.title, listing.status, listing.conflicts))
        assert device.catalogue.fresh().page(Wanted(), 0, 9) == sorted(listed)

    def check_rows(self, at: int) -> None:
        device = self.devices[at]
        for entry in entries(device):
            void = is_void(device, entry)
            label, released = device.opinions.holds.get(entry.id, (Standing.IN, False))
            shown = device.opinions.shows(device, entry)
            assert entry.form == EntryForm.FULL
            assert entry.standing & ~Standing.RELEASED == (Standing.VOID if void else label)
            assert bool(entry.standing & Standing.RELEASED) == (released and not entry.kind)
            assert entry.in_quarantine == (not entry.kind and not shown)

    def teardown(self) -> None:
        """Once all hold the same and judge the same, all read the same; the digest never asked how entries stand."""
        if not hasattr(self, "devices"):
            return
        self.devices += self.lost
        written = {entry for device in self.devices for entry in self._honest(device)}
        said = {one: opinion for device in self.devices for one, opinion in device.opinions.said.items()}
        for device in self.devices:
            device.opinions.said = dict(said)
            device.edit(CASE, Operation(Op.APPEND, "notes", None, "the last"))
        for _ in range(2):
            for device in self.devices:
                pass_on(device, self.devices[0])
                pass_on(self.devices[0], device)
        for at, _ in enumerate(self.devices):
            self.check(at)
        assert len({device.replica.digest() for device in self.devices}) == 1
        assert len({device.replica.state_digest() for device in self.devices}) == 1
        for device in self.devices[:4]:
            assert device.replica.held.branches(device.device) < caps.BRANCHES
            assert written <= self._honest(device)

    def _honest(self, device: Judged) -> set[EntryId]:
        """What a device holds that an honest one wrote."""
        chains = device.replica.held.chains
        mal = self.mal.device.device
        return {entry.id for entry in entries(device) if chains[chain_of(entry.slot)].device != mal}


TestRestandings = Restandings.TestCase
TestRestandings.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_a_kill_right_after_a_step_that_takes_back_leaves_nothing_of_it() -> None:
    """Neither in a listing nor in a snapshot: they were made durable before, and nobody made them anew since."""
    cells = Restandings()
    cells.found()
    ana = cells.devices[0]
    taken_back = ana.edit(CASES[0], Operation(Op.SET, "title", b"", "shown"))
    cells.snapshot(0, leave=True)
    cells.look(0)
    assert ana.store.snapshot(ana.replica.held.cases[CASES[0]]) is not None
    ana.opinions.said[taken_back] = Standing.OUT, False
    ana.edit(CASES[1], Operation(Op.SET, "title", b"", "why"))
    cells.reopen(0)
    assert [one.title for one in ana.catalogue.fresh().page(Wanted(), 0, 9)] == ["why"]
