"""The cache of states: bounded in bytes, and no work for cases that are not read."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from itertools import count, islice, permutations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.case import states
from cellsync.core.case.fold import CaseState, Stamp
from cellsync.core.case.states import HEAVY, KEPT
from cellsync.core.history.entry import Entry
from cellsync.core.ids import CaseId, DeviceId, EntryId, Incarnation, Millis
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.replica import Replica
from cellsync.core.wire import operations
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind, Op
from tests.core.attacks import Draft, forge, of, pointer
from tests.core.replicas import START, MemoryReplica, admitted, founded, pass_on

CASE = CaseId(b"c" * 32)

Made = Callable[[int], list[Operation]]
SHAPES: dict[str, Made] = {
    "values": lambda at: [Operation(1, "f", b"", at)],
    "lists": lambda _: [Operation(1, "f", b"", [[]] * 500)],
    "set elements": lambda at: [Operation(2, "f", None, f"{at} {one}") for one in range(100)],
    "keys": lambda at: [Operation(4, "f", b"", [f"{at} {one}", 1]) for one in range(100)],
    "long keys": lambda at: [Operation(4, "f", b"", [f"{at}" * 10_000, 1])],
    "fields": lambda at: [Operation(1, f"{at} {one}", b"", 1) for one in range(100)],
    "counters": lambda at: [Operation(6, f"{at} {one}", None, 1) for one in range(100)],
    "refs": lambda at: [Operation(1, "f", at.to_bytes(4, "big") * 5 * 500, 1)],
    "unknown": lambda _: [Operation(77, "f", None, 1)] * 100,
    "texts": lambda at: [Operation(1, "f", b"", f"{at}" * 9_000)],
    "corrections": lambda at: [Operation(8, "f", bytes(10), f"{at} {one}") for one in range(100)],
    "corrections of many": lambda at: [Operation(8, "f", at.to_bytes(10, "big"), at) for at in range(at, at + 100)],
    "retractions": lambda at: [Operation(9, f"{at}", at.to_bytes(10, "big"), "why" * 99) for at in range(at, at + 100)],
}


def write(device: MemoryReplica, edits: Iterator[tuple[CaseId, list[Operation]]]) -> None:
    """In steps of a hundred entries."""
    while some := list(islice(edits, 100)):
        device.write(
            *(
                Intention(Kind.CASE, case, operations.encode_shape(done), operations.encode_content(bytes(16), done))
                for case, done in some
            )
        )


def number(case: int) -> CaseId:
    return CaseId(case.to_bytes(32, "big"))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_state_weighs_what_it_takes(shape: str) -> None:
    edits = [SHAPES[shape](at) for at in range(1, 60)]
    raw = [(operations.encode_shape(done), operations.encode_content(bytes(16), done)) for done in edits]
    state = CaseState()
    tracemalloc.start()
    for at, halves in enumerate(raw):
        state.apply((at.to_bytes(32, "little"), b"d" * 32, 1_000 + at, 1_000 + at), operations.decode(*halves))  # type: ignore[arg-type]
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert 0.75 * taken < state.weigh() < 3 * taken + 5_000


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_kept_is_bounded_whatever_is_written(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "KEPT", KEPT >> 5)
    monkeypatch.setattr(states, "HEAVY", HEAVY >> 5)
    device = founded()
    write(device, ((number(1 + at % 7), SHAPES[shape](at)) for at in range(400)))
    kept = device.replica.states
    assert sum(state.weigh() for state in kept._states.values()) < 2 * (KEPT >> 5) + 2 * (HEAVY >> 5)
    assert kept._weight == sum(kept._weights.values())
    assert kept._weights.keys() == kept._states.keys()
    for case, at in device.replica.held.cases.items():  # and what is read is what was written
        again = Replica(device.id, device.store).states
        assert list(kept.get(at).fields()) == list(again.read(at).fields()), case
        assert kept.get(at).encode() == again.get(at).encode()


def test_many_cases_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "KEPT", 1 << 19)
    device = founded()
    write(device, ((number(at), [Operation(1, "f", b"", at)]) for at in range(1, 2_000)))
    kept = device.replica.states
    for _ in range(2):
        for at in list(device.replica.held.case_ids)[1:]:
            [cell] = kept.get(at).registers["f"].live.values()
            assert number(cell.value) == device.replica.held.case_ids[at]
            assert kept._weight <= 1 << 20
        device.store.save_snapshots(kept.snapshots(worth=1))
        device.store.flush()
        assert not kept.crowded()


def test_a_flood_of_new_cases_in_one_step_is_bounded_while_it_is_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "KEPT", 1 << 16)
    monkeypatch.setattr(states, "BEYOND", 1 << 14)
    device = founded()
    kept = device.replica.states
    weights: list[int] = []
    keep = kept._keep

    def kept_now(at: int, state: CaseState) -> None:
        keep(at, state)
        weights.append(kept._weight)

    monkeypatch.setattr(kept, "_keep", kept_now)
    said = [Operation(1, "f", b"", 1)]
    done = operations.encode_shape(said), operations.encode_content(bytes(16), said)
    device.write(*(Intention(Kind.CASE, number(at), *done) for at in range(1, 1_000)))
    assert max(weights) < (1 << 16) + (1 << 14) + 5_000
    assert kept._weight <= 1 << 16
    assert all(kept.get(at).registers["f"].live for at in list(device.replica.held.case_ids)[1:])


says = st.sampled_from(
    [
        [Operation(7, "log", None, "said")],
        [Operation(7, "log", None, "said"), Operation(7, "log", None, "more")],
        [Operation(7, "other", None, 5)],
        [Operation(1, "f", b"", "said")],
        [Operation(1, "f", b"nothing is", "said instead")],
        [Operation(9, "log", b"nothing is", None)],
    ]
)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 2), st.integers(0, 1), says), min_size=1, max_size=14), st.integers(0, 14))
@example([(1, 0, [Operation(7, "log", None, "said")]), (1, 0, [Operation(1, "f", b"nothing is", "said instead")])], 0)
def test_a_batch_is_folded_as_its_entries_are(written: list[tuple[int, int, list[Operation]]], halfway: int) -> None:
    """Appends and texts are tallied, case by case; where a retraction may name one, they are folded one by one."""
    ana = founded()
    bea = admitted(ana, "bea", 1)
    eva = admitted(ana, "eva", 2)
    pass_on(ana, bea)
    for some in (written[:halfway], written[halfway:]):
        for case, who, done in some:
            author = (ana, bea)[who]
            for other in (ana, bea):
                pass_on(other, author)
            author.write(Intention(Kind.CASE, number(case), *halves(done)))
        pass_on(bea, ana)
        plans = pass_on(ana, eva)
        said = {one.entry.slot: one for plan in plans for one in plan.changes}
        assert all(one.operations == operations.decode(one.entry.shape, one.entry.content) for one in said.values())
        again = Replica(eva.id, eva.store)
        for at in list(eva.replica.held.case_ids)[1:]:
            kept, whole = eva.replica.states._states[at], again.states.get(at)
            assert kept.encode() == CaseState.decode(kept.encode()).encode()
            assert kept.counted == whole.counted
            assert list(kept.fields()) == list(whole.fields())
            assert eva.replica.states.get(at).encode() == whole.encode()


def halves(done: list[Operation]) -> tuple[bytes, bytes]:
    return operations.encode_shape(done), operations.encode_content(bytes(16), done)


def test_an_arrival_reads_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much the case holds, and whether its state is here or not."""
    device = founded()
    write(device, ((CASE, [Operation(7, "log", None, "x"), Operation(1, "f", b"", at)]) for at in range(300)))
    reads: list[int] = []
    walk = device.store.case_page

    def walked(head: int, folded: int, limit: int) -> list[Entry]:
        reads.append(head)
        return walk(head, folded, limit)

    monkeypatch.setattr(device.store, "case_page", walked)
    device.edit(CASE, Operation(1, "f", b"", "here"))
    fresh = Replica(device.id, device.store)
    reads.clear()
    device.replica = fresh
    device.edit(CASE, Operation(1, "f", b"", "not here"))
    assert reads == []
    [*_, newest] = sorted(
        fresh.states.get(fresh.held.cases[CASE]).registers["f"].live.values(), key=lambda one: one.height
    )
    assert newest.value == "not here"


def test_a_heavy_state_is_right_whenever_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "HEAVY", 20_000)
    monkeypatch.setattr(states, "_WEIGH", 1_000)
    device = founded()
    numbers = count(1)
    at = 2
    for _ in range(10):
        write(device, ((CASE, [Operation(2, "f", None, next(numbers))]) for _ in range(30)))
        assert device.replica.held.cases[CASE] == at
        found = device.replica.states.get(at)
        assert len(found.sets["f"].live) == len(device.replica.states.read(at).sets["f"].live)
        device.store.save_snapshots(device.replica.states.snapshots(worth=1))
    assert at not in device.replica.states._states


def said(at: int) -> Draft:
    done = [Operation(2, "f", None, at), Operation(7, "log", None, at)]
    return Draft(
        case=CASE, shape=operations.encode_shape(done), content=operations.encode_content(bytes(16), done), clock=START
    )


@pytest.mark.parametrize("order", range(6))
def test_a_case_shows_so_much_of_each_device(order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond is the same on all devices, whatever came first; nobody else's is touched."""
    monkeypatch.setattr(caps, "CASE_OPERATIONS", 11)
    ana = founded()
    bea, *takers = [admitted(ana, "other", 2 + number) for number in range(3)]
    ana.edit(CASE, Operation(2, "f", None, "ana before"))
    for taker in takers:
        pass_on(ana, taker)
    row, head, height = pointer(ana, ana)
    lives = [Incarnation(bytes([life]) * 8) for life in (1, 2, 3)]
    batches, shown = [], []
    for life in lives:
        numbers = [10 * life[0] + at for at in range(4)]
        shown += numbers
        first, *rest = map(said, numbers)
        writer = of(bea)._replace(incarnation=life)
        batches.append(forge(writer, [first._replace(parents=[(1, 1, head, height)]), *rest], [row])[0])
    for number, taker in enumerate(takers):
        for batch in list(permutations(batches))[(order + 3 * number) % 6]:
            taker.receive(batch)
            if order > 2:
                taker.replica.states.get(taker.replica.held.cases[CASE])
    pass_on(takers[0], ana)
    ana.edit(CASE, Operation(2, "f", None, "ana after"))
    for taker in takers:
        pass_on(ana, taker)
    wanted = {*shown[:5], "ana before", "ana after"}
    for device in (ana, *takers):
        states_, at = device.replica.states, device.replica.held.cases[CASE]
        for state in (states_.get(at), states_.read(at), Replica(device.id, device.store).states.get(at)):
            assert {cell.value for cell in state.sets["f"].live.values()} == wanted
            assert state.full == {bea.device}
        assert len(states_.read(at).logs["log"].appended) == 5
    assert len({device.replica.state_digest() for device in (ana, *takers)}) == 1


def test_reading_a_case_beyond_what_it_shows_folds_what_is_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was folded until there was too much, then all was decoded to count it, then it was folded."""
    monkeypatch.setattr(caps, "CASE_OPERATIONS", 30)
    device = founded()
    write(device, ((CASE, [Operation(2, "f", None, at), Operation(7, "log", None, at)]) for at in range(100)))
    kept, at = device.replica.states, device.replica.held.cases[CASE]
    folded = Folded(monkeypatch)
    for read in (kept.read, kept.read, kept.get):
        assert len(read(at).sets["f"].live) == 15
        assert folded.taken() == 15
    device.edit(CASE, Operation(2, "f", None, "one more"))
    folded.taken()
    assert len(kept.read(at).sets["f"].live) == 15
    assert folded.taken() == 15
    after_a_restart = Replica(device.id, device.store).states
    assert len(after_a_restart.read(at).sets["f"].live) == 15
    assert folded.taken() <= 15 + 16  # nobody knew that there is too much
    assert len(after_a_restart.read(at).sets["f"].live) == 15
    assert folded.taken() == 15


def test_the_logs_of_a_case_are_read_without_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caps, "CASE_OPERATIONS", 30)
    device = founded()
    write(device, ((CASE, [Operation(2, "f", None, at), Operation(7, "log", None, at)]) for at in range(14)))
    kept, at = device.replica.states, device.replica.held.cases[CASE]
    for exceeds in (False, True):
        assert bool(kept.get(at).full) == exceeds
        assert kept.logs(at)["log"].appended == kept.read(at).logs["log"].appended
        assert not kept._whole(at, CaseState(only_logs=True))[0].sets
        write(device, ((CASE, [Operation(7, "log", None, at)] * 3) for at in range(14)))


def test_the_items_that_somebody_means_are_read_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caps, "CASE_OPERATIONS", 60)
    device = founded()
    write(device, ((CASE, [Operation(2, "f", None, at), Operation(7, "log", None, at)]) for at in range(30)))
    kept, at = device.replica.states, device.replica.held.cases[CASE]
    for exceeds in (False, True):
        assert bool(kept.get(at).full) == exceeds
        shown = kept.logs(at)["log"].appended
        folded, state = Folded(monkeypatch), kept.get(at)
        folded.taken()
        for digits in (1, 3, 16):
            for item in shown:
                begins = item[:8].hex()[:digits]
                found = kept.named(at, state, [begins])["log"].appended
                assert found == {one: cell for one, cell in shown.items() if one[:8].hex().startswith(begins)}
                assert folded.taken() == len(found)
        ids = [entry.id for entry in device.store.case_entries(device.replica.held.heads[at], 0)]
        for entry in {one[:8] for one in ids} - {item[:8] for item in shown}:  # it does not count
            assert len(kept.named(at, state, [entry.hex()])) == 0
        assert len(kept.named(at, state, [])) == 0
        assert {stamp.id[:8] for _, stamp, _ in kept.backwards(at) if stamp} == {item[:8] for item in shown}
        write(device, ((CASE, [Operation(7, "log", None, at)] * 3) for at in range(14)))


def test_an_item_that_was_corrected_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ana = founded()
    ben = admitted(ana, "ben", 2)
    write(ana, ((CASE, [Operation(7, "log", None, at), Operation(1, "f", b"", at)]) for at in range(300)))
    pass_on(ana, ben)
    kept, at = ana.replica.states, ana.replica.held.cases[CASE]
    item = kept.read(at).logs["log"].items()[20].first.ref
    assert len(kept.get(at).amended) == 0
    for device in (ana, ben):
        device.edit(CASE, Operation(8, "log", item, f"by {device.device.hex()}"))
    pass_on(ben, ana)
    folded = Folded(monkeypatch)
    [found] = [one for one in kept.get(at).conflicts() if one.type == "log"]
    assert folded.taken() == 1
    assert list(kept.get(at).amended["log"].appended) == [found.key] == [item]
    assert {cell.value for cell in found.cells} == {f"by {one.device.hex()}" for one in (ana, ben)}
    for _ in range(2):  # and neither what is there nor what is nowhere is looked for again
        ana.edit(CASE, Operation(8, "log", bytes(10), "of what nobody has"))
        folded.taken()
        kept.get(at)
        assert folded.taken() == 0
    ana.store.save_snapshots(kept.snapshots(worth=1))
    after_a_restart = Replica(ana.id, ana.store).states
    assert after_a_restart.get(at).conflicts() == kept.get(at).conflicts()
    assert folded.taken() == 0


class Folded:
    """How many entries were decoded and folded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._count = 0
        decode = operations.decode

        def counted(shape: bytes, content: bytes) -> list[Operation]:
            self._count += 1
            return decode(shape, content)

        monkeypatch.setattr(operations, "decode", counted)

    def taken(self) -> int:
        count, self._count = self._count, 0
        return count


FULL = 4_000


@pytest.mark.parametrize("where", ["own", "one"])
@pytest.mark.parametrize(
    ("op", "logs"),
    [(op, True) for op in (Op.SET, Op.ADD, Op.PUT, Op.APPEND, Op.COUNT)]
    + [(op, logs) for op in (Op.CORRECT, Op.RETRACT) for logs in (True, False)],
)
def test_what_a_case_shows_of_a_device_takes_little_memory(op: Op, logs: bool, where: str) -> None:
    """Each value in a field of its own took 740 bytes, each correction 660; a device may have 131,072 shown."""
    amends = op in (Op.CORRECT, Op.RETRACT)
    tracemalloc.start()
    try:
        state, before = CaseState(logs=logs), tracemalloc.get_traced_memory()[0]
        for first in range(0, FULL, 200):
            done = [
                Operation(
                    int(op), f"{at:x}" if where == "own" else "f",
                    at.to_bytes(10, "big") if amends else b"" if op in (Op.SET, Op.PUT) else None,
                    [at, 1] if op is Op.PUT else at,
                )
                for at in range(first, first + 200)
            ]  # fmt: skip
            stamp = Stamp(EntryId(first.to_bytes(32, "little")), DeviceId(b"d" * 32), Millis(first), first)
            state.apply(
                stamp, operations.decode(operations.encode_shape(done), operations.encode_content(bytes(16), done))
            )
            del done
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(list(state.fields())) == (0 if amends else FULL if where == "own" else 1)
    assert taken < 460 * FULL  # 58 MiB for all of 131,072


def test_states_leave_one_by_one_and_the_one_that_was_read_last_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "KEPT", 1 << 19)
    device = founded()
    write(device, ((number(at), [Operation(1, "f", b"", at)]) for at in range(1, 1_000)))
    kept = device.replica.states
    loads: list[int] = []
    load = kept._load

    def loaded(at: int) -> CaseState:
        loads.append(at)
        return load(at)

    monkeypatch.setattr(kept, "_load", loaded)
    there = len(kept._states)
    assert there > 100
    favourite, *others = list(device.replica.held.case_ids)[1:]
    kept.get(favourite)
    for at in others[:50]:
        before = len(kept._states)
        kept.get(at)
        assert len(kept._states) >= before - 2
        kept.get(favourite)
    assert loads == [favourite, *others[:50]]
    device.edit(number(500), Operation(1, "f", b"", "x"))  # nor does a commit clear anything
    assert favourite in kept._states
    assert len(kept._states) > 0.8 * there


def test_a_snapshot_is_written_only_where_it_spares_folding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "KEPT", 1 << 16)
    device = founded()
    write(device, ((number(at), [Operation(1, "f", b"", at)]) for at in range(1, 500)))
    assert device.replica.states.snapshots() == []
    write(device, ((CASE, [Operation(2, "f", None, at)]) for at in range(20)))
    write(device, ((number(at), [Operation(1, "g", b"", at)]) for at in range(1, 500)))
    for at in list(device.replica.held.case_ids)[1:400]:
        device.replica.states.get(at)
    case = device.replica.held.cases[CASE]
    assert case not in device.replica.states._states
    assert len(device.replica.states.get(case).sets["f"].live) == 20  # from what waits to be written
    device.replica.states.get(case)
    [(at, folded, snapshot)] = device.replica.states.leaving()
    assert (at, folded) == (case, device.replica.held.heads[case])
    assert CaseState.decode(snapshot).encode() == device.replica.states.get(case).encode()
    assert device.replica.states.leaving() == []
