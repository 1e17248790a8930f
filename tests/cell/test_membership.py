"""Membership in whole cells: removed offline, contested, endorsed, released, and what each device shows of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from cellsync import Cell
from cellsync.cell.membership import Membership, Roster
from cellsync.cell.reasons import sentences
from cellsync.core.errors import FloorTooLow, InvalidValue, NotFound, NotPermitted, Removed
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.ids import MemberId
from cellsync.core.membership.control import Role
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from cellsync.ledger.source import FromSession
from cellsync.testing import MemoryNetwork, level
from tests.cell.cells import DAY, Visit, founded_as_before


def member(cell: Cell) -> MemberId:
    return MemberId(cell.device)


async def statuses(cell: Cell) -> dict[str, str]:
    return {one.name: one.status for one in (await cell.first.membership.roster()).members}


async def roles(cell: Cell) -> dict[str, str | None]:
    return {one.name: one.role for one in (await cell.first.membership.roster()).members}


async def until(*cells: Cell, say: dict[str, str]) -> None:
    """Wait until all of these cells show these statuses."""
    with trio.fail_after(1200):
        for cell in cells:
            while say.items() - (await statuses(cell)).items():
                await cell.node.links.changed.wait()


async def test_a_member_is_removed_offline_and_the_late_testimony_released(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with memory_network.cells("ana", "ben", "cara") as [ana, ben, cara]:
        case = await ana.create(Visit, title="12 Mill St")
        await level([ana, ben, cara])
        memory_network.partition("ana", ["ben", "cara"])
        await ana.first.membership.remove([member(ben)])
        assert await statuses(ana) == {"ana": "active", "ben": "removed", "cara": "active"}
        async with (await ben.get(Visit, case.id)).edit() as draft:
            draft.notes.append("late testimony")
        await level([ben, cara])
        assert list((await cara.get(Visit, case.id)).notes) == ["late testimony"]
        memory_network.heal()
        memory_network.partition("ana", "ben")
        await until(cara, say={"ben": "removed"})
        await level([ana, cara])
        held = (await ana.first.membership.roster()).quarantine[0]
        for cell in (ana, cara):
            assert list((await cell.get(Visit, case.id)).notes) == []
            held = (await cell.first.membership.roster()).quarantine[0]
            assert (held.name, len(held.entries), held.cases) == ("ben", 1, ((case.id, 1),))
        with pytest.raises(NotPermitted):
            await cara.first.membership.release(held.device)
        await ana.first.membership.release(held.device)
        await level([ana, cara])
        for cell in (ana, cara):
            assert list((await cell.get(Visit, case.id)).notes) == ["late testimony"]
            assert (await cell.first.membership.roster()).quarantine == []
        with pytest.raises(NotFound):
            await ana.first.membership.release(held.device)


async def test_one_entry_of_several_is_released(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with memory_network.cells("ana", "ben", "cara") as [ana, ben, cara]:
        memory_network.partition("ana", ["ben", "cara"])
        await ana.first.membership.remove([member(ben)])
        written = [await ben.create(Visit, title=title) for title in ("true", "false")]
        await level([ben, cara])
        memory_network.heal()
        memory_network.partition("ana", "ben")
        await until(cara, say={"ben": "removed"})
        await level([ana, cara])
        [held] = (await ana.first.membership.roster()).quarantine
        assert [case for case, _ in held.cases] == [one.id for one in written]
        await ana.first.membership.release(entries=[held.entries[0]])
        await level([ana, cara])
        for cell in (ana, cara):
            assert [visit.title for visit in await cell.cases(Visit)] == ["true"]


async def test_what_a_removed_device_may_still_do(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    """It reads, and writes nothing to cases; a writer contests nothing."""
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        await ana.create(Visit, title="12 Mill St")
        assert await ana.first.membership.require()
        await level([ana, ben])
        memory_network.partition("ana", "ben")
        await ben.first.membership.leave()
        assert await statuses(ben) == {"ana": "active", "ben": "removed"}
        roster = await ben.first.membership.roster()
        assert roster.own.removal is not None
        assert (roster.own.removal.kind, roster.own.removal.by) == ("leave", "ben")
        assert [visit.title for visit in await ben.cases(Visit)] == ["12 Mill St"]
        with pytest.raises(Removed):
            await ben.create(Visit, title="more")
        with pytest.raises(NotPermitted):
            await ben.first.membership.leave()


async def test_the_last_coordinator_stays_one(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    """A lesser role would be held back (rule 11), and suspend them: nobody but the paper could end that."""
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        for less in (Role.WRITER, Role.READER):
            with pytest.raises(NotPermitted, match="Nobody else coordinates"):
                await ana.first.membership.set_role(member(ana), less)
        assert await statuses(ana) == {"ana": "active", "ben": "active"}
        assert await roles(ana) == {"ana": "coordinator", "ben": "writer"}
        await coordinators(memory_network, ana, ben)
        await ana.first.membership.set_role(member(ana), Role.WRITER)
        assert await roles(ana) == {"ana": "writer", "ben": "coordinator"}
        await level([ana, ben])
        with pytest.raises(NotPermitted, match="Nobody else coordinates"):
            await ben.first.membership.set_role(member(ben), Role.READER)


async def test_who_is_suspended_gives_no_roles(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    """What they give would be undecided, and say nothing of it."""
    async with memory_network.cells("ana", "ben", "cara") as [ana, ben, cara]:
        await coordinators(memory_network, ana, ben)
        await ana.first.membership.remove([member(ben)])
        await bring(ana, ben)
        await ben.first.membership.contest((await ben.first.membership.to_contest())[0].entry)
        assert (await statuses(ben))["ben"] == "suspended"
        with pytest.raises(NotPermitted, match="does not count now"):
            await ben.first.membership.set_role(member(cara), Role.COORDINATOR)
        assert (await roles(ben))["cara"] == "writer"


async def test_who_wants_to_leave_says_so_once(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        assert (await ana.first.membership.leaving()).last_coordinator
        assert not (await ben.first.membership.leaving()).last_coordinator
        await ana.first.membership.leave()
        assert (await statuses(ana))["ana"] == "suspended"
        for again in (ana.first.membership.leaving, ana.first.membership.leave):
            with pytest.raises(NotPermitted, match="You have said already that you want to leave"):
                await again()
        await level([ana, ben])
        assert not (await ben.first.membership.leaving()).last_coordinator, "a writer's leaving waits for nobody"


async def test_nobody_leaves_a_circle_in_which_they_are_alone(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Nobody is left whom the paper could make a coordinator: it would be held back for ever."""
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        await ana.first.membership.remove([member(ben)])
        for deed in (ana.first.membership.leaving, ana.first.membership.leave):
            with pytest.raises(NotPermitted, match="Nobody else is in this circle"):
                await deed()
        assert (await statuses(ana))["ana"] == "active"


async def required(*cells: Cell) -> None:
    """Wait until the floor of all is 2."""
    with trio.fail_after(600):
        for cell in cells:
            while cell.first.circle.replica.floor < 2:
                await cell.node.links.changed.wait()


async def coordinators(net: MemoryNetwork, ana: Cell, *others: Cell) -> None:
    """Make these coordinators, and let each have required what the new kinds need."""
    for cell in others:
        await ana.first.membership.set_role(member(cell), Role.COORDINATOR)
    await level([ana, *others])
    await required(ana, *others)
    await level([ana, *others])


async def bring(source: Cell, to: Cell) -> None:
    """Bring what one holds to the other, whom nobody tells anything any more."""
    circle = to.first.circle
    lengths = {
        number: min(held.length, chain.length)
        for number, chain in source.first.circle.replica.held.chains.items()
        for held in circle.branches(chain.line)
    }
    async with source.first.circle.lock:
        cursor = source.first.circle.cursor_for(PeerHoldings(lengths, (), ()))
        served = source.first.circle.serve(cursor, PeerHoldings(lengths, (), ()), source.first.circle.last_arrival())
    assert served.batch is not None
    await circle.ingest(served.batch, FromSession(None, 1))
    await wait_all_tasks_blocked()  # what follows from it is kept


def open_strikes(roster: Roster) -> list[tuple[str, str, str]]:
    return [(one.by, one.whom[0], one.state) for one in roster.strikes]


async def test_two_coordinators_remove_each_other_and_a_third_decides(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with memory_network.cells("ana", "ben", "cara", "dan") as [ana, ben, cara, dan]:
        await coordinators(memory_network, ana, ben)
        await coordinators(memory_network, ana, cara)
        await ben.first.membership.endorse(await ben.first.membership.to_endorse(member(cara)))
        await level([ana, ben, cara, dan])
        memory_network.partition("ana", ["ben", "dan"])
        memory_network.partition("cara", ["ben", "dan"])
        await ana.first.membership.remove([member(ben)])
        await ben.first.membership.remove([member(ana)])
        await until(cara, say={"ben": "removed"})
        await until(dan, say={"ana": "removed"})
        memory_network.heal()
        await until(dan, cara, say={"ana": "suspended", "ben": "suspended"})
        roster = await cara.first.membership.roster()
        assert sorted(open_strikes(roster)) == [("ana", "ben", "undecided"), ("ben", "ana", "undecided")]
        told = [line for one in await cara.first.membership.why(member(ana)) for line in sentences(one)]
        assert any("What would settle it: the word of " in line and "cara" in line for line in told)
        [anas] = [one.entry for one in roster.strikes if one.by == "ana"]
        assert anas in await cara.first.membership.to_endorse(member(ben))
        await cara.first.membership.endorse([anas])
        await until(cara, dan, say={"ana": "active", "ben": "removed"})
        states = {one.by: one.state for one in (await cara.first.membership.roster()).strikes}
        assert states == {"ana": "stands", "ben": "void"}


async def test_a_removal_is_contested_by_the_removed(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        await coordinators(memory_network, ana, ben)
        await ben.first.membership.remove([member(ana)])
        await bring(ben, ana)
        assert await statuses(ana) == {"ana": "removed", "ben": "active"}
        [removal] = await ana.first.membership.to_contest()
        with pytest.raises(NotPermitted):
            await ben.first.membership.contest(removal.entry)
        await ana.first.membership.contest(removal.entry)
        assert await statuses(ana) == {"ana": "suspended", "ben": "suspended"}


async def test_a_coordinator_who_never_came_is_removed_by_the_only_other(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """The edition that knows removals was required at the founding: nobody's word is waited for."""
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        memory_network.partition("ana", "ben")
        await ana.first.membership.set_role(member(ben), Role.COORDINATOR)
        await ana.first.membership.remove([member(ben)])
        assert await statuses(ana) == {"ana": "active", "ben": "removed"}


async def test_in_a_circle_of_before_nothing_is_removed_until_a_second_coordinator_has_required_it(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    founded_as_before(monkeypatch)
    async with memory_network.cells("ana", "ben", role="coordinator") as [ana, ben]:
        memory_network.partition("ana", "ben")
        with pytest.raises(FloorTooLow):
            await ana.first.membership.remove([member(ben)])
        assert await statuses(ana) == {"ana": "active", "ben": "active"}
        assert [(one.name, one.requires) for one in (await ana.first.membership.roster()).members] == [
            ("ana", True), ("ben", False),
        ]  # fmt: skip
        memory_network.heal()
        await level([ana, ben])
        await required(ana, ben)
        assert all(one.requires for one in (await ana.first.membership.roster()).members)
        await ana.first.membership.remove([member(ben)])
        assert await statuses(ana) == {"ana": "active", "ben": "removed"}


async def test_a_preview_says_what_they_keep_and_who_has_not_heard(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with memory_network.cells("ana", "ben", "cara") as [ana, ben, cara]:
        await coordinators(memory_network, ana, ben)
        dan = await memory_network.device("dan").join(ben)
        async with dan.opened() as dan_cell:
            await level([ana, ben, cara, dan_cell])
        await ana.create(Visit, title="12 Mill St")
        await level([ana, ben, cara])
        memory_network.partition("cara", "ana")
        await trio.sleep(60)
        preview = await ana.first.membership.preview([member(ben)])
        assert [one.name for one in preview.whom] == ["ben"]
        assert [(kept.name, kept.connected) for kept in preview.devices] == [("ben", True)]
        assert (preview.cases, preview.changes) == (1, ana.entries())
        assert set(preview.unaware) == {"cara", "dan"}
        assert [one.name for one in preview.admitted] == ["dan"]
        assert preview.seconds is not None
        assert preview.seconds.of == ()  # one of two: only the recovery key is left
        assert not preview.last_coordinator
        await ana.first.membership.remove([member(ben)], with_admitted=True)
        assert await statuses(ana) == {"ana": "active", "ben": "removed", "cara": "active", "dan": "removed"}


async def test_a_preview_says_if_more_may_come_from_where_one_decided_alone(
    memory_network: MemoryNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    """Ana alone has a word, and makes a coordinator twice, from one vault: 40-membership, T9."""
    net, device = memory_network, await memory_network.device("ana").found()
    async with device.opened() as ana:
        ben_device, cara_device = await net.device("ben").join(ana), await net.device("cara").join(ana)
    before = device.copy_to(tmp_path / "before")
    async with ben_device.opened() as ben, cara_device.opened() as cara:
        async with device.opened() as ana:
            await ana.first.membership.set_role(member(ben), Role.COORDINATOR)
            await level([ana, ben, cara])
            assert not (await ben.first.membership.preview([member(ana)])).planted
        device.put_back(before)
        net.partition("ana", ["ben", "cara"])
        async with device.opened() as ana:
            await ana.first.membership.set_role(member(cara), Role.COORDINATOR)
            net.heal()
            await level([ana, ben, cara])
            assert (await ben.first.membership.preview([member(ana)])).planted
            assert not (await ben.first.membership.preview([member(cara)])).planted


async def test_who_has_confirmed_a_removal(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with memory_network.cells("ana", "ben", "cara") as [ana, ben, cara]:
        memory_network.partition("ana", ["ben", "cara"])
        entry = await ana.first.membership.remove([member(ben)])
        assert await ana.first.membership.confirmed(entry) == []
        memory_network.heal()
        await until(cara, say={"ben": "removed"})
        with trio.fail_after(600):
            while await ana.first.membership.confirmed(entry) != [cara.device]:
                await ana.node.links.changed.wait()
        await cara.create(Visit, title="built on it")
        assert await cara.first.membership.confirmed(entry) == []  # nothing of the others is here that saw it


async def test_a_promoted_member_whose_word_does_not_count_yet(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with memory_network.cells("ana", "ben", "cara", "dan") as [ana, ben, cara, dan]:
        await coordinators(memory_network, ana, ben)
        await coordinators(memory_network, ana, cara)
        lacking = {one.name: one.lacks for one in (await ana.first.membership.roster()).members if one.lacks}
        assert {name: (lacks.words, lacks.of) for name, lacks in lacking.items()} == {"cara": (1, ("ben",))}
        [entry] = await ben.first.membership.to_endorse(member(cara))
        await ben.first.membership.endorse([entry])
        await level([ana, ben, cara, dan])
        assert [one.name for one in (await ana.first.membership.roster()).members if one.counts] == [
            "ana",
            "ben",
            "cara",
        ]
        assert await ben.first.membership.to_endorse(member(cara)) == []


async def test_a_silent_coordinator_is_named(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with memory_network.cells("ana", "ben", "cara") as [ana, ben, cara]:
        await coordinators(memory_network, ana, ben)
        assert not any(one.silent for one in (await ana.first.membership.roster()).members)
    later = [memory_network.device(name).with_clock(9 * DAY) for name in ("ana", "cara")]
    async with later[0].opened() as ana, later[1].opened() as cara:
        for cell in (ana, cara):
            await cell.create(Visit, title="nine days later")
        await level([ana, cara])
        silent = {one.name: one.silent for one in (await ana.first.membership.roster()).members if one.silent}
        assert silent == {"ben": 9}


async def test_what_is_not_permitted_says_why(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with memory_network.cells("ana", "ben", "cara") as [ana, ben, cara]:
        with pytest.raises(NotPermitted, match="Only coordinators remove others"):
            await ben.first.membership.remove([member(cara)])
        with pytest.raises(NotPermitted, match="Only coordinators change roles"):
            await ben.first.membership.set_role(member(cara), Role.READER)
        with pytest.raises(InvalidValue):
            await ana.first.membership.set_role(member(ben), Role.WRITER)
        with pytest.raises(InvalidValue):
            await ana.first.membership.remove([])
        with pytest.raises(NotFound):
            await ana.first.membership.contest((await ana.first.membership.why(member(ben)))[0].entry)
        await ana.first.membership.set_role(member(ben), Role.READER)
        assert await roles(ana) == {"ana": "coordinator", "ben": "reader", "cara": "writer"}
        [admitted, demoted] = await ana.first.membership.why(member(ben))
        assert sentences(admitted) == ["ana admitted ben as a writer. It stands.", "  Nobody has spoken against it."]
        assert demoted.what == "ana made ben a reader"


async def test_what_another_coordinator_requires_is_seconded_at_opening(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came while a build was here that did not know what it means."""
    founded_as_before(monkeypatch)
    net = memory_network
    async with (await net.device("ana").found()).opened() as ana:
        ben = await net.device("ben").join(ana, role="coordinator")
        with monkeypatch.context() as older:
            older.setattr(Membership, "committed", lambda *_: None)
            async with ben.opened() as cell:
                assert not await ana.first.membership.require(), "it takes two"
                await level([ana, cell])
                assert cell.first.circle.replica.floor < 2
        net.partition("ana", "ben")
        async with ben.opened() as cell:
            await required(cell)


async def test_who_is_no_writer_any_more_is_told_so_when_they_write(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        case = await ben.create(Visit, title="before")
        await level([ana, ben])
        await ana.first.membership.require()
        await ana.first.membership.set_role(member(ben), Role.READER)
        await level([ana, ben])
        count = Operation(int(Op.COUNT), "f", None, 1)
        for write in (ben.create(Visit, title="after"), ben.write([(case.id, [count])])):
            with pytest.raises(NotPermitted):
                await write
        assert [one.title for one in await ana.cases(Visit)] == ["before"]
