from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell, Change, Log, Register, Schema, Set, empty
from cellsync.cell import followers
from cellsync.core.replica.replica import Replica
from cellsync.testing import MemoryNetwork, level
from cellsync.testing.fixtures import CellPair
from tests.cell.cells import Visit

BACKLOG = 40


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Followers that fall behind sooner."""
    monkeypatch.setattr(followers, "BACKLOG", BACKLOG)


async def heard(changes: AsyncIterator[Change], quiet: float = 5) -> list[Change]:
    """What comes until nothing has come for some virtual seconds."""
    got: list[Change] = []
    with trio.move_on_after(quiet) as scope:
        async for change in changes:
            got.append(change)
            scope.deadline = trio.current_time() + quiet
    return got


async def test_a_change_tells_what_was_and_what_is(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, ben = cell_pair
    case = await ana.create(Visit, title="a")
    theirs = await ben.get(Visit, case.id, wait=60)
    async with case.changes() as here, theirs.changes() as there:
        async with case.edit() as draft:
            draft.title = "b"
            draft.tags.add("x")
            draft.roles["k"] = "v"
            draft.parcels.increment(2)
            draft.notes.append("n")
        mine, others = await heard(here), await heard(there)
    for got, local, cause in ((mine, True, "edit"), (others, False, "sync")):
        by_path = {change.path: change for change in got}
        assert len(got) == len(by_path) == 5
        assert (by_path["title"].before, by_path["title"].value) == ("a", "b")
        assert (by_path["tags"].before, by_path["tags"].value) == (frozenset(), {"x"})
        assert (by_path["roles"].before, by_path["roles"].value) == ({}, {"k": "v"})
        assert (by_path["parcels"].before, by_path["parcels"].value) == (0, 2)
        assert (by_path["notes"].before, by_path["notes"].value) == (None, "n")
        assert {change.author for change in got} == {"Ana"}
        assert {change.local for change in got} == {local}
        assert {change.cause for change in got} == {cause}
        assert {change.case for change in got} == {case.id}
        assert "b" not in repr(by_path["title"]).split()


async def test_following_all_cases(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, ben = cell_pair
    async with ben.changes() as changes:
        one = await ana.create(Visit, title="one")
        other = await ana.create(Visit, title="two")
        got = await heard(changes)
    assert [(change.case, change.path, change.value) for change in got] == [
        (one.id, "title", "one"),
        (other.id, "title", "two"),
    ]


async def test_there_is_no_gap_between_reading_and_following(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """A writer that never pauses; a reader that comes at an arbitrary moment knows the sum of both."""
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        case = await ana.create(Visit, title="a")
        theirs = await ben.get(Visit, case.id, wait=60)

        async def write() -> None:
            for number in range(60):
                async with case.edit() as draft:
                    draft.notes.append(str(number))
                await trio.sleep(0.01)

        for wait in (0.1, 0.305, 0.5001):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(write)
                await trio.sleep(wait)
                async with theirs.changes() as changes:
                    known = [item.value for item in theirs.notes.items]
                    known += [change.value for change in await heard(changes)]
            assert known == [item.value for item in case.notes.items]


async def test_going_on_after_a_cursor_gives_what_was_missed(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    laptop = await net.device("ana").found()
    async with laptop.opened() as ana:
        ben_device = await net.device("ben").join(ana)
        case = await ana.create(Visit, title="0")
        async with ben_device.opened() as ben:
            theirs = await ben.get(Visit, case.id, wait=60)
            await level([ana, ben])
            cursor = ben.cursor()
            async with case.edit() as draft:
                draft.notes.append("while following nobody")
            await level([ana, ben])
            async with theirs.changes(since=cursor) as changes:
                got = await heard(changes)
                assert [change.value for change in got] == ["while following nobody"]
                async with case.edit() as draft:
                    draft.title = "live"
                got = await heard(changes)
                assert [change.value for change in got] == ["live"]
            cursor = got[-1].cursor
        for number in range(3):
            async with case.edit() as draft:
                draft.notes.append(f"while closed {number}")
        other = await ana.create(Visit, title="another case")
        async with ben_device.opened() as ben:
            await level([ana, ben])
            theirs = await ben.get(Visit, case.id)
            async with theirs.changes(since=cursor) as changes:
                got = await heard(changes)
            assert [change.value for change in got] == [f"while closed {number}" for number in range(3)]
            assert not any(change.local for change in got)
            async with ben.changes(since=cursor) as changes:
                assert [change.case for change in await heard(changes)] == [case.id] * 3 + [other.id]
            async with ben.changes(since=ben.cursor()) as changes:
                assert await heard(changes) == []


class Typed(Schema, kind="org.example.typed", version=1):
    title: Register[str]
    tags: Set[str] = empty()
    notes: Log[str] = empty()


async def test_after_any_cursor_nothing_is_missed(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    """Also after the cursor of the second of five changes that came at once."""
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        case = await ana.create(Typed, title="a")
        theirs = await ben.get(Typed, case.id, wait=60)
        memory_network.partition("ana", "ben")
        async with theirs.changes() as changes, ben.changes() as of_all:
            for number in range(4):
                async with case.edit() as draft:
                    draft.title = f"title {number}"
                    draft.tags.add(f"tag {number}")
                    draft.notes.append(f"note {number} a")
                    draft.notes.append(f"note {number} b")
                await ana.create(Visit, title="of no interest")
            memory_network.heal()
            await level([ana, ben])
            live, live_all = await heard(changes), await heard(of_all)
        assert len(live) == 16
        for at, change in enumerate(live):
            async with theirs.changes(since=change.cursor) as changes:
                again = await heard(changes)
            wanted = [one.value for one in live[at + 1 :] if one.path == "notes"]
            told = [one.value for one in again if one.path == "notes"]
            assert told[len(told) - len(wanted) :] == wanted
            # values of the other fields read as in live changes: what the field reads now
            assert {type(one.value) for one in again if one.path == "tags"} <= {frozenset}
        async with theirs.changes(since=live[-1].cursor) as changes:
            assert await heard(changes) == []
        async with ben.changes(since=live_all[-1].cursor) as changes:
            assert await heard(changes) == []


@pytest.mark.parametrize(
    "cursor",
    ["", ":", "x", "00000000:0", "{life}:", "{life}:99999", "{life}:1x", "{life}:²", "{life}:" + 5000 * "9"],
)
async def test_a_cursor_of_elsewhere_says_reset(autojump_clock: MockClock, cell_pair: CellPair, cursor: str) -> None:
    ana, _ = cell_pair
    case = await ana.create(Visit, title="a")
    cursor = cursor.format(life=ana.cursor().partition(":")[0])
    for follow in (ana.changes(since=cursor), case.changes(since=cursor)):
        async with follow as changes:
            async with case.edit() as draft:
                draft.notes.append("after it")
            got = await heard(changes)
        assert [change.cause for change in got] == ["reset", "edit"]
        async with ana.changes(since=got[0].cursor) as changes:  # what it gives can be gone on from
            assert [change.value for change in await heard(changes)] == ["after it"]


async def test_the_cursor_of_another_device_says_reset(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, ben = cell_pair
    async with ben.changes(since=ana.cursor()) as changes:
        [change] = await heard(changes)
    assert change.cause == "reset"


async def test_a_slow_follower_never_blocks_a_writer(
    autojump_clock: MockClock, cell_pair: CellPair, short: None
) -> None:
    ana, ben = cell_pair
    case = await ana.create(Visit, title="a")
    async with case.changes() as slow, ana.changes() as quick:
        read: list[Change] = []

        async def follow() -> None:
            async for change in quick:
                read.append(change)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(follow)
            for number in range(BACKLOG // 2 + 20):
                async with case.edit() as draft:
                    draft.title = str(number)
                    draft.notes.append(str(number))
            await level([ana, ben])
            assert [change.value for change in read if change.path == "title"][-1] == str(number)
            assert not [change for change in read if change.cause == "reset"]
            nursery.cancel_scope.cancel()
        got = await heard(slow)
        assert [change.cause for change in got].count("reset") == 1
        assert got[-1].cause == "reset"
        assert len(got) == BACKLOG + 1
        async with case.edit() as draft:  # afterwards it follows again, with nothing between
            draft.title = "caught up"
        [last] = await heard(slow)
        assert last.value == "caught up"
    async with case.changes(since=got[-1].cursor) as changes:
        assert [change.value for change in await heard(changes)] == ["caught up"]


async def test_a_follower_that_falls_behind_again(autojump_clock: MockClock, cell_pair: CellPair, short: None) -> None:
    ana, _ = cell_pair
    case = await ana.create(Visit, title="a")
    async with case.changes() as slow:
        for _ in range(2):
            for number in range(BACKLOG + 5):
                async with case.edit() as draft:
                    draft.title = str(number)
            got = await heard(slow)
            assert got[-1].cause == "reset"
            assert len(got) == BACKLOG + 1


async def test_it_ends_with_its_block(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, _ = cell_pair
    case = await ana.create(Visit, title="a")
    async with case.changes() as changes, case.edit() as draft:
        draft.title = "b"
    with trio.fail_after(1):
        assert [change.value async for change in changes] == ["b"]
    async with case.edit() as draft:
        draft.title = "c"
    assert len(ana.first.followers) == 0


async def test_it_ends_with_the_cell(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    laptop = await memory_network.device("ana").found()
    ended = trio.Event()

    async def follow(cell: Cell, task_status: trio.TaskStatus[None]) -> None:
        async with cell.changes() as changes:
            task_status.started()
            async for _ in changes:
                pass
        ended.set()

    async with trio.open_nursery() as nursery:
        async with laptop.opened() as ana:
            await nursery.start(follow, ana)
        with trio.fail_after(10):
            await ended.wait()


async def test_followers_that_come_and_go_leave_nothing(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, _ = cell_pair
    case = await ana.create(Visit, title="a")
    for _ in range(20):
        async with case.changes():
            pass
        with trio.move_on_after(1):
            async with ana.changes() as changes:
                async for _ in changes:
                    pass
    assert len(ana.first.followers) == 0


async def test_what_nobody_follows_costs_an_arrival_nothing(
    autojump_clock: MockClock, cell_pair: CellPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the case that somebody reads is brought forward; nobody's name is looked up for the others."""
    ana, ben = cell_pair
    read = await ana.create(Visit, title="read")
    theirs = await ben.get(Visit, read.id, wait=60)
    asked: list[object] = []
    monkeypatch.setattr(Replica, "name", lambda _, device: asked.append(device))
    others = [await ana.create(Visit, title=f"other {at}") for at in range(5)]
    async with read.edit() as draft:
        draft.title = "changed"
    await ana.synced()
    assert (theirs.title, (await ben.get(Visit, others[4].id)).title) == ("changed", "other 4")
    assert asked == []
