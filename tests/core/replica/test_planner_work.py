"""The cost of a hostile batch: work is counted, and grows only in proportion to the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from cellsync.core.history.ancestry import Ancestry
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import Entry
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.ids import CaseId, EntryId, Incarnation
from cellsync.core.replica import planner
from cellsync.core.replica.slices import Slice, Tip
from cellsync.core.wire.batches import Batch, BatchChain
from cellsync.core.wire.operations import Operation
from tests.core.attacks import Draft, Writer, anew, content, forge, of, together
from tests.core.replicas import MemoryReplica, pair, pass_on

CASE = CaseId(b"c" * 32)


def life(device: MemoryReplica, number: int) -> Writer:
    """Another incarnation of a device."""
    return anew(device, Incarnation(number.to_bytes(8, "big")))


def count(monkeypatch: pytest.MonkeyPatch, where: object, name: str) -> list[None]:
    """A list that grows by one with each call."""
    calls: list[None] = []
    real: Callable[..., object] = getattr(where, name)

    def counted(*args: object) -> object:
        calls.append(None)
        return real(*args)

    monkeypatch.setattr(where, name, counted)
    return calls


def test_rows_that_fall_one_after_the_other_fall_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cites what a refused row brought before it was refused: the batch was gone through once for each of them."""
    ana, mo = pair()
    hole = BatchChain(mo.device, Incarnation(b"nobody's"), 2, EntryId(b"h" * 32), None)
    cited, height, seen = EntryId(b"h" * 32), 1, hole
    batches = []
    for number in range(12):
        drafts = [Draft(), Draft(), Draft(parents=[(1, 1, cited, height)])]
        batch, ids = forge(life(mo, number), drafts, [seen])
        batches.append(batch)
        height = life(mo, number).after(ids[:2]).height
        cited, seen = ids[1], BatchChain(mo.device, batch.chains[0].incarnation, 3, ids[1], None)
    passes = count(monkeypatch, planner, "_stage_batch")
    plan = ana.replica.plan(together(batches))
    assert plan.refused == [3 * number for number in range(12)]
    assert not plan.commit.entries
    assert len(passes) == 2


def test_a_chain_in_many_rows_costs_what_it_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    ana, mo = pair()
    batches, writer = [], of(mo)
    for number in range(300):
        batch, [head] = forge(writer, [Draft(content=content(str(number)))])
        batches.append(batch)
        writer = writer.after([head])
    lent = count(monkeypatch, Slice, "lend_to")
    assert not ana.receive(together(batches)).refused
    assert len(lent) == 299  # each row rests on the one before it


def test_an_end_that_another_row_brought_is_found_without_looking_through_all() -> None:
    """Two rows of one chain, each with an entry that the other one brings as well."""
    ana, mo = pair()
    batch, _ = forge(of(mo), [Draft(content=content(word)) for word in "abc"])
    first, second = [entry._replace(clock=0) for entry in batch.entries[1:]]
    rows = [batch.chains[0], *batch.chains]
    start = batch.entries[0]._replace(parents=[2, 1])
    entries = [
        start,
        start._replace(chain=1, clock=0),
        first._replace(chain=1),
        first,
        second,
        second._replace(chain=1),
    ]
    assert ana.receive(Batch(rows, [CASE], entries)).reached[:2] == [(2, 3), (2, 3)]


def test_a_row_that_another_one_has_overtaken_looks_where_it_goes_on() -> None:
    """Both bring the second entry; then each goes on. It was staged in the place that the other one had taken, and the
    whole commit failed."""
    ana, mo = pair()
    one, ids = forge(of(mo), [Draft(content=content(word)) for word in "abc"])
    other, _ = forge(of(mo).after(ids[:2]), [Draft(content=content("d"))])
    begins = one.entries[0]._replace(parents=[2, 1])
    second, third = one.entries[1:]
    entries = [
        begins, begins._replace(chain=1, clock=0), second._replace(chain=1), second, third,
        other.entries[0]._replace(chain=1, clock=0),
    ]  # fmt: skip
    rows = [one.chains[0], one.chains[0]._replace(signature=other.chains[0].signature), one.chains[1]]
    plan = ana.receive(Batch(rows, [CASE], entries))
    assert not plan.refused
    assert [(fork.line, fork.sequence) for fork in plan.forks] == [(mo.line, 3)]
    assert len({entry.slot for entry in plan.commit.entries}) == 4


@pytest.mark.parametrize("branches", [100, 200])
def test_rows_on_a_chain_of_many_branches_read_each_of_them_once(branches: int) -> None:
    """As many rows as branches: at the chain's beginning, and behind the same entry."""
    ana, mo = pair()
    batch, [root] = forge(life(mo, 0), [Draft()])
    after = life(mo, 0).after([root])
    ana.receive(batch, ana.device)
    sides = [forge(after, [Draft(content=content(number)), Draft()]) for number in range(branches)]
    room = {mo.device: 2 * branches}
    ana.commit(ana.replica.plan(together([side for side, _ in sides]), room))
    assert len(ana.branches((mo.device, life(mo, 0).incarnation))) == branches
    reads = Reads(ana)
    more = [forge(after.after(ids), [Draft(content=content("more"))])[0] for _, ids in sides]
    again = together([*(side for side, _ in sides), *more])
    plan = ana.replica.plan(again, room)
    assert len(plan.commit.entries) == branches
    assert not plan.refused
    assert reads.count <= 12 * branches


class Reads:
    """How many entries are read from a device's store, from now on."""

    def __init__(self, device: MemoryReplica) -> None:
        self.count = self.ids = 0
        self._read, self._read_ids = device.store.entry_at, device.store.ids_at
        device.store.entry_at = self._counted  # type: ignore[method-assign]
        device.store.ids_at = self._counted_ids  # type: ignore[method-assign]

    def _counted(self, slot: int) -> Entry | None:
        self.count += 1
        return self._read(slot)

    def _counted_ids(self, slots: Sequence[int]) -> list[tuple[int, EntryId]]:
        self.ids += len(slots)
        return self._read_ids(slots)


@pytest.mark.parametrize("teeth", [100, 400])
def test_a_parent_far_below_is_found_without_walking_down(teeth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comb, and entries that cite its first entry by way of its last branch: 16,384 branches would have been gone
    through for each of 70,000 parents."""
    ana, mo = pair()
    root = comb(ana, mo, teeth)
    end = max(ana.branches((mo.device, life(mo, 0).incarnation)))
    row = BatchChain(mo.device, life(mo, 0).incarnation, end.length + 1, end.head, None)
    height = life(mo, 0).after([root]).height
    citing, _ = forge(life(mo, 9), [Draft(parents=[(1, end.length, root, height)]) for _ in range(20)], [row])
    looked = count(monkeypatch, Ancestry, "_row")
    made = count(monkeypatch, Tip, "__init__")
    assert not ana.replica.plan(citing, {mo.device: 1}).refused
    assert len(looked) <= 20 * 2 * 40
    assert len(made) <= 4


def comb(device: MemoryReplica, of: MemoryReplica, teeth: int) -> EntryId:
    """Each branch leaves the one before it, in its last place but one; returns the first entry."""
    writer, batches, spine = life(of, 0), [], []
    for number in range(teeth):
        tooth, ids = forge(writer, [Draft(content=content(number)), Draft()])
        batches.append(tooth)
        spine.append(ids[0])
        writer = writer.after(ids[:1])
    device.commit(device.replica.plan(together(batches), {of.device: teeth}))
    return spine[0]


@pytest.mark.parametrize("branches", [20, 80])
def test_places_within_long_branches_are_read_at_once_and_only_their_ids(branches: int) -> None:
    """Branches of one length from one place, and rows that go on behind each place of one of them."""
    ana, mo = pair()
    sides = [forge(life(mo, 0), [Draft(content=content(n)), *[Draft()] * 9]) for n in range(branches)]
    ana.commit(ana.replica.plan(together([side for side, _ in sides]), {mo.device: branches}))
    after = life(mo, 0)
    more = [forge(after.after(sides[-1][1][:at]), [Draft(content=content(at))])[0] for at in range(1, 10)]
    reads = Reads(ana)
    plan = ana.replica.plan(together(more), {mo.device: 9})
    assert [chain.base for chain in plan.commit.chains] == [branches + 1] * 9
    assert reads.count <= 9 * 4
    assert reads.ids == 9 * branches


def test_what_an_equivocator_left_costs_the_others_nothing_when_they_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """All its branches were looked at with each entry."""
    ana, mo = pair()
    sides = [forge(life(mo, number), [Draft()])[0] for number in range(200)]
    ana.commit(ana.replica.plan(together(sides), {mo.device: 200}))
    assert ana.equivocators == {mo.device}
    made = count(monkeypatch, Tip, "__init__")
    read = count(monkeypatch, type(ana.store), "entry_at")
    chains = ana.replica.held.chains = Looked(ana.replica.held.chains)
    ana.edit(CASE, Operation(1, "f", b"", "x"))
    assert len(ana.replica.held.counted) == 200
    assert chains.count <= 20
    assert len(made) <= 2
    assert len(read) <= 4


def test_forks_are_found_without_comparing_each_branch_with_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comb: each branch leaves the one before it, in its last place but one."""
    ana, mo = pair()
    comb(ana, mo, 200)
    chains = Looked(ana.replica.held.chains)
    ana.replica.held.chains = chains
    assert len(ana.replica.forks()) == 199
    assert chains.count <= 4 * 200


class Looked(dict[int, Chain]):
    """Chains by number, and how often one was looked up, or come upon by going through all."""

    count = 0

    def __getitem__(self, number: int) -> Chain:
        self.count += 1
        return super().__getitem__(number)

    def __iter__(self) -> Iterator[int]:
        self.count += len(self)
        return super().__iter__()

    def keys(self) -> Any:
        self.count += len(self)
        return super().keys()

    def values(self) -> Any:
        self.count += len(self)
        return super().values()

    def items(self) -> Any:
        self.count += len(self)
        return super().items()


def test_what_goes_on_where_branches_end_is_planned_without_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else planning would wait while the store puts its log away, and a batch of 47 devices would read 47 entries."""
    ana, mo = pair()
    ana.edit(CASE, Operation(7, "log", None, "one"))
    pass_on(ana, mo)
    mo.edit(CASE, Operation(7, "log", None, "two"))
    pass_on(mo, ana)
    for number in range(4):
        one, other = (ana, mo) if number % 2 else (mo, ana)
        one.edit(CASE, Operation(7, "log", None, str(number)))
        known = one.known_of(other)
        reads = count(monkeypatch, other.store, "entry_at"), count(monkeypatch, other.store, "ids_at")
        batch = one.serve(one.cursor_for(PeerHoldings(known, (), ())), PeerHoldings(known, (), ()), 99).batch
        assert batch is not None
        plan = other.replica.plan(batch)
        assert (len(plan.commit.entries), *map(len, reads)) == (1, 0, 0)
        monkeypatch.undo()
        other.commit(plan)
