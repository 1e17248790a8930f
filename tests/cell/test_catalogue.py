"""The catalogue: it always equals a naive recomputation, whatever arrives, fails or is killed; and it does no work that
was not requested."""

from __future__ import annotations

import random
from typing import Any

import pytest
import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from trio.testing import MockClock

from cellsync import Cell
from cellsync.casework.values.name import Name, NameKind, Script, best
from cellsync.cell import description
from cellsync.cell.catalogue import AT_ONCE, QUIET, Catalogue, ShortIds
from cellsync.core.case.fold import CaseState
from cellsync.core.errors import DiskFull
from cellsync.core.folded import folded
from cellsync.core.history.store import ANYTHING, Wanted
from cellsync.core.ids import CaseId, EntryId
from cellsync.core.membership.control import Role
from cellsync.core.replica.replica import Replica
from cellsync.core.replica.stage import Plan
from cellsync.core.wire import operations
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from cellsync.testing import MemoryNetwork
from tests.cell.cells import Visit
from tests.core.replicas import MemoryReplica, admitted, founded, pass_on
from tests.models.catalogue import CatalogueModel
from tests.scenarios.forks import Equivocator, Honest
from tests.store.commits import lay_out_by_slot

CASES = [CaseId(bytes([1, number]) + bytes([number]) * 30) for number in (1, 2, 3)] + [CaseId(b"\x01" * 32)]
KINDS = ["cellsync.case", "cellsync.person", "org.example.other"]
WORDS = ["Вера", "вера", "Ver'a", "VR-1", "", "x" * 300, "Mill Street"]
STATUSES = ["archived", "closed"]
CREATE, SET, ADD, DISCARD, APPEND, CORRECT, RETRACT = (
    int(op) for op in (Op.CREATE, Op.SET, Op.ADD, Op.DISCARD, Op.APPEND, Op.CORRECT, Op.RETRACT)
)

OPERATIONS = st.one_of(
    st.builds(lambda kind: Operation(CREATE, kind, 1, None), st.sampled_from(KINDS)),
    st.builds(
        lambda field, value: Operation(SET, field, b"", value),
        st.sampled_from(["title", "status", "external_id", "description"]),
        st.sampled_from([*WORDS, 7, None]),
    ),
    st.builds(lambda status: Operation(SET, "status", b"", status), st.sampled_from(STATUSES)),
    st.builds(
        lambda text, kind: Operation(ADD, "names", None, [text, "cyrillic", kind]),
        st.sampled_from(WORDS),
        st.sampled_from(["legal", "alias", "?"]),
    ),
    st.builds(lambda case: Operation(ADD, "links", None, [bytes(case), "about"]), st.sampled_from(CASES)),
    st.builds(
        lambda source: Operation(APPEND, "notes", source, "a note"), st.sampled_from([None, b"a line of a file"])
    ),
)


class Catalogues(RuleBasedStateMachine):
    """Ana, Ben and Cat write; Dan only reads, so what he writes does not count; Mal forks without end."""

    devices: list[Honest]

    @initialize()
    def found(self) -> None:
        ana = founded()
        born = [admitted(ana, "ben", 2), admitted(ana, "cat", 3), admitted(ana, "dan", 4, Role.READER)]
        self.mal = Equivocator(admitted(ana, "mal", 5), ana, random.Random(1))
        self.devices = [_life(one, ana, number) for number, one in enumerate([ana, *born], start=6)]
        self.catalogues = [Catalogue(one.replica, one.store) for one in self.devices]
        for device, catalogue in zip(self.devices, self.catalogues, strict=True):
            _tell(device, catalogue)

    @rule(at=st.integers(0, 3), case=st.sampled_from(CASES), done=st.lists(OPERATIONS, min_size=1, max_size=4))
    def edit(self, at: int, case: CaseId, done: list[Operation]) -> None:
        self.devices[at].edit(case, *done)

    @rule(at=st.integers(0, 3), case=st.sampled_from(CASES), data=st.data())
    def replace(self, at: int, case: CaseId, data: st.DataObject) -> None:
        state = self.devices[at].replica.read(case)
        if state is None or "title" not in state.registers:
            return
        live = b"".join(sorted(state.registers["title"].live)[:64])
        self.devices[at].edit(case, Operation(SET, "title", live, data.draw(st.sampled_from(WORDS))))

    @rule(at=st.integers(0, 3), case=st.sampled_from(CASES), name=st.sampled_from(["names", "links"]))
    def discard(self, at: int, case: CaseId, name: str) -> None:
        state = self.devices[at].replica.read(case)
        if state is not None and name in state.sets and state.sets[name].live:
            self.devices[at].edit(case, Operation(DISCARD, name, min(state.sets[name].live), None))

    @rule(
        at=st.integers(0, 3), case=st.sampled_from(CASES), tag=st.sampled_from([CORRECT, CORRECT, RETRACT]),
        text=st.sampled_from(["as it was", "as it is"]), data=st.data(),
    )  # fmt: skip
    def amend(self, at: int, case: CaseId, tag: int, text: str, data: st.DataObject) -> None:
        state = self.devices[at].replica.read(case)
        if state is not None and "notes" in state.logs:
            versions = sorted(cell.ref for item in state.logs["notes"].items() for cell in item.versions)
            for version in data.draw(st.lists(st.sampled_from(versions), min_size=1, max_size=2)) if versions else ():
                self.devices[at].edit(case, Operation(tag, "notes", version, text))

    @rule(pair=st.permutations(range(4)), case=st.sampled_from(CASES))
    def contradict(self, pair: list[int], case: CaseId) -> None:
        """Two correct one item at the same time."""
        one, other, *_ = [self.devices[at] for at in pair]
        one.edit(case, Operation(APPEND, "notes", None, "seen twice"))
        pass_on(one, other)
        for device in (one, other):
            state = device.replica.read(case)
            items = [] if state is None or "notes" not in state.logs else state.logs["notes"].items()
            if items:
                device.edit(case, Operation(CORRECT, "notes", items[-1].first.ref, f"by {device.device[:2].hex()}"))
        self.check(pair[1])

    @rule(pair=st.permutations(range(4)))
    def sync(self, pair: list[int]) -> None:
        pass_on(self.devices[pair[0]], self.devices[pair[1]])

    @rule(at=st.integers(0, 3), times=st.sampled_from([1, 2, 60]), killed=st.booleans())
    def fork(self, at: int, times: int, killed: bool) -> None:
        for _ in range(times):
            self.catalogues[at].fresh()
            self.mal.show(self.devices[at])
            if killed:
                self.reopen(at)
        self.check(at)

    @rule(at=st.integers(0, 3), case=st.sampled_from(CASES))
    def step_fails(self, at: int, case: CaseId) -> None:
        """All that was staged is lost; what is asked next is right all the same."""
        self.devices[at].edit(case, Operation(SET, "title", b"", "staged"))
        self.catalogues[at].fresh()
        self.devices[at].store._roll_back()
        self.check(at)

    @rule(
        at=st.integers(0, 3), case=st.sampled_from(CASES),
        how=st.sampled_from(["killed", "killed at once", "closed", "other version"]),
    )  # fmt: skip
    def restart(self, at: int, case: CaseId, how: str) -> None:
        device, catalogue = self.devices[at], self.catalogues[at]
        catalogue.fresh()
        if how == "killed":  # what is listed is durable with the entry that makes it stale
            device.edit(case, Operation(SET, "title", b"", "before the kill"))
        elif how == "closed":
            device.store.save_snapshots(device.replica.states.snapshots(worth=1))
            device.store.flush()
            catalogue.settled()
        elif how == "other version":
            device.store._db.execute("UPDATE listings SET title = '?'; UPDATE called SET name = name || '?'")
            device.store._db.execute("UPDATE kept SET value = x'00' WHERE name = 'listings'")
            device.store.flush()
        self.reopen(at)
        if how == "closed":
            assert self.catalogues[at].stale == 0
        self.check(at)

    def reopen(self, at: int) -> None:
        """What was not flushed is lost, and nothing is known but what the store has."""
        device = self.devices[at]
        device.store._roll_back()
        device.replica = Replica(device.id, device.store)
        device.__dict__.pop("shown", None)
        self.catalogues[at] = Catalogue(device.replica, device.store)
        _tell(device, self.catalogues[at])

    @rule(at=st.integers(0, 3), most=st.integers(0, 2))
    def describe_some(self, at: int, most: int) -> None:
        self.catalogues[at].describe(most)

    @rule(
        at=st.integers(0, 3), kinds=st.none() | st.lists(st.sampled_from([*KINDS, ""]), max_size=2),
        besides=st.lists(st.sampled_from(KINDS), max_size=2), conflicts=st.booleans(),
        put_away=st.none() | st.booleans(),
        parts=st.lists(st.sampled_from([*WORDS, "er", "st", "%", "_"]).map(folded), max_size=2),
        pointing=st.sampled_from([b"", b"", *CASES]), among=st.none() | st.lists(st.integers(2, 5), max_size=3),
        after=st.integers(0, 6), limit=st.integers(1, 4),
    )  # fmt: skip
    def ask(
        self, at: int, kinds: list[str] | None, besides: list[str], conflicts: bool, put_away: bool | None,
        parts: list[str], pointing: bytes, among: list[int] | None, after: int, limit: int,
    ) -> None:  # fmt: skip
        wanted = Wanted(kinds, besides, conflicts, put_away, parts, pointing, among)
        self.check(at, wanted, after, limit)

    def check(self, at: int, wanted: Wanted = Wanted(), after: int = 0, limit: int = 9) -> None:  # noqa: B008
        device, catalogue = self.devices[at], self.catalogues[at]
        listings, model = catalogue.fresh(), CatalogueModel(device.replica, device.store)
        assert listings.stale() in ([], [1])  # only the circle's own case has none
        assert listings.page(wanted, after, limit) == model.page(wanted, after, limit)
        assert listings.count(wanted) == len(model.page(wanted, 0, 99))
        assert listings.counts() == model.counts()
        assert listings.put_away() == model.put_away()
        for kind in [*KINDS, ""]:
            assert listings.of_kind(kind) == [one.number for one in model.page(Wanted([kind]), 0, 99)]
        for name in map(description.sought, WORDS):
            assert listings.called(name) == model.called(name)
            if name:
                for parts in ([name[1:3]], [name[2:4], name[:2]]):
                    assert listings.called_partly(parts) == model.called_partly(parts)
        for case in CASES:
            assert listings.linking(case) == model.linking(case)
        for number in model.listings:
            assert listings.links(number) == model.links(number)
        for number, case in model.ids.items():
            assert catalogue.short(case) == model.short(case)
            states = device.replica.states
            found, whole = states.get(number).conflicts(), states.read(number).conflicts()
            assert {(one.field, one.cells) for one in found} == {(one.field, one.cells) for one in whole}
        for digits in ("01", "0101", "010", "0102", "f"):
            assert catalogue.beginning(digits) == model.beginning(digits)
        if device.random.random() < 0.3:
            device.store.flush()
            catalogue.settled()

    def teardown(self) -> None:
        if hasattr(self, "devices"):
            for one in self.devices:
                pass_on(one, self.devices[0])
            for at, one in enumerate(self.devices):
                pass_on(self.devices[0], one)
                self.check(at)


TestCatalogues = Catalogues.TestCase
TestCatalogues.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def _life(device: MemoryReplica, giver: MemoryReplica, seed: int) -> Honest:
    life = Honest(device.id, device.secrets, device.device, device.line[1], seed)
    life.epochs, life.sponsor = device.epochs, device.sponsor
    pass_on(giver, life)
    return life


def _tell(device: Honest, catalogue: Catalogue) -> None:
    """The catalogue is told of each step, as a cell tells it."""
    commit = type(device).commit

    def noted(plan: Plan) -> Plan:
        commit(device, plan)
        catalogue.note(plan)
        if device.random.random() < 0.5:  # as an import does
            catalogue.describe_written(plan)
        return plan

    device.commit = noted  # type: ignore[method-assign]


# --- describing --------------------------------------------------------------------------------------------------


def state_of(*done: Operation) -> CaseState:
    state = CaseState()
    state.apply((EntryId(b"e" * 32), b"d" * 32, 1, 1), list(done))  # type: ignore[arg-type]
    return state


ODD_OPERATIONS = st.one_of(
    OPERATIONS, OPERATIONS,
    st.builds(
        lambda field, value: Operation(SET, field, b"", value),
        st.sampled_from(["kind", "given_by", "since", "state", "names", "other"]),
        st.sampled_from(["of_kin", 1_700_000_000_000, [2024, 5, None, False], [None, None, None, True], b"x"]),
    ),
    st.builds(lambda name, odd: Operation(ADD, name, None, odd), st.sampled_from(["names", "links"]), st.sampled_from(
        [7, [], [b"x"], [None, 1], ["", "", ""], [["a"]], {"a": 1}, ["Вера"], [bytes(CASES[0])]]
    )),
    st.sampled_from([
        Operation(SET, "title", b"r" * 10, "Ana"), Operation(DISCARD, "names", b"r" * 10, None),
        Operation(CORRECT, "notes", b"r" * 10, "a note"), Operation(99, "title", None, "unknown"),
        Operation(int(Op.PUT), "title", b"", ["key", "value"]),
    ]),
)  # fmt: skip


@given(st.lists(ODD_OPERATIONS, max_size=8))
@example([])
@example([Operation(SET, "title", b"", "one"), Operation(SET, "title", b"", "another")])
def test_what_begins_a_case_is_described_as_its_state_would_be(done: list[Operation]) -> None:
    decoded = (
        operations.decode(operations.encode_shape(done), operations.encode_content(bytes(16), done)) if done else []
    )
    for given_ in (done, decoded):
        said = description.said_first(given_)
        if said is not None:
            listing = description.describe_said(2, 3, said, description.Sought())
            assert listing == description.describe(2, 3, state_of(*decoded))
    plain = {CREATE, ADD, APPEND, SET}
    registers = [one.field for one in done if one.tag == SET]
    creates = sum(one.tag == CREATE for one in done)
    if (
        all(one.tag in plain and not one.detail for one in done)
        and len(set(registers)) == len(registers)
        and creates < 2
    ):
        assert description.said_first(decoded) is not None


@given(
    st.lists(
        st.builds(Name, st.sampled_from(["Vera", "Вера", "V."]), st.sampled_from(Script), st.sampled_from(NameKind)),
        min_size=1, max_size=5,
    )
)  # fmt: skip
@example([Name("Vera", Script.LATIN, NameKind.ALIAS), Name("Вера", Script.CYRILLIC, NameKind.LEGAL)])
def test_a_person_is_called_by_the_name_that_casework_calls_the_best(names: list[Name]) -> None:
    chosen = best(names)
    assert chosen is not None
    done = [Operation(ADD, "names", None, [one.text, one.script.value, one.kind.value]) for one in names]
    assert description.title_of(state_of(*done)) == chosen.text


def test_what_is_described_is_bounded_whatever_a_member_writes() -> None:
    long = "я" * 50_000
    names = [Operation(ADD, "names", None, [f"{at} {long}", "cyrillic", "legal"]) for at in range(200)]
    odd: list[Any] = [7, [], [b"x"], [None, 1], ["", "", ""], [["a"]], {"a": 1}]
    odds = [Operation(ADD, name, None, one) for name in ("names", "links") for one in odd]
    links = [Operation(ADD, "links", None, [at.to_bytes(32, "big"), "about"]) for at in range(1_500)]
    done = [Operation(SET, "title", b"", long), Operation(SET, "status", b"", long), *names, *odds, *links]
    listing = description.describe(2, 3, state_of(*done))
    assert (len(listing.title), len(listing.status)) == (description.TITLE, description.TITLE)
    assert len(listing.called) == description.NAMES
    assert max(len(name) for name, _ in listing.called) == description.TITLE
    assert listing.links == {ANYTHING, *(at.to_bytes(32, "big") for at in range(description.LINKS))}


def test_a_case_in_which_nothing_counts_is_not_shown() -> None:
    listing = description.describe(2, 3, CaseState())
    assert not listing.shown
    assert not listing.called


@given(st.lists(st.binary(min_size=32, max_size=32).map(CaseId), unique=True, min_size=1, max_size=150), st.data())
def test_short_ids_are_the_same_however_they_came(cases: list[CaseId], data: st.DataObject) -> None:
    ids: dict[int, CaseId] = {1: CaseId(b"the circle's own case".ljust(32))}
    shorts = ShortIds(ids)
    while cases:
        some = data.draw(st.sampled_from([1, 3, 99]))
        ids |= dict(enumerate(cases[:some], start=len(ids) + 1))
        cases = cases[some:]
        shorts.short(ids[2])
    assert [ids[number] for number in shorts._order] == sorted(ids[number] for number in ids if number > 1)


# --- in a cell ---------------------------------------------------------------------------------------------------


async def titles(cell: Cell) -> list[str]:
    return [one.title for one in await cell.first.catalogue.look(lambda _, listings: listings.page(Wanted(), 0, 99))]


async def test_a_vault_without_listings_opens_and_gets_them(autojump_clock: MockClock) -> None:
    laptop = await MemoryNetwork().device("ana").found()
    async with laptop.opened() as cell:
        for at in range(3):
            await cell.create(Visit, title=f"visit {at}")
        store: Any = cell.first.circle.store
        close = store.close

        def as_before() -> None:
            store.flush()
            lay_out_by_slot(store)
            store._db.execute("DROP TABLE citations; DROP TABLE listings; DROP TABLE called; DROP TABLE links")
            store._db.execute("ALTER TABLE entries DROP COLUMN form")
            store._db.pragma("user_version", 2)
            close()

        store.close = as_before
    for _ in range(2):
        async with laptop.opened() as cell:
            assert await titles(cell) == ["visit 0", "visit 1", "visit 2"]
            assert [one.title for one in await cell.cases(Visit)] == ["visit 0", "visit 1", "visit 2"]


async def test_what_is_described_is_durable_once_it_is_quiet(autojump_clock: MockClock) -> None:
    laptop = await MemoryNetwork().device("ana").found()
    async with laptop.opened() as cell:
        case = await cell.create(Visit, title="one")
        async with case.edit() as draft:
            draft.title = "two"
        assert cell.first.catalogue.stale == 1
        await trio.sleep(4 * QUIET)
        assert (cell.first.catalogue.stale, cell.first.catalogue.staged) == (0, 0)
    async with laptop.opened() as cell:
        assert cell.first.catalogue.stale == 0
        assert await titles(cell) == ["two"]


async def test_a_full_disk_keeps_nobody_from_asking(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        cell.first.circle.store._roll_back()  # type: ignore[attr-defined]
        raise DiskFull

    async with (await MemoryNetwork().device("ana").found()).opened() as cell:
        await cell.create(Visit, title="stored")
        with monkeypatch.context() as patched:
            patched.setattr(cell.first.circle.store, "flush", full)
            await trio.sleep(4 * QUIET)
            assert await titles(cell) == ["stored"]
            with pytest.raises(DiskFull):
                await cell.create(Visit, title="lost")
            assert await titles(cell) == ["stored"]
        await cell.create(Visit, title="after")
        assert await titles(cell) == ["stored", "after"]


async def test_who_asks_does_not_wait_for_the_end_of_an_import(autojump_clock: MockClock) -> None:
    """An import that makes more cases stale with each of its steps than are described at once."""
    net = MemoryNetwork()
    async with (await net.device("ana").found()).opened() as ana, trio.open_nursery() as nursery:
        steps = 0

        async def write_on() -> None:
            nonlocal steps
            while True:
                async with ana.first.circle.lock:
                    made = [Operation(CREATE, KINDS[0], 1, None), Operation(SET, "title", b"", "by an import")]
                    await ana.first.own_entries.write_locked(
                        [(CaseId(random.randbytes(32)), made) for _ in range(2 * AT_ONCE)]
                    )
                steps += 1
                await trio.lowlevel.checkpoint()

        nursery.start_soon(write_on)
        while not steps:
            await trio.lowlevel.checkpoint()
        with trio.fail_after(60):
            await titles(ana)
        assert steps < 30
        nursery.cancel_scope.cancel()


def test_what_a_case_is_called_does_not_depend_on_its_conflicts(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may stand in 131,072 fields, and nobody asked for them."""
    state = state_of(Operation(int(Op.CREATE), "cellsync.case", 1, None), Operation(int(Op.SET), "title", b"", "Mill"))
    monkeypatch.setattr(CaseState, "conflicts", None)
    assert description.title_of(state) == "Mill"
    assert ("mill", False) in list(description.called(state))
    with pytest.raises(TypeError):
        description.said_in(state)
