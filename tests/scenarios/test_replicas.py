"""Whole cells: replicas edit apart, sync partly, restart. In the end all hold and show the same; nothing is lost."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cellsync.core.history.serving import PeerHoldings
from cellsync.core.ids import CaseId, Millis
from cellsync.core.membership.control import Role
from cellsync.core.replica.replica import Replica
from cellsync.core.wire.operations import Operation, ref
from cellsync.core.wire.tags import Op
from tests.core.replicas import START, MemoryReplica, admitted, founded
from tests.models import cases as model
from tests.models.cases import Did

CASES = [CaseId(bytes([number]) * 32) for number in (1, 2)]
FIELDS = ["f", "g"]
ANSWERS = {
    Op.SET: [Op.SET], Op.ADD: [Op.DISCARD], Op.PUT: [Op.PUT, Op.DELETE], Op.APPEND: [Op.CORRECT, Op.RETRACT],
}  # fmt: skip


def serve_some(giver: MemoryReplica, taker: MemoryReplica, most: int) -> None:
    """A sync that stops after `most` batches."""
    known = giver.known_of(taker)
    peer = PeerHoldings(known, (), taker.frontier().equivocators)
    cursor = giver.cursor_for(peer)
    for _ in range(most):
        served = giver.serve(cursor, peer, giver.last_arrival())
        if served.batch is None:
            return
        cursor = served.cursor
        known.update(served.reaches)
        taker.receive(served.batch)


class Cells(RuleBasedStateMachine):
    """Devices 0 to 3 write, device 4 only reads; the model keeps every operation with everything around it."""

    devices: list[MemoryReplica]

    @initialize(count=st.integers(2, 5))
    def found(self, count: int) -> None:
        self.devices = [founded()]
        self.did: dict[CaseId, list[Did]] = {case: [] for case in CASES}
        self.entries = 1
        for number in range(1, count):
            role = Role.READER if number == 4 else Role.WRITER
            self.devices.append(admitted(self.devices[0], f"device {number}", number + 1, role))
            self.entries += 1
        for device in self.devices[1:]:
            serve_some(self.devices[0], device, 99)

    def pick(self, data: st.DataObject) -> MemoryReplica:
        return data.draw(st.sampled_from(self.devices))

    @rule(data=st.data())
    def edit(self, data: st.DataObject) -> None:
        device, case = self.pick(data), data.draw(st.sampled_from(CASES))
        number = device.replica.held.cases.get(case)
        seen = self.prefixes(device) if number is not None else set()
        visible = [did for did in self.did[case] if did.ref[:8] in seen]
        operations = [self.operation(data, visible) for _ in range(data.draw(st.integers(1, 3)))]
        large = data.draw(st.sampled_from([0, 0, 0, 40_000]))
        if large:
            operations.append(Operation(Op.APPEND, "log", None, device.random.randbytes(large)))
        device.now = Millis(START + data.draw(st.integers(0, 1_000)))
        entry = device.edit(case, *operations)
        self.entries += 1
        if device is self.devices[-1] and len(self.devices) == 5:
            return  # a reader's entries are held, and show nothing
        [chain] = device.branches(device.line)
        self.did[case] += [
            Did(ref(entry, index), device.device, device.now, chain.height, *operation)
            for index, operation in enumerate(operations)
        ]

    def prefixes(self, device: MemoryReplica) -> set[bytes]:
        return {
            entry.id[:8]
            for chain in device.store.chains()
            for entry in device.store.chain_slice(chain.number, 1, chain.length)
        }

    def operation(self, data: st.DataObject, visible: list[Did]) -> Operation:
        tag, field = data.draw(st.sampled_from([*Op])), data.draw(st.sampled_from(FIELDS))
        targets = [did for did in visible if did.tag in ANSWERS and did.field in FIELDS]
        answer: bool = data.draw(st.booleans())
        if targets and answer:  # something that has a part in what is there already
            target = data.draw(st.sampled_from(targets))
            tag, field = data.draw(st.sampled_from(ANSWERS[target.tag])), target.field
        replaced = {Op.SET: Op.SET, Op.DISCARD: Op.ADD, Op.PUT: Op.PUT, Op.DELETE: Op.PUT}.get(tag)
        items = [did.ref for did in visible if did.field == field and did.tag in (Op.APPEND, Op.CORRECT)]
        if tag in (Op.CORRECT, Op.RETRACT) and not items:
            tag = Op.APPEND
        value: Any = data.draw(st.integers(0, 3) | st.sampled_from(["a", None, 1.5, [1], True]))
        detail: Any = None
        if tag == Op.CREATE:
            field, detail, value = data.draw(st.sampled_from(["person", "task"])), data.draw(st.integers(1, 3)), None
        elif replaced is not None:
            live = [did.ref for did in visible if did.field == field and did.tag == replaced]
            some = st.lists(st.sampled_from(live), min_size=1, max_size=3, unique=True) if live else st.just([])
            detail = b"".join(data.draw(some))
        elif tag in (Op.CORRECT, Op.RETRACT):
            detail = data.draw(st.sampled_from(items))
        if tag == Op.PUT:
            value = [data.draw(st.sampled_from(["k", "l"])), value]
        elif tag == Op.COUNT:
            value = data.draw(st.integers(-5, 5))
        elif tag in (Op.DISCARD, Op.DELETE):
            value = None
        return Operation(int(tag), field, detail, value)

    @rule(data=st.data(), batches=st.sampled_from([1, 1, 2, 99]))
    def sync(self, data: st.DataObject, batches: int) -> None:
        giver, taker = data.draw(st.permutations(self.devices))[:2]
        serve_some(giver, taker, batches)

    @rule(data=st.data())
    def restart(self, data: st.DataObject) -> None:
        device = self.pick(data)
        before = device.replica.digest(), device.replica.state_digest(), list(device.replica.circle.pasts.after(0))
        if data.draw(st.booleans()):
            device.store.save_snapshots(device.replica.states.snapshots(worth=1))
            device.store.flush()
        device.replica = Replica(device.id, device.store)
        pasts = list(device.replica.circle.pasts.after(0))
        assert before == (device.replica.digest(), device.replica.state_digest(), pasts)

    @precondition(lambda self: hasattr(self, "devices"))
    @invariant()
    def own_entries_are_never_lost(self) -> None:
        assert max(device.replica.held.entries() for device in self.devices) <= self.entries

    def teardown(self) -> None:
        """The network heals: through the first device, everything reaches everybody."""
        if not hasattr(self, "devices"):
            return
        for device in self.devices:
            serve_some(device, self.devices[0], 99)
        for device in self.devices:
            serve_some(self.devices[0], device, 99)
        for device in self.devices:
            assert device.replica.held.entries() == self.entries
            assert device.replica.digest() == self.devices[0].replica.digest()
            assert device.replica.state_digest() == self.devices[0].replica.state_digest()
        for case in CASES:
            self.shows(case)

    def shows(self, case: CaseId) -> None:
        """Check that the last device shows what the model derives from the set of all operations."""
        did = self.did[case]
        state = self.devices[-1].replica.read(case)
        if state is None:
            assert not did
            return
        for field in FIELDS:
            register = state.registers.get(field)
            written = set(register.live) if register else set()
            assert written == {one.ref for one in model.register(did, field)}
            counter = state.counters.get(field)
            assert (counter.total if counter else 0) == model.total(did, field)
            held = state.sets.get(field)
            live = set(held.live) if held else set()
            assert live == {one for refs in model.members(did, field).values() for one in refs}
            entries = state.maps.get(field)
            puts = set(entries.live) if entries else set()
            assert puts == {one for pairs in model.mapping(did, field).values() for one, _ in pairs}
        for field in [*FIELDS, "log"]:
            log = state.logs.get(field)
            shown = [item.first.ref for item in log.items()] if log else []
            assert shown == [line.first for line in model.log(did, field)]
        assert state.kind == model.kind(did)
        assert state.version == model.version(did)


TestCells = Cells.TestCase
TestCells.settings = settings(max_examples=40, stateful_step_count=25)
