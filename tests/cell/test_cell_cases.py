from __future__ import annotations

from typing import Any, Literal

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell, Counter, GenericCase, Log, Map, Register, Schema, Set, empty, errors, field
from cellsync.cell.confirmation import Asked
from cellsync.cell.flag import Flag, Reason
from cellsync.core import caps
from cellsync.core.ids import CaseId, SigningSecret
from cellsync.core.membership.clocks import compare
from cellsync.core.pairing import inviter, joiner
from cellsync.core.pairing.messages import Hello
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.stage import Plan
from cellsync.core.wire.tags import Kind
from cellsync.ledger.source import OWN_HAND
from cellsync.store.header import Identity
from cellsync.testing import MemoryNetwork, level
from cellsync.testing.device import PASSPHRASE
from cellsync.testing.fixtures import CellPair
from tests.cell.cells import Visit

WORDS = ("Ana", "Ben", "Ana", "Ben")


class Other(Schema, kind="org.example.other", version=1):
    title: Register[str]


class Narrow(Schema, kind="org.example.visit", version=2):
    """What another program makes of the same kind: other types under the same names."""

    title: Register[int]
    status: Register[Literal["open", "closed"]] = field(default="closed")
    tags: Set[int] = empty()
    roles: Map[int, int] = empty()
    parcels: Counter = empty()
    notes: Log[int] = empty()
    urgent: Register[bool]


async def test_what_is_created_reads_back(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, ben = cell_pair
    case = await ana.create(Visit, title="Допрос", status="planned")
    assert (case.title, case.status, len(case.notes)) == ("Допрос", "planned", 0)
    theirs = await ben.get(Visit, case.id, wait=60)
    assert (theirs.title, theirs.status) == ("Допрос", "planned")
    assert [one.id for one in await ben.cases(Visit)] == [case.id]
    assert await ben.cases(Other) == []


def case_entries(cell: Cell) -> list[int]:
    """The places of the entries about cases."""
    store, chains = cell.first.circle.store, cell.first.circle.replica.held.chains.values()
    return [
        entry.slot
        for chain in chains
        for entry in store.chain_slice(chain.number, 1, chain.length)
        if entry.kind == Kind.CASE
    ]


async def test_every_kind_of_field_arrives(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, ben = cell_pair
    case = await ana.create(Visit, title="a")
    async with case.edit() as draft:
        draft.title = "b"
        draft.tags.add("urgent")
        draft.roles["lawyer"] = "M."
        draft.parcels.increment(3)
        draft.notes.append("first")
        draft.notes.append("second")
        assert case.title == "a"  # a draft is not shown before it is durable
    theirs = await ben.get(Visit, case.id, wait=60)
    await level([ana, ben])
    for one in (case, theirs):
        assert (one.title, set(one.tags), dict(one.roles), one.parcels) == ("b", {"urgent"}, {"lawyer": "M."}, 3)
        assert [item.value for item in one.notes.items] == ["first", "second"]
        assert {item.author for item in one.notes.items} == {"Ana"}
    assert [len(case_entries(cell)) for cell in (ana, ben)] == [2, 2]  # create, edit: one entry per edit


async def test_an_error_in_the_block_writes_nothing(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, _ = cell_pair
    case = await ana.create(Visit, title="a")
    before = ana.entries(), await ana.state_digest()
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with case.edit() as draft:
            draft.title = "b"
            draft.notes.append("n")
            raise ZeroDivisionError
    with trio.CancelScope() as scope:
        async with case.edit() as draft:
            draft.title = "c"
            scope.cancel()
            await trio.lowlevel.checkpoint()
    assert (ana.entries(), await ana.state_digest()) == before
    assert (case.title, len(case.notes)) == ("a", 0)
    async with case.edit() as draft:
        draft.title = "d"
    assert case.title == "d"


async def test_an_edit_that_changes_nothing_writes_nothing(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, _ = cell_pair
    case = await ana.create(Visit, title="a")
    before = ana.entries()
    async with case.edit():
        pass
    assert ana.entries() == before


async def test_writing_outside_a_draft(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, _ = cell_pair
    case = await ana.create(Visit, title="a")
    with pytest.raises(errors.ReadOnly):
        case.title = "b"
    with pytest.raises(errors.ReadOnly):
        case.notes.append("n")
    async with case.edit() as draft:
        draft.title = "b"
    with pytest.raises(errors.ReadOnly):
        draft.title = "after the block"


async def test_an_invalid_value_names_its_field(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, _ = cell_pair
    before = ana.entries()
    with pytest.raises(errors.InvalidValue, match="title"):
        await ana.create(Visit, title=7)  # type: ignore[arg-type]
    case = await ana.create(Visit, title="a")
    with pytest.raises(errors.InvalidValue, match="tags"):
        async with case.edit() as draft:
            draft.tags.add(7)  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidValue, match="status") as caught:
        async with case.edit() as draft:
            draft.status = "\ud800 Vera's status"
    assert "Vera" not in str(caught.value)  # no content in messages
    assert ana.entries() == before + 1


def in_one(draft: Visit, notes: list[str]) -> None:
    for note in notes:
        draft.notes.append(note)


async def test_an_edit_that_is_too_large(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, ben = cell_pair
    case = await ana.create(Visit, title="a")
    for size in (64 << 10, 1 << 20):
        with pytest.raises(
            errors.TooLarge, match=f"'notes': one value has at most 62 KiB, and this one has {size >> 10}"
        ):
            async with case.edit() as draft:
                draft.notes.append("x" * (size - 9))
    with pytest.raises(errors.TooLarge, match="'title'"):
        await ana.create(Visit, title="x" * (64 << 10))
    with pytest.raises(errors.TooLarge, match="one edit holds at most 63 KiB, and this one has 79 KiB"):
        async with case.edit() as draft:
            in_one(draft, ["x" * 40_000] * 2)
    with pytest.raises(errors.TooLarge, match="one edit holds at most 4096 elements"):
        async with case.edit() as draft:
            in_one(draft, ["x"] * 5_000)
    assert len(case.notes) == 0
    async with case.edit() as draft:
        draft.notes.append("y" * (60 << 10))  # the largest that fits
    theirs = await ben.get(Visit, case.id, wait=60)
    await level([ana, ben])
    assert len(theirs.notes) == 1


async def test_what_was_acknowledged_is_there_after_reopening(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    device = await memory_network.device("ana").found()
    async with device.opened() as ana:
        case = await ana.create(Visit, title="a")
        for number in range(30):
            async with case.edit() as draft:
                draft.notes.append(str(number))
                draft.title = str(number)
        digest = await ana.state_digest()
    async with device.opened() as ana:
        again = await ana.get(Visit, case.id)
        assert again.title == "29"
        assert [item.value for item in again.notes.items] == [str(number) for number in range(30)]
        assert await ana.state_digest() == digest
        async with again.edit() as draft:
            draft.title = "and on"
        assert again.title == "and on"


async def test_what_is_not_here(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, _ = cell_pair
    nowhere = CaseId(bytes(32))
    with pytest.raises(errors.NotFound):
        await ana.get(Visit, nowhere)
    with pytest.raises(errors.Timeout):
        await ana.get(Visit, nowhere, wait=5)
    with pytest.raises(errors.Timeout):
        await ana.get(Visit, nowhere, wait=0)
    case = await ana.create(Visit, title="a")
    with pytest.raises(errors.InvalidValue):
        await ana.get(Other, case.id)


async def test_readers_read_and_do_not_write(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with memory_network.cells("ana", "ben", role="reader") as [ana, ben]:
        case = await ana.create(Visit, title="a")
        theirs = await ben.get(Visit, case.id, wait=60)
        before = ben.entries(), await ben.state_digest()
        with pytest.raises(errors.NotPermitted) as caught:
            async with theirs.edit() as draft:
                draft.title = "b"
        assert caught.value.code == "not_permitted"
        with pytest.raises(errors.NotPermitted):
            await ben.create(Visit, title="c")
        with pytest.raises(errors.NotPermitted):
            await ben.create_invite(confirm=lambda _: True)
        assert (ben.entries(), await ben.state_digest()) == before
        assert theirs.title == "a"
    async with memory_network.device("ben").opened() as ben:
        assert ben.entries() == before[0]


async def test_writers_do_not_invite(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    _, ben = cell_pair
    with pytest.raises(errors.NotPermitted):
        await ben.create_invite(confirm=lambda _: True)


# --- conflicts ------------------------------------------------------------------------------------------


async def test_a_conflict_is_readable_and_resolved_everywhere(
    autojump_clock: MockClock, cell_pair: CellPair, memory_network: MemoryNetwork
) -> None:
    ana, ben = cell_pair
    case = await ana.create(Visit, title="a")
    theirs = await ben.get(Visit, case.id, wait=60)
    await level([ana, ben])
    memory_network.partition("ana", "ben")
    async with case.edit() as draft:
        draft.title = "of Ana"
        draft.roles["lawyer"] = "M."
        draft.parcels.increment(1)
    async with theirs.edit() as mine:
        mine.title = "of Ben"
        mine.roles["lawyer"] = "K."
        mine.parcels.increment(2)
    memory_network.heal()
    await level([ana, ben])
    for one in (case, theirs):
        shown = {(conflict.path, conflict.key): conflict for conflict in one.conflicts()}
        assert shown.keys() == {("title", None), ("roles", "lawyer")}
        said = {(value.author, value.value) for value in shown["title", None].values}
        assert said == {("Ana", "of Ana"), ("Ben", "of Ben")}
        assert one.parcels == 3
    assert case.title == theirs.title
    async with case.edit() as draft:
        for conflict in case.conflicts():
            draft.resolve(conflict, "decided")
    await level([ana, ben])
    for one in (case, theirs):
        assert one.conflicts() == []
        assert (one.title, dict(one.roles)) == ("decided", {"lawyer": "decided"})


async def test_equal_concurrent_values_are_no_conflict(
    autojump_clock: MockClock, cell_pair: CellPair, memory_network: MemoryNetwork
) -> None:
    ana, ben = cell_pair
    case = await ana.create(Visit, title="a")
    theirs = await ben.get(Visit, case.id, wait=60)
    memory_network.partition("ana", "ben")
    for one in (case, theirs):
        async with one.edit() as draft:
            draft.title = "the same"
    memory_network.heal()
    await level([ana, ben])
    assert case.conflicts() == theirs.conflicts() == []
    assert {value.author for value in case.said("title")} == {"Ana", "Ben"}


async def test_an_edit_of_something_that_changes_meanwhile(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, ben = cell_pair
    case = await ana.create(Visit, title="a")
    theirs = await ben.get(Visit, case.id, wait=60)
    async with case.edit() as draft:
        draft.title = "of Ana"
        async with theirs.edit() as mine:
            mine.title = "of Ben"
        await level([ana, ben])
        assert case.title == "of Ben"
    assert {value.value for value in case.said("title")} == {"of Ana", "of Ben"}


# --- other schemas ---------------------------------------------------------------------------------------


async def test_another_schema_of_the_same_kind_loses_nothing(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, ben = cell_pair
    case = await ana.create(Visit, title="a", status="postponed")
    theirs = await ben.get(Narrow, case.id, wait=60)
    async with case.changes() as mine, theirs.changes() as seen, ben.changes() as all_seen:
        async with case.edit() as draft:
            draft.title = "b"
            draft.tags.add("x")
            draft.roles["k"] = "v"
            draft.parcels.increment(1)
            draft.notes.append("n")
        async with theirs.edit() as other:
            other.title = 5
            other.tags.add(6)
            other.roles[7] = 8
            other.notes.append(9)
            other.urgent = True
        await level([ana, ben])
        for stream in (mine, seen, all_seen):
            with trio.move_on_after(1):
                async for change in stream:
                    assert change.path
    assert set(case.tags) == {"x"}
    assert set(theirs.tags) == {6}
    assert "urgent" in case.extra
    assert not [task for task in ben.node.links.values() if task.outcome]
    assert len(ben.node.links) == 1


async def test_a_case_without_a_schema(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, ben = cell_pair
    case = await ana.create(Visit, title="a")
    plain = await ben.get(GenericCase, case.id, wait=60)
    async with plain.changes() as changes, case.edit() as draft:
        draft.title = "b"
        draft.notes.append("n")
    await level([ana, ben])
    assert "title" in repr(plain.extra) or plain.said("title")
    assert plain.said("title")[0].value == "b"
    del changes


async def test_reprs_show_no_content(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, ben = cell_pair
    case = await ana.create(Visit, title="hidden title")
    async with case.edit() as draft:
        draft.notes.append("hidden note")
        draft.tags.add("hidden tag")
        draft.roles["hidden key"] = "hidden value"
    shown = [
        ana, case, case.notes, case.tags, case.roles, case.notes.items, case.said("title"), ana.first.circle, ana.node,
        ben, ben.first.circle.replica,
    ]  # fmt: skip
    for one in shown:
        assert "hidden" not in repr(one)
        assert PASSPHRASE not in repr(one)


async def test_many_flags_of_one_reason_push_out_no_other(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, ben = cell_pair
    burnt = Flag(Reason.BURNT_CODES, ben.device, "Ben", None)
    many = [Flag(Reason.NO_RIGHT, ben.device, "Ben", CaseId(number.to_bytes(32, "big"))) for number in range(1_000)]
    ana.first._flags.add([burnt, *many, many[-1]])
    assert burnt in ana.flags
    assert many[-1] in ana.flags
    assert len(ana.flags) == len(set(ana.flags)) < 500


async def test_reprs_show_no_names(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, ben = cell_pair
    now = ana.first.circle.surroundings.now()
    shown = [
        ana.members(), ana.peers(), ana.first.circle.replica.circle.found, ana.first.circle.replica.circle.active(),
        Asked("Ana", ("Ben",)), Flag(Reason.FUTURE, ben.device, "Ben", None),
        Hello(ana.secrets.public, "Ben", b"", now), joiner.WordsReady(WORDS, compare(now, now, 0)),
        inviter.Introduced("Ben", WORDS, ana.secrets.public, compare(now, now, 0)),
        inviter.Agreed("Ben", ana.secrets.public),
        Identity(ana.secrets.signing, ana.secrets.session, "Ana"),
    ]  # fmt: skip
    assert {member.name for member in ana.members()} == {"Ana", "Ben"}
    for one in shown:
        assert not any(name in repr(one) for name in ("Ana", "Ben", "Mill Street"))


async def test_ids_from_outside_are_the_same_on_every_device(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, ben = cell_pair
    assert ana.case_id("org.example.visit", "row 1") == ben.case_id("org.example.visit", "row 1")
    assert ana.case_id("org.example.visit", "row 1") != ana.case_id("org.example.visit", "row 2")
    assert ana.case_id("org.example.visit", "row 1") != ana.case_id("org.example.other", "row 1")


async def test_one_edit_costs_the_same_after_many(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    """Counted in statements of the store, not in time."""
    device = await memory_network.device("ana").found()
    async with device.opened() as ana:
        reads = 0
        for name in ("entry_at", "chain_slice", "case_entries", "arrivals"):
            original = getattr(ana.first.circle.store, name)

            def counted(*args: object, call: object = original) -> object:
                nonlocal reads
                result = call(*args)  # type: ignore[operator]
                reads += len(result) if isinstance(result, list) else 1
                return result

            setattr(ana.first.circle.store, name, counted)
        case = await ana.create(Visit, title="a")

        async def cost() -> int:
            nonlocal reads
            reads = 0
            async with case.edit() as draft:
                draft.notes.append("n")
                draft.title = str(len(draft.notes))
            await trio.sleep(10)  # tidying included
            return reads

        early = [await cost() for _ in range(3)]
        for _ in range(300):
            async with case.edit() as draft:
                draft.notes.append("n")
        late = [await cost() for _ in range(3)]
    assert max(late) <= max(early) + 2


async def test_a_reader_who_forces_an_entry_is_flagged_and_shown_to_nobody(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """A changed program on the reader's device: it does not ask itself for permission."""
    net = memory_network
    async with net.cells("ana", "ben", role="reader") as [ana, ben]:
        device = await net.device("cara").join(ana)
        async with device.opened() as cara:
            case = await ana.create(Visit, title="a")
            theirs = await ben.get(Visit, case.id, wait=60)
            write_locked = ben.first.circle.write_locked

            async def forced(secret: SigningSecret, intentions: list[Intention], *_: Any, **__: Any) -> Plan:
                plan = ben.first.circle.replica.plan_writes(
                    ben.first.circle.line,
                    secret,
                    intentions,
                    ben.first.circle.surroundings.now(),
                )
                return await ben.first.circle._commit(plan, OWN_HAND)

            ben.first.circle.write_locked = forced  # type: ignore[method-assign]
            async with theirs.edit() as draft:
                draft.title = "forged"
            ben.first.circle.write_locked = write_locked  # type: ignore[method-assign]
            await level([ana, ben, cara])
            assert case.title == "a"
            assert (await cara.get(Visit, case.id, wait=60)).title == "a"
            for one in (ana, cara):
                assert [(flag.reason, flag.author) for flag in one.flags] == [("no_right", "ben")]
            async with case.edit() as edit:  # and the others go on
                edit.title = "b"
            await level([ana, ben, cara])
            assert (await cara.get(Visit, case.id)).title == "b"
    net.check_failures()


async def test_what_is_too_much_for_one_edit(cell_pair: CellPair, autojump_clock: MockClock) -> None:
    ana, ben = cell_pair
    case = await ana.create(Visit, title="many")

    async def many_notes() -> None:
        async with case.edit() as draft:
            for number in range(900):
                draft.notes.append(f"note {number}")

    async def long_list() -> None:
        async with (await ana.get(GenericCase, case.id)).edit() as draft:
            draft.write("anything", list(range(1_022)))

    with pytest.raises(errors.InvalidValue, match="at most 4096 elements"):
        await many_notes()
    with pytest.raises(errors.InvalidValue, match="'anything'"):
        await long_list()
    async with (await ana.get(GenericCase, case.id)).edit() as draft:
        draft.write("anything", list(range(1_021)))
        draft.map("pairs")["k"] = list(range(1_021))
    assert not case.notes
    await ana.synced(timeout=60)
    assert len((await ben.get(GenericCase, case.id)).read("anything")) == 1_021


async def test_a_case_that_is_full(
    cell_pair: CellPair, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, ben = cell_pair
    monkeypatch.setattr(caps, "CASE_OPERATIONS", 5)
    case = await ana.create(Visit, title="full")  # two operations, or three
    hers = await ben.get(Visit, case.id, wait=60)

    async def notes(of: Visit) -> None:
        for number in range(6):
            async with of.edit() as draft:
                draft.notes.append(f"note {number}")

    with pytest.raises(errors.InvalidValue, match="all that a case can show"):
        await notes(case)
    async with hers.edit() as draft:
        draft.notes.append("and a note of another device")
    await ben.synced(timeout=60)
    assert [len(one.notes) for one in (case, hers)] == [len(case.notes)] * 2
    assert len(case.notes) > 1


async def test_what_has_to_be_given_when_a_case_is_created(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    """A schema that says `title: Register[str]` once made cases without one."""
    ana, _ = cell_pair
    before = ana.entries()
    with pytest.raises(errors.InvalidValue, match="Visit lacks 'title'"):
        await ana.create(Visit)  # type: ignore[call-arg]
    with pytest.raises(errors.InvalidValue, match="Visit has no field 'titel'") as caught:
        await ana.create(Visit, title="a", titel="b")  # type: ignore[call-arg]
    assert caught.value.hint == "Registers are given: title, status."
    with pytest.raises(errors.InvalidValue, match="takes no log when it is created: 'notes'"):
        await ana.create(Visit, title="a", notes=["b"])  # type: ignore[call-arg]
    assert ana.entries() == before


async def test_edits_of_one_device_side_by_side_do_not_contradict_each_other(
    autojump_clock: MockClock, cell_pair: CellPair
) -> None:
    ana, ben = cell_pair
    case = await ana.create(Visit, title="before")
    async with case.edit() as draft:
        draft.notes.append("a line")
    async with case.edit() as outer:  # a form that stays open
        async with case.edit() as inner:  # and a quick change beside it
            inner.title = "quick"
            inner.status = "closed"
            inner.roles["lawyer"] = "M."
            inner.tags.add("quick")
            inner.notes.correct(inner.notes.items[0], "quick line")
        outer.title = "slow"
        outer.roles["lawyer"] = "V."
        outer.tags.add("slow")
        outer.notes.correct(outer.notes.items[0], "slow line")
    assert case.conflicts() == []
    assert (case.title, case.status, dict(case.roles), set(case.tags), list(case.notes)) == (
        "slow", "closed", {"lawyer": "V."}, {"quick", "slow"}, ["slow line"],
    )  # fmt: skip

    async def write(title: str) -> None:
        async with case.edit() as mine:
            mine.title = title
            await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        for title in ("one", "two", "three"):
            nursery.start_soon(write, title)
    assert (case.conflicts(), case.title in {"one", "two", "three"}) == ([], True)
    written = " ".join(did for row in (await ana.graph(case)).rows for did in row.did)
    assert all(title in written for title in ("quick", "slow", "one", "two", "three"))  # nothing is lost
    await level([ana, ben])
    theirs = await ben.get(Visit, case.id)
    assert (theirs.conflicts(), theirs.title) == ([], case.title)


async def test_a_case_is_read_by_the_text_of_its_id(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    """As it stands in the local API, in JSON and on the command line. It was "There is nothing with this id here"."""
    ana, ben = cell_pair
    case = await ana.create(Visit, title="a")
    assert (await ana.get(Visit, case.id.hex())).title == "a"
    assert (await ben.get(Visit, case.id.hex().upper(), wait=60)).id == case.id
    for wrong in ("abc", "", case.id.hex()[:63], "g" * 64, 7, None):
        with pytest.raises(errors.InvalidValue) as raised:
            await ana.get(Visit, wrong)  # type: ignore[arg-type]
        assert "case.id.hex()" in raised.value.hint
    with pytest.raises(errors.NotFound):
        await ana.get(Visit, "0" * 64)
